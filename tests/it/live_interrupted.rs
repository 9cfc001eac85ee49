//! Signals at any moment, and disks that are full: what was there before stays, or what is new is there whole; nothing lies around.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kube_hipaa::snapshot::Snapshot;

use crate::live_faults::cluster;
use crate::support::chance::Chance;
use crate::support::control_plane::{ControlPlane, Options};
use crate::support::program;

/// How often the program is interrupted.
const SIGNALS: usize = 208;
const WORKERS: usize = 2;

fn plane() -> (ControlPlane, PathBuf) {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    plane.apply(&cluster::manifest());
    let kubeconfig = program::scanner(&plane);
    cluster::wait_until_it_rests(&plane);
    (plane, kubeconfig)
}

/// What is asked for: the command, its output, and whether something of ours is there already.
#[derive(Clone, Copy, Debug)]
struct Run {
    command: &'static str,
    output: &'static str,
    over: bool,
}

const RUNS: [Run; 4] = [
    Run { command: "scan", output: "evidence", over: false },
    Run { command: "scan", output: "evidence", over: true },
    Run { command: "collect", output: "snapshot.zip", over: true },
    Run { command: "collect", output: "snapshot", over: true },
];

fn command(run: Run, kubeconfig: &Path, here: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    command.args([run.command, "--quiet", "--allow-incomplete", "--no-progress", "-o", run.output, "--kubeconfig"]).arg(kubeconfig);
    if run.over {
        command.arg("--force");
    }
    if run.command == "scan" {
        command.args(["--ephi-namespace", cluster::EPHI]);
    }
    command.current_dir(here).env("TMPDIR", here.join("tmp")).env_remove("KUBECONFIG").env_remove("HTTPS_PROXY").env_remove("https_proxy");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Every file below a folder, and a digest of what is in it.
fn files(folder: &Path) -> BTreeSet<(PathBuf, String)> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.exists() {
            found.insert((path.strip_prefix(folder).unwrap().to_owned(), kube_hipaa::digest::sha256_hex(&std::fs::read(&path).unwrap())));
        }
    }
    found
}

/// A snapshot that can be read to its end, and an assessment where there has to be one.
fn is_whole(run: Run, place: &Path) -> Result<(), String> {
    let snapshot = if run.command == "scan" { place.join("snapshot") } else { place.to_owned() };
    let snapshot = Snapshot::open(&snapshot).map_err(|error| error.to_string())?;
    for record in &snapshot.index().sources {
        for object in snapshot.objects(&record.source).map_err(|error| error.to_string())? {
            object.map_err(|error| error.to_string())?;
        }
    }
    if run.command == "scan" {
        let text = std::fs::read(place.join("assessment.json")).map_err(|error| error.to_string())?;
        kube_hipaa::report::json::read(&text).map_err(|error| error.to_string())?;
        for name in ["report.html", "report.md", "requests.jsonl"] {
            if !place.join(name).is_file() {
                return Err(format!("no {name}"));
            }
        }
    }
    Ok(())
}

