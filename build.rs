//! Sets the soname of the shared library; writes nothing into the source tree.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" {
        // One ABI, one soname: programs linked against any 1.x find every later 1.x.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwardkey.so.1");
        // The fork hook stays registered for the life of the process, so its code must stay mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
