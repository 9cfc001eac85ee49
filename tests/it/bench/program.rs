//! Runs a program and says what it cost.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running program is looked at. Its peak only grows, so what the last look misses is what happened since.
const LOOK: Duration = Duration::from_millis(2);
/// Of the kernel (USER_HZ), on every architecture that Linux runs on today.
const TICKS: f64 = 100.0;

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    /// Peak resident memory in MB (10^6 bytes).
    pub peak: f64,
}

/// The built program, without the configuration and the proxy of whoever measures.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    command.args(arguments).env_remove("KUBECONFIG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end. Exit codes above 4 are errors of the program; the others say what was found.
pub fn run(mut command: Command) -> Result<Cost, String> {
    let begin = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let process = Path::new("/proc").join(child.id().to_string());
    let mut peak = 0.0_f64;
    let (wall, cpu) = loop {
        peak = peak.max(high_water(&process).unwrap_or(0.0));
        let (ended, cpu) = state(&process)?;
        if ended {
            break (begin.elapsed().as_secs_f64(), cpu);
        }
        std::thread::sleep(LOOK);
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    match status.code() {
        Some(0 | 1 | 4) => Ok(Cost { wall, cpu, peak }),
        _ => Err(format!("{command:?}: {status}")),
    }
}

/// VmHWM in MB; nothing when it has ended.
fn high_water(process: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(process.join("status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? * 1024.0 / 1e6)
}

/// Whether it has ended and waits to be collected, and the seconds that it computed.
fn state(process: &Path) -> Result<(bool, f64), String> {
    let text = std::fs::read_to_string(process.join("stat")).map_err(|error| format!("{}: {error}", process.display()))?;
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    Ok((matches!(fields.first(), Some(&("Z" | "X"))), ticks(&fields)))
}

fn ticks(fields: &[&str]) -> f64 {
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (number(11) + number(12)) / TICKS
}

/// Seconds that the processes and their threads have computed so far.
pub fn computed(processes: &[u32]) -> f64 {
    processes.iter().filter_map(|id| state(&Path::new("/proc").join(id.to_string())).ok()).map(|(_, cpu)| cpu).sum()
}

/// How long the server's processes have to rest before something is measured, and how long that is waited for.
const REST: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the processes rest: what one command left to clean up must not be paid by the next one.
pub fn at_rest(processes: &[u32]) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let before = computed(processes);
        std::thread::sleep(REST);
        if computed(processes) - before < 0.05 {
            return;
        }
    }
}

/// Seconds that all processors together have been busy since the machine started.
pub fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    fields.iter().take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum::<f64>() / TICKS
}
