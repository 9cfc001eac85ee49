//! Programs of other projects that judge what lies in deploy/: helm, promtool, validate-krew-manifest (tests/deploy-tools).

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// One of these programs, built if it is not there.
pub(crate) fn program(name: &str) -> PathBuf {
    let build = "tests/deploy-tools/build.sh";
    let built = Command::new("sh").args([build, name]).stderr(Stdio::inherit()).output().unwrap_or_else(|error| panic!("{build}: {error}"));
    assert!(built.status.success(), "{build} failed; its message is above");
    PathBuf::from(String::from_utf8_lossy(&built.stdout).trim_end()).join(name)
}

/// What a program says: whether it is content, and all of its words.
pub(crate) fn verdict(command: &mut Command) -> (bool, String) {
    let output: Output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    (output.status.success(), words)
}