/// What is wrong with what a run left behind.
fn left_behind(run: Run, here: &Path, before: &BTreeSet<(PathBuf, String)>, output: &Output, interrupted: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let names = |folder: &Path| -> BTreeSet<String> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let mut expected = BTreeSet::from(["tmp".to_owned()]);
    let place = here.join(run.output);
    if place.exists() {
        expected.insert(run.output.to_owned());
    }
    if names(here) != expected {
        wrong.push(format!("there lies {:?}", names(here)));
    }
    if !names(&here.join("tmp")).is_empty() {
        wrong.push(format!("in the temporary folder lies {:?}", names(&here.join("tmp"))));
    }
    let now = files(&place);
    match (output.status.code(), interrupted) {
        // It was done before the signal came.
        (Some(0), true) | (Some(0), false) => wrong.extend(is_whole(run, &place).err().map(|why| format!("exit 0 and not whole: {why}"))),
        (Some(3), true) | (Some(2), false) if now != *before => {
            wrong.push(format!("not what was there before: {} files, then {}", before.len(), now.len()))
        }
        (Some(3), true) | (Some(2), false) => {}
        (code, _) => wrong.push(format!("exit {code:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
    wrong
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the number of signals is for people, with --nocapture")]
fn a_signal_at_any_moment_leaves_the_old_or_the_new_and_nothing_else() {
    let (_plane, kubeconfig) = plane();
    // What lies there already, made once for each kind of run.
    let originals = tempfile::tempdir().unwrap();
    std::fs::create_dir(originals.path().join("tmp")).unwrap();
    let begin = Instant::now();
    for run in RUNS.iter().filter(|run| run.over) {
        let whole = command(*run, &kubeconfig, originals.path()).output().unwrap();
        assert_eq!(whole.status.code(), Some(0), "{}", program::said(&whole));
    }
    // Any moment of a run, on a machine of any speed: these runs went alone, those that are interrupted go two at a time.
    let longest = begin.elapsed().as_millis() as usize / RUNS.iter().filter(|run| run.over).count() * 5 / 4;
    let work = |worker: usize| {
        let (mut chance, mut wrong, mut late) = (Chance::new(0x5eed_0000 + worker as u64 + 1), Vec::new(), 0);
        for number in (worker..SIGNALS).step_by(WORKERS) {
            let run = RUNS[number / WORKERS % RUNS.len()];
            let folder = tempfile::tempdir().unwrap();
            let here = folder.path();
            std::fs::create_dir(here.join("tmp")).unwrap();
            if run.over {
                let copied = Command::new("cp").arg("-a").arg(originals.path().join(run.output)).arg(here).status().unwrap();
                assert!(copied.success());
            }
            let before = files(&here.join(run.output));
            let child = command(run, &kubeconfig, here).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(chance.below(longest) as u64));
            let signal = chance.pick(&["INT", "TERM"]);
            // A child that has ended is not waited for yet, so that its number is its own.
            let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
            assert!(sent.success());
            let begin = Instant::now();
            let output = child.wait_with_output().unwrap();
            late += usize::from(output.status.code() == Some(0));
            if output.status.code().is_none() {
                // Before anybody listens, the signal ends the process, and nothing was begun.
                if files(&here.join(run.output)) != before || std::fs::read_dir(here.join("tmp")).unwrap().next().is_some() {
                    wrong.push(format!("{run:?} {signal}: ended by the signal, and something was left"));
                }
                continue;
            }
            if begin.elapsed() > Duration::from_secs(15) {
                wrong.push(format!("{run:?} {signal}: ended {:?} after it", begin.elapsed()));
            }
            let complaints = left_behind(run, here, &before, &output, true);
            wrong.extend(complaints.into_iter().map(|what| format!("{run:?} {signal}: {what}")));
        }
        (wrong, late)
    };
    let results: Vec<(Vec<String>, usize)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        running.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let late: usize = results.iter().map(|(_, late)| late).sum();
    let wrong: Vec<String> = results.into_iter().flat_map(|(wrong, _)| wrong).collect();
    eprintln!("signals: {SIGNALS} within {longest} ms, {late} of them came when all was done");
    assert!(late < SIGNALS / 2, "most signals came too late to matter: {late} of {SIGNALS}");
    assert!(wrong.is_empty(), "{} of {SIGNALS}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A limit on the size of files (`ulimit -f`), which is what a quota is, at many points; the whole disk where this user may mount one.
#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the number of disks is for people, with --nocapture")]
fn on_a_full_disk_the_old_evidence_stays_and_the_error_says_so() {
    let (_plane, kubeconfig) = plane();
    let (mut tried, mut failed, mut wrong) = (0, 0, Vec::new());
    for run in RUNS.into_iter().filter(|run| run.over) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path());
        let here = disk.folder.as_path();
        std::fs::create_dir(here.join("tmp")).unwrap();
        let whole = command(run, &kubeconfig, here).output().unwrap();
        assert_eq!(whole.status.code(), Some(0), "{}", program::said(&whole));
        let before = files(&here.join(run.output));
        let largest = before
            .iter()
            .map(|(path, _)| std::fs::metadata(here.join(run.output).join(path)).map_or(0, |file| file.len()))
            .max()
            .unwrap_or(0);
        // So many kilobytes may one file have, or are free on the disk.
        let mut limits: Vec<u64> = vec![0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];
        limits.retain(|limit| limit * 1024 < largest.max(64 * 1024) * 2);
        for limit in limits {
            let planned = command(run, &kubeconfig, here);
            let output = if disk.is_own { disk.with_free(limit, planned) } else { with_limit(limit, &planned) };
            tried += 1;
            failed += usize::from(output.status.code() != Some(0));
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.code() == Some(2) && !(told.contains("cannot write") || told.contains("cannot be written")) {
                wrong.push(format!("{run:?} with {limit} KiB: {told}"));
            }
            wrong.extend(
                left_behind(run, here, &before, &output, false).into_iter().map(|what| format!("{run:?} with {limit} KiB: {what}")),
            );
            if output.status.code() == Some(0) {
                break;
            }
        }
    }
    eprintln!("full disks: {tried} tried, {failed} were too small");
    assert!(failed >= 10, "{failed} of {tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs a command under a limit of the size of a file. The signal that comes with it is ignored, as by a shell that asks for errors.
fn with_limit(kilobytes: u64, planned: &Command) -> Output {
    let mut shell = Command::new("bash");
    shell
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\""))
        .arg(planned.get_program())
        .args(planned.get_args());
    shell.current_dir(planned.get_current_dir().unwrap()).stdin(Stdio::null());
    for (name, value) in planned.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

/// A disk of its own (tmpfs) where this user may mount one, else the folder.
struct Disk {
    folder: PathBuf,
    is_own: bool,
}

impl Disk {
    fn new(folder: &Path) -> Self {
        let place = folder.join("disk");
        std::fs::create_dir(&place).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "none"]).arg(&place).output();
        Self { is_own: mounted.is_ok_and(|output| output.status.success()), folder: place }
    }

    /// Runs a command while so many kilobytes are free.
    fn with_free(&self, kilobytes: u64, mut command: Command) -> Output {
        // tmpfs counts pages of 4 KiB.
        let used = Command::new("df").args(["--output=used", "-k"]).arg(&self.folder).output().unwrap();
        let used: u64 = String::from_utf8_lossy(&used.stdout).lines().last().and_then(|line| line.trim().parse().ok()).unwrap();
        let size = format!("remount,size={}k", (used + kilobytes).max(4));
        let remount = |size: &str| assert!(Command::new("mount").args(["-o", size]).arg(&self.folder).status().unwrap().success());
        remount(&size);
        let output = command.output().unwrap();
        remount("remount,size=32m");
        output
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_own {
            // The folder below it goes with the test.
            let _unmounted = Command::new("umount").arg(&self.folder).status();
        }
    }
}
