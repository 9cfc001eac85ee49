//! The rounds at one size.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kube_hipaa::snapshot::Snapshot;

use super::figures::Figures;
use super::{client, download, program, runtime, stages, timed};
use crate::support::control_plane::ControlPlane;

/// What asks the server.
#[derive(Clone, Copy)]
enum Asker {
    Download,
    Scan,
    Collect,
}

/// In a fixed order, the server's garbage collector, which runs after every so many megabytes, always falls on the same one.
const ORDERS: [[Asker; 3]; 3] = [
    [Asker::Download, Asker::Scan, Asker::Collect],
    [Asker::Scan, Asker::Collect, Asker::Download],
    [Asker::Collect, Asker::Download, Asker::Scan],
];

/// Where things are, and the computing time of the measured programs so far.
struct Bench<'a> {
    server: Vec<u32>,
    kubeconfig: &'a Path,
    folder: PathBuf,
    snapshot: PathBuf,
    children: f64,
}

/// A round to warm up, then the measured ones.
pub fn measure(plane: &ControlPlane, kubeconfig: &Path, figures: &mut Figures, rounds: usize) {
    let scratch = tempfile::tempdir().unwrap();
    let mut bench = Bench {
        server: plane.processes().iter().map(|(_, id)| *id).collect(),
        kubeconfig,
        folder: scratch.path().join("evidence"),
        snapshot: scratch.path().join("snapshot"),
        children: 0.0,
    };
    bench.command("scan", &bench.folder);
    let warm = Snapshot::open(&bench.folder.join("snapshot")).unwrap();
    let lists = download::lists(&warm.index().requests);
    figures.objects = warm.index().sources.iter().map(|record| record.state.count()).sum();
    figures.findings = stages::run(&bench.folder.join("snapshot")).1;
    let ids: Vec<u32> = bench.server.iter().copied().chain([std::process::id()]).collect();
    let (begin, busy, ours) = (Instant::now(), program::busy(), program::computed(&ids));
    // As often in each order.
    for order in ORDERS.iter().cycle().take(rounds.next_multiple_of(ORDERS.len())) {
        for asker in order {
            bench.ask(*asker, &lists, figures);
        }
        let offline = tempfile::tempdir_in(scratch.path()).unwrap();
        let assess = program::run(program::command([
            OsStr::new("assess"),
            OsStr::new("--quiet"),
            bench.snapshot.as_os_str(),
            OsStr::new("-o"),
            offline.path().join("evidence").as_os_str(),
        ]));
        bench.cost("assess", &assess.unwrap(), figures);
        for (stage, wall) in stages::run(&bench.snapshot).0 {
            figures.add(stage, wall);
        }
        let help = program::run(program::command(["--help"])).unwrap();
        bench.cost("help", &help, figures);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let others = program::busy() - busy - (program::computed(&ids) - ours) - bench.children;
    figures.others = (others / (begin.elapsed().as_secs_f64() * cores)).max(0.0);
    for name in ["report.html", "report.md", "assessment.json"] {
        figures.file(name, std::fs::metadata(bench.folder.join(name)).unwrap().len());
    }
    let stored = std::fs::read_dir(bench.folder.join("snapshot")).unwrap();
    figures.file("snapshot", stored.map(|entry| entry.unwrap().metadata().unwrap().len()).sum());
}

impl Bench<'_> {
    fn command(&self, what: &str, into: &Path) -> program::Cost {
        let options = ["--quiet", "--force", "--kubeconfig"];
        let mut command = program::command(std::iter::once(what).chain(options));
        command.arg(self.kubeconfig).arg("-o").arg(into);
        program::run(command).unwrap()
    }

    fn ask(&mut self, asker: Asker, lists: &[download::List], figures: &mut Figures) {
        program::at_rest(&self.server);
        let before = program::computed(&self.server);
        let server = match asker {
            Asker::Download => {
                // A client of its own each time: a scan has to connect, too.
                let runtime = runtime();
                let discard = async { download::discard(&client(self.kubeconfig).await, lists).await.unwrap() };
                let (wall, (bytes, requests)) = timed(|| runtime.block_on(discard));
                drop(runtime);
                (figures.bytes, figures.requests) = (bytes, requests);
                figures.add("download", wall);
                "download: server"
            }
            Asker::Scan => {
                let cost = self.command("scan", &self.folder);
                self.cost("scan", &cost, figures);
                "scan: server"
            }
            Asker::Collect => {
                let cost = self.command("collect", &self.snapshot);
                self.cost("collect", &cost, figures);
                "collect: server"
            }
        };
        figures.add(server, program::computed(&self.server) - before);
    }

    fn cost(&mut self, what: &'static str, cost: &program::Cost, figures: &mut Figures) {
        let cpu = match what {
            "scan" => "scan: cpu",
            "collect" => "collect: cpu",
            "assess" => "assess: cpu",
            _ => "help: cpu",
        };
        figures.add(what, cost.wall);
        figures.add(cpu, cost.cpu);
        figures.peak(what, cost.peak);
        self.children += cost.cpu;
    }
}
