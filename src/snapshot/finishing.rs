//! Who comes first: the last step of writing, or an interrupt.

#![expect(clippy::disallowed_methods, reason = "what is left behind is files")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by what writes and what listens for signals. After the last step began an interrupt comes too late; after an interrupt
/// nothing is written any more.
#[derive(Clone, Debug, Default)]
pub struct Finishing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    step: Step,
    folders: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Working,
    Finishing,
    Interrupted,
}

impl Finishing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the last step; false when an interrupt came before.
    pub fn begin(&self) -> bool {
        let mut state = self.state();
        if state.step == Step::Working {
            state.step = Step::Finishing;
        }
        state.step == Step::Finishing
    }

    /// Interrupts; false when the last step has begun.
    pub fn interrupt(&self) -> bool {
        let mut state = self.state();
        if state.step == Step::Working {
            state.step = Step::Interrupted;
        }
        state.step == Step::Interrupted
    }

    /// Whether an interrupt came in time.
    pub fn is_interrupted(&self) -> bool {
        self.state().step == Step::Interrupted
    }

    /// A folder that must not outlive an interrupt.
    pub fn watch(&self, folder: &Path) {
        self.state().folders.push(folder.to_owned());
    }

    /// Runs a step of writing unless an interrupt came before, and keeps [`Finishing::clear`] waiting until it is done.
    pub fn step<T>(&self, write: impl FnOnce() -> T) -> Option<T> {
        let state = self.state();
        (state.step != Step::Interrupted).then(write)
    }

    /// After an interrupt: removes the folders of whoever has not come to do it.
    pub fn clear(&self) {
        let state = self.state();
        if state.step == Step::Interrupted {
            for folder in &state.folders {
                // Best effort: the owner may have removed it already.
                let _removed = std::fs::remove_dir_all(folder);
            }
        }
    }
}
