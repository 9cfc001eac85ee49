//! Ctrl-C and SIGTERM: what was begun goes away, and what was finished is not denied.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use super::error::{CliError, Exit};
use crate::snapshot::Finishing;

/// How often a command that asks a cluster looks whether somebody interrupted.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// How long an interrupted command may take to clean up by itself.
const GRACE: Duration = Duration::from_secs(1);
/// The main thread's usual stack: expressions and documents are walked recursively.
const STACK: usize = 8 * 1024 * 1024;

enum Event {
    Signal,
    Done,
}

/// Says that the command ended, in whatever way.
struct Telling(Sender<Event>);

impl Drop for Telling {
    fn drop(&mut self) {
        // Nobody waits any more when the command was given up.
        let _told = self.0.send(Event::Done);
    }
}

/// Runs a command on a thread of its own and listens beside it.
pub(super) fn interruptible(work: impl FnOnce(&Finishing) -> Result<Exit, CliError> + Send + 'static) -> Result<Exit, CliError> {
    let finishing = Finishing::default();
    let (tell, events) = channel();
    listen(tell.clone())?;
    let worker = finishing.clone();
    let body = move || {
        let _telling = Telling(tell);
        work(&worker)
    };
    let thread = std::thread::Builder::new().name("command".to_owned()).stack_size(STACK).spawn(body).map_err(CliError::Thread)?;
    let ended = loop {
        match events.recv() {
            Ok(Event::Done) | Err(_) => break true,
            Ok(Event::Signal) if finishing.interrupt() => break matches!(events.recv_timeout(GRACE), Ok(Event::Done)),
            // Too late: it is being given its name, which takes a moment.
            Ok(Event::Signal) => {}
        }
    };
    if !ended {
        // It computes or waits for a file. It can write nothing any more, and ends with the process.
        finishing.clear();
        return Err(CliError::Interrupted);
    }
    match thread.join() {
        Ok(Err(_)) if finishing.is_interrupted() => Err(CliError::Interrupted),
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Tells every signal from now on.
fn listen(tell: Sender<Event>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let (ready, registered) = channel();
    let body = move || {
        runtime.block_on(async {
            let next = Next::new();
            let result = next.as_ref().map(|_| ()).map_err(|error| std::io::Error::from(error.kind()));
            if let (Ok(()), Ok(mut next)) = (ready.send(result), next) {
                while next.come().await && tell.send(Event::Signal).is_ok() {}
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(body).map_err(CliError::Thread)?;
    registered.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())).map_err(CliError::Runtime)
}

#[cfg(unix)]
struct Next {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Next {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
    async fn come(&mut self) -> bool {
        tokio::select! {
            come = self.interrupt.recv() => come.is_some(),
            come = self.terminate.recv() => come.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Next;

#[cfg(not(unix))]
impl Next {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }
    async fn come(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
