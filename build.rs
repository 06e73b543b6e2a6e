//! Sets the name that the shared library has for those who link it; writes nothing into the source tree.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let told = |name: &str| std::env::var(name).unwrap_or_default();
    match (told("CARGO_CFG_TARGET_OS").as_str(), told("CARGO_CFG_TARGET_ENV").as_str()) {
        ("linux", _) => {
            // One ABI, one soname: programs linked against any 1.x find every later 1.x.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwardkey.so.1");
            // The fork hook stays registered for the life of the process, so its code must stay mapped.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        // The file is named so too, once it is where it is shipped from: `wardkey.dll` is the managed library's name.
        ("windows", "gnu") => {
            let definition = Path::new(&told("OUT_DIR")).join("wardkey1.def");
            let written = std::fs::write(&definition, "LIBRARY wardkey1.dll\n");
            assert!(written.is_ok(), "cannot write {}: {written:?}", definition.display());
            println!("cargo:rustc-cdylib-link-arg={}", definition.display());
        }
        _ => {}
    }
}
