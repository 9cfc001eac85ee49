//! Controls and templates are embedded by macros that the compiler does not follow: without this, a build after a change of them alone
//! would still hold the old ones, and its tests would say nothing about the new.

fn main() {
    for folder in ["controls", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
