//! The numbers of one size, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::stages::STAGES;

/// What was measured at one size.
pub struct Figures {
    pub pods: usize,
    pub objects: u64,
    pub findings: usize,
    pub bytes: u64,
    pub requests: u64,
    /// Part of the processors' time that neither the server nor the measured programs used.
    pub others: f64,
    seconds: BTreeMap<&'static str, Vec<f64>>,
    peaks: BTreeMap<&'static str, f64>,
    files: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub fn new(pods: usize) -> Self {
        Self {
            pods,
            objects: 0,
            findings: 0,
            bytes: 0,
            requests: 0,
            others: 0.0,
            seconds: BTreeMap::new(),
            peaks: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, what: &'static str, seconds: f64) {
        self.seconds.entry(what).or_default().push(seconds);
    }

    /// The highest of all rounds.
    pub fn peak(&mut self, what: &'static str, megabytes: f64) {
        let peak = self.peaks.entry(what).or_default();
        *peak = peak.max(megabytes);
    }

    pub fn file(&mut self, name: &'static str, bytes: u64) {
        self.files.insert(name, bytes);
    }

    fn sorted(&self, what: &str) -> Vec<f64> {
        let mut all = self.seconds.get(what).cloned().unwrap_or_default();
        all.sort_by(f64::total_cmp);
        all
    }

    pub fn median(&self, what: &str) -> f64 {
        let all = self.sorted(what);
        match all.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => all[odd / 2],
            even => (all[even / 2 - 1] + all[even / 2]) / 2.0,
        }
    }

    pub fn ratio(&self) -> f64 {
        self.median("scan") / self.median("download")
    }

    fn peak_of(&self, what: &str) -> f64 {
        self.peaks.get(what).copied().unwrap_or(0.0)
    }

    fn file_of(&self, name: &str) -> f64 {
        self.files.get(name).copied().unwrap_or(0) as f64 / 1e6
    }

    fn json(&self) -> Value {
        json!({
            "pods": self.pods, "objects": self.objects, "findings": self.findings,
            "download_bytes": self.bytes, "download_requests": self.requests,
            "ratio": self.ratio(), "others_share_of_cpu": self.others,
            "seconds": self.seconds, "peak_megabytes": self.peaks, "file_bytes": self.files,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} pods: {} objects, {:.1} MB in {} requests, {} findings",
            self.pods,
            self.objects,
            self.bytes as f64 / 1e6,
            self.requests,
            self.findings
        )?;
        let mut line = |what: &str, key: &str, more: String| {
            let all = self.sorted(key);
            let (least, most) = (all.first().copied().unwrap_or(0.0), all.last().copied().unwrap_or(0.0));
            writeln!(f, "  {what:<34} {:>8.3} s   {least:.3} to {most:.3}{more}", self.median(key))
        };
        let server = |what: &str| format!("   server {:.2} s", self.median(&format!("{what}: server")));
        line("download, everything discarded", "download", server("download"))?;
        for (what, key, cpu) in [
            ("scan with all documents", "scan", "scan: cpu"),
            ("collect", "collect", "collect: cpu"),
            ("assess, from disk", "assess", "assess: cpu"),
        ] {
            line(
                what,
                key,
                format!(
                    "   cpu {:.2} s   peak {:.0} MB{}",
                    self.median(cpu),
                    self.peak_of(key),
                    if key == "assess" { String::new() } else { server(key) }
                ),
            )?;
        }
        for stage in STAGES {
            line(&format!("  {stage}"), stage, String::new())?;
        }
        line("--help", "help", String::new())?;
        writeln!(
            f,
            "  scan / download: {:.2} (at most 2.2)   peak: {:.0} MB (below 120)   report.html: {:.2} MB (below 5)",
            self.ratio(),
            self.peak_of("scan"),
            self.file_of("report.html")
        )?;
        writeln!(
            f,
            "  assessment.json {:.2} MB, report.md {:.2} MB, snapshot {:.2} MB; other programs used {:.0} % of the processors",
            self.file_of("assessment.json"),
            self.file_of("report.md"),
            self.file_of("snapshot"),
            self.others * 100.0
        )
    }
}

/// Where and when it was measured.
pub struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    system: String,
    load: String,
    commit: String,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| rest.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
        };
        let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "an unnamed processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default(),
            system: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            commit: described.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cores of {}, {}, {}; load before: {}; commit {}",
            self.cores, self.processor, self.memory, self.system, self.load, self.commit
        )
    }
}

/// Writes everything that was measured, round by round.
pub fn write(path: &Path, machine: &Machine, all: &[Figures]) {
    let sizes: Vec<Value> = all.iter().map(Figures::json).collect();
    let value = json!({
        "machine": {"processor": machine.processor, "cores": machine.cores, "memory": machine.memory, "system": machine.system, "load_before": machine.load},
        "commit": machine.commit, "sizes": sizes,
    });
    let text = serde_json::to_string_pretty(&value).unwrap();
    std::fs::write(path, text + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
