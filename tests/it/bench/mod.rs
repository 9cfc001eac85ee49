//! How fast the program is, on a real API server that is filled like a real cluster. `make bench` runs it.
//!
//! Every number of one size comes from the same rounds: in each round one after the other is measured, so that what else the machine
//! does falls on all of them. Who asks the server first changes from round to round, because what one leaves in the server's memory
//! is cleaned up while another is served. What is compared are medians.

mod download;
mod figures;
mod fill;
mod measure;
mod objects;
mod program;
mod stages;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::{Builder, Runtime};

use crate::support::control_plane::{Audit, ControlPlane, Options};
use figures::{Figures, Machine};
use fill::Filling;

/// Pods of Deployments, when `KUBE_HIPAA_BENCH_PODS` names no sizes.
const PODS: usize = 5_000;
/// Measured rounds (three, or a multiple), when `KUBE_HIPAA_BENCH_ROUNDS` names no number.
const ROUNDS: usize = 9;

fn plane() -> ControlPlane {
    ControlPlane::start(&Options { audit: Audit::Off, ..Options::default() })
}

fn number(name: &str, otherwise: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.trim().parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// The sizes to measure, smallest first: a filled server can only grow.
fn sizes() -> Vec<usize> {
    let text = std::env::var("KUBE_HIPAA_BENCH_PODS").unwrap_or_default();
    let mut sizes: Vec<usize> = text
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().unwrap_or_else(|_| panic!("no number of pods: {word}")))
        .collect();
    if sizes.is_empty() {
        sizes.push(PODS);
    }
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().unwrap()
}

/// Must be called within a runtime.
async fn client(kubeconfig: &Path) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    config.proxy_url = None;
    Client::try_from(config).unwrap()
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begin = Instant::now();
    let done = work();
    (begin.elapsed().as_secs_f64(), done)
}

/// Fills a server step by step and measures at every size. Writes a table to standard output, and JSON to `KUBE_HIPAA_BENCH_OUT`.
#[test]
#[ignore = "measures for minutes: make bench"]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "numbers are what it is for")]
fn measure_speed() {
    if cfg!(debug_assertions) {
        panic!("only an optimised build says something: make bench");
    }
    let (sizes, rounds) = (sizes(), number("KUBE_HIPAA_BENCH_ROUNDS", ROUNDS));
    let machine = Machine::here();
    println!("{machine}");
    let plane = plane();
    let runtime = runtime();
    let mut filling = Filling::new(runtime.block_on(client(&plane.kubeconfig_admin())));
    let kubeconfig = crate::support::program::scanner(&plane);
    let mut all = Vec::new();
    for pods in sizes {
        let (wall, result) = timed(|| runtime.block_on(filling.grow(pods)));
        result.unwrap_or_else(|error| panic!("the server cannot be filled: {error}"));
        eprintln!("{pods} pods: {} objects made, the last ones in {wall:.0} s", filling.made());
        // The server's caches and the garbage of filling settle.
        std::thread::sleep(Duration::from_secs(3));
        let mut figures = Figures::new(pods);
        measure::measure(&plane, &kubeconfig, &mut figures, rounds);
        println!("\n{figures}");
        all.push(figures);
    }
    if let Some(path) = std::env::var_os("KUBE_HIPAA_BENCH_OUT") {
        figures::write(Path::new(&path), &machine, &all);
        eprintln!("{}", PathBuf::from(path).display());
    }
}

/// Not a test: keeps a filled server for whoever looks for what to improve. Ends when the file `KUBE_HIPAA_STOP` exists.
#[test]
#[ignore = "keeps a filled server running for a developer: set KUBE_HIPAA_STOP"]
#[expect(clippy::print_stderr, reason = "the developer has to learn where the kubeconfig is")]
fn keep_running_filled() {
    let stop = std::env::var_os("KUBE_HIPAA_STOP").map(PathBuf::from).expect("set KUBE_HIPAA_STOP to a file that does not exist yet");
    let plane = plane();
    let runtime = runtime();
    let mut filling = Filling::new(runtime.block_on(client(&plane.kubeconfig_admin())));
    for pods in sizes() {
        runtime.block_on(filling.grow(pods)).unwrap_or_else(|error| panic!("the server cannot be filled: {error}"));
    }
    eprintln!("export KUBECONFIG={}", crate::support::program::scanner(&plane).display());
    eprintln!("{} objects; ends when this file exists: {}", filling.made(), stop.display());
    while !stop.exists() {
        std::thread::sleep(Duration::from_millis(200));
    }
}
