//! `kube-hipaa`; everything is in the library so that tests can call it.

fn main() -> std::process::ExitCode {
    kube_hipaa::cli::main()
}
