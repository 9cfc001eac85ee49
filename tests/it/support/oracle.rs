//! Talks to an oracle: a Go module in `tests/` that puts code of others, such as Kubernetes' own, behind JSON lines.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where the Go module of the oracle is.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from("tests/oracle")
}

/// A running oracle; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Oracle {
    process: Child,
    questions: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Builds the oracle of Kubernetes' own code if its sources are new, and starts it.
    pub(crate) fn start() -> Result<Self, Failure> {
        Self::start_in(&folder())
    }

    /// The same for the oracle in another folder.
    pub(crate) fn start_in(folder: &Path) -> Result<Self, Failure> {
        let build = folder.join("build.sh");
        let built = Command::new(&build).stderr(Stdio::inherit()).output()?;
        if !built.status.success() {
            return Err(format!("{} failed; its message is above", build.display()).into());
        }
        let program = String::from_utf8(built.stdout)?;
        let mut process = Command::new(program.trim_end()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = process.stdin.take().map(BufWriter::new);
        let answers = process.stdout.take().map(BufReader::new).ok_or("the oracle has no standard output")?;
        Ok(Self { process, questions, answers })
    }

    /// One question, one answer; an answer `{"error": …}` is an error here.
    pub(crate) fn ask<A: DeserializeOwned>(&mut self, question: &Value) -> Result<A, Failure> {
        let questions = self.questions.as_mut().ok_or("the oracle has no standard input")?;
        serde_json::to_writer(&mut *questions, question)?;
        questions.write_all(b"\n")?;
        questions.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        match answer.get("error") {
            Some(error) => Err(format!("the oracle cannot answer: {error}").into()),
            None => Ok(serde_json::from_value(answer)?),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // End of input is the oracle's sign to stop.
        self.questions = None;
        let _ = self.process.wait();
    }
}
