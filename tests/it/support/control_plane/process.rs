//! One running component: the process, its log, and how it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Lines of a component's log that an error shows.
const TAIL: usize = 25;

/// Where a component believes to run.
pub(super) struct Root<'a> {
    /// What it sees as the root of the file system.
    pub(super) folder: &'a Path,
    /// What it sees as the name of its host.
    pub(super) host: &'a str,
}

struct Component {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Component {
    /// Starts `component` (the first argument of the binary) with its log in `folder`; `name` tells several apart. With
    /// `root` it believes to run on another host.
    fn start(component: &str, name: &str, folder: &Path, arguments: &[String], root: Option<&Root<'_>>) -> Result<Self, String> {
        let log = folder.join(format!("{name}.log"));
        let trouble = |what: &str, error: std::io::Error| format!("{name} could not be started: {what}: {error}");
        let output = File::create(&log).map_err(|error| trouble("its log file", error))?;
        let errors = output.try_clone().map_err(|error| trouble("its log file", error))?;
        let temporary = folder.join(format!("{name}.tmp"));
        fs::create_dir_all(&temporary).map_err(|error| trouble("its temporary folder", error))?;
        let mut command = Command::new(binary()?);
        if let Some(root) = root {
            command.env("KUBE_HIPAA_ROOT", root.folder).env("KUBE_HIPAA_HOSTNAME", root.host);
        }
        let temporary = if root.is_some() { PathBuf::from("/tmp") } else { temporary };
        let child = command
            .arg(component)
            .args(arguments)
            .current_dir(folder)
            .env("TMPDIR", &temporary)
            // It ends when this pipe closes, so that a killed test program leaves nothing running.
            .env("KUBE_HIPAA_END_WITH_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| trouble("the process", error))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// An error when the process has ended by itself.
    fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} ended by itself ({status})\n{}", self.name, self.tail())),
            Err(error) => Err(format!("{} cannot be watched: {error}", self.name)),
        }
    }

    /// The last lines of its log.
    fn tail(&self) -> String {
        let text = fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_else(|error| format!("(its log cannot be read: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        format!("--- last lines of {} ---\n{}\n", self.log.display(), last.join("\n"))
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        // Nothing of it is kept, so there is nothing to end gracefully. Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Components in the order in which they started. They end in the opposite one: etcd outlives the API server.
#[derive(Default)]
pub(super) struct Components(Vec<Component>);

impl Components {
    pub(super) fn start(&mut self, component: &str, name: &str, folder: &Path, arguments: &[String]) -> Result<(), String> {
        self.0.push(Component::start(component, name, folder, arguments, None)?);
        Ok(())
    }

    /// [`Self::start`] with a root folder of its own.
    pub(super) fn start_in_root(&mut self, component: &str, folder: &Path, arguments: &[String], root: &Root<'_>) -> Result<(), String> {
        self.0.push(Component::start(component, component, folder, arguments, Some(root))?);
        Ok(())
    }

    /// An error when one of them has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.0.iter_mut().try_for_each(Component::check)
    }

    /// The last lines of every log.
    pub(super) fn tails(&self) -> String {
        self.0.iter().map(Component::tail).collect()
    }

    /// Name and process id of each.
    pub(super) fn processes(&self) -> Vec<(&str, u32)> {
        self.0.iter().map(|component| (component.name.as_str(), component.child.id())).collect()
    }
}

impl Drop for Components {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

/// What a component says of its own flags.
pub(super) fn help(component: &str) -> Result<String, String> {
    let output = Command::new(binary()?).args([component, "--help"]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{component} --help could not be run: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `kubectl` of the same version, for what follows as arguments.
pub(super) fn kubectl() -> Result<Command, String> {
    let mut command = Command::new(binary()?);
    command.arg("kubectl");
    Ok(command)
}

/// The binary with all components: built once by build.sh, or named by KUBE_HIPAA_CONTROL_PLANE.
fn binary() -> Result<&'static Path, String> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY.get_or_init(find_binary).as_deref().map_err(Clone::clone)
}

fn find_binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("KUBE_HIPAA_CONTROL_PLANE") {
        let path = PathBuf::from(path);
        return if path.is_file() { Ok(path) } else { Err(format!("KUBE_HIPAA_CONTROL_PLANE names no file: {}", path.display())) };
    }
    let script = Path::new("tests/control-plane/build.sh");
    let output = Command::new(script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} could not be run: {error}", script.display()))?;
    if !output.status.success() {
        return Err(format!("{} failed ({}); its message is above", script.display(), output.status));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
}
