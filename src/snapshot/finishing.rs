//! Who comes first: the last step of writing, or an interrupt.

#![expect(clippy::disallowed_methods, reason = "what is left behind is files")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

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

    /// Makes a folder that must not outlive an interrupt, unless one came before: nobody would come to remove it.
    pub fn make<E>(&self, make: impl FnOnce() -> Result<TempDir, E>) -> Option<Result<TempDir, E>> {
        let mut state = self.state();
        if state.step == Step::Interrupted {
            return None;
        }
        let made = make();
        state.folders.extend(made.as_ref().ok().map(|folder| folder.path().to_owned()));
        Some(made)
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
            state.folders.iter().for_each(|folder| remove(folder));
        }
    }
}

/// How often a folder is tried to be removed while somebody else removes it, too.
const TRIES: usize = 200;

/// Removes a folder in which somebody may still be writing or removing.
fn remove(folder: &Path) {
    // Under another name nobody finds it any more who would put something into it.
    let mut gone = folder.as_os_str().to_owned();
    gone.push(".gone");
    let gone = PathBuf::from(gone);
    let place = if std::fs::rename(folder, &gone).is_ok() { gone.as_path() } else { folder };
    for _ in 0..TRIES {
        // What somebody else removed in between is an error, and the rest is still there.
        let _removed = std::fs::remove_dir_all(place);
        if place.symlink_metadata().is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_which_somebody_writes_is_removed() {
        let place = tempfile::tempdir().expect("a folder");
        for _ in 0..50 {
            let finishing = Finishing::default();
            let made = finishing.make(|| tempfile::tempdir_in(place.path())).expect("not interrupted").expect("made");
            let folder = made.path().to_owned();
            let done = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for number in 0.. {
                        let name = folder.join(number.to_string());
                        if done.load(std::sync::atomic::Ordering::SeqCst) || std::fs::write(name, "x").is_err() {
                            break;
                        }
                    }
                });
                scope.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    drop(made);
                });
                std::thread::sleep(std::time::Duration::from_millis(2));
                assert!(finishing.interrupt());
                finishing.clear();
                done.store(true, std::sync::atomic::Ordering::SeqCst);
            });
            assert_eq!(std::fs::read_dir(place.path()).expect("readable").count(), 0);
            assert!(finishing.make(|| tempfile::tempdir_in(place.path())).is_none(), "nobody would remove it");
        }
    }
}
