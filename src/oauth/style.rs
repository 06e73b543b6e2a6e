//! How the pages look.

/// The one style sheet, inline: a page that asks for a password loads nothing from anywhere.
// Not a file of its own: a checkout that changed its line ends would change its hash, but not the text that
// the browser hashes.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--back:#eef2f4;--card:#fff;--line:#d3dce1;--text:#15232b;--soft:#51626c;\
--main:#0b5f74;--over:#084a5b;--on:#fff;--field:#fff;--edge:#7d8f99;--bad:#8f1d1d;--badback:#fdf0ef}\
@media(prefers-color-scheme:dark){:root{--back:#0f171b;--card:#172227;--line:#2b3a42;--text:#e7eef1;\
--soft:#a3b4bd;--main:#7fd0e4;--over:#a9e1ef;--on:#06242c;--field:#0f171b;--edge:#6d808a;--bad:#ffb8b0;\
--badback:#37201f}}\
*{box-sizing:border-box}\
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\
body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;align-items:center;\
padding:1rem;background:var(--back);color:var(--text);\
font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;\
overflow-wrap:anywhere}\
main{width:100%;max-width:26rem;margin:auto;background:var(--card);border:1px solid var(--line);\
border-radius:.75rem;padding:1.5rem;box-shadow:0 1px 2px rgba(0,0,0,.05),0 8px 24px rgba(0,0,0,.05)}\
header{display:flex;align-items:center;gap:.625rem;margin:0 0 1.25rem;padding:0 0 1rem;\
border-bottom:1px solid var(--line);font-weight:600}\
svg{flex:none;width:1.5rem;height:1.5rem;color:var(--main)}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}\
h1,button{-webkit-hyphens:auto;hyphens:auto;hyphenate-limit-chars:14 4 4}\
p{margin:0 0 1rem}\
ul{list-style:none;margin:0 0 1rem;padding:0;border:1px solid var(--line);border-radius:.5rem}\
li{padding:.625rem .875rem}\
li+li{border-top:1px solid var(--line)}\
code{font:.8125rem/1.4 ui-monospace,SFMono-Regular,Consolas,\"Liberation Mono\",monospace;\
color:var(--soft)}\
label{display:block;margin:0 0 .25rem;font-weight:600}\
input{display:block;width:100%;min-height:3rem;margin:0 0 1rem;padding:.5rem .75rem;font:inherit;\
color:inherit;background:var(--field);border:1px solid var(--edge);border-radius:.5rem}\
button{display:block;width:100%;min-height:3rem;margin:.75rem 0 0;padding:.5rem 1rem;font:inherit;\
font-weight:600;border:1px solid var(--edge);border-radius:.5rem;background:transparent;color:inherit;\
cursor:pointer}\
button.main{margin-top:.5rem;background:var(--main);border-color:var(--main);color:var(--on)}\
button:hover{border-color:var(--main)}\
button.main:hover{background:var(--over);border-color:var(--over)}\
input:focus-visible,button:focus-visible{outline:3px solid var(--main);outline-offset:2px}\
.bad{padding:.75rem .875rem;border:1px solid var(--bad);border-radius:.5rem;background:var(--badback);\
color:var(--bad)}\
.soft{margin:1.25rem 0 0;font-size:.875rem;color:var(--soft)}\
.soft+.soft{margin-top:.5rem}\
.soft strong{font-weight:600}\
@media(min-width:30rem){main{padding:2rem}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_loads_nothing_and_ends_no_element() {
        for forbidden in ["url(", "@import", "http", "<", "\n", "\r"] {
            assert!(!STYLE.contains(forbidden), "{forbidden}");
        }
        assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
    }
}
