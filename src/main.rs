//! `kube-hipaa`; everything is in the library so that tests can call it.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    kube_hipaa::cli::main()
}
