//! Files and folders that nobody else on the machine can read, whatever the umask, and that are on the disk before they get their name.
//!
//! A report says where the holes of a cluster are. 0700 and 0600; 0755 and 0644 only where the user asked for it.

#![expect(clippy::disallowed_methods, reason = "what is written is files")]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// A new file, empty.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    set_mode(path, 0o600)?;
    Ok(file)
}

/// A folder with a name of its own in `parent`, which goes away with the value. Nobody else can look into it from the first moment on.
pub fn scratch(prefix: &str, suffix: &str, parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    let folder = builder.tempdir_in(parent)?;
    // A umask can have taken more away.
    set_mode(folder.path(), 0o700)?;
    Ok(folder)
}

/// Writes everything in a folder through to the disk, and gives files and folders their modes.
pub fn settle(folder: &Path, everybody: bool) -> io::Result<()> {
    let (of_file, of_folder) = if everybody { (0o644, 0o755) } else { (0o600, 0o700) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Nothing here is a link: this program made it.
        if entry.file_type()?.is_dir() {
            settle(&entry.path(), everybody)?;
        } else {
            File::open(entry.path())?.sync_all()?;
            set_mode(&entry.path(), of_file)?;
        }
    }
    set_mode(folder, of_folder)?;
    sync_folder(folder);
    Ok(())
}

/// Writes the names in a folder through to the disk, where the system can do that.
pub fn sync_folder(folder: &Path) {
    // Some file systems refuse to open or to sync a folder; the files in it are safe either way.
    let _synced = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Sets the mode of a file or folder.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}
