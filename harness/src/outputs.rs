//! Output files: whole or not at all.

use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// Files that appear together, after everything that can fail has been done.
#[derive(Default)]
pub struct Outputs {
    pending: Vec<Pending>,
}

/// What waits for its name.
enum Pending {
    File(TempPath, PathBuf),
    /// For a device or a pipe, which stays what it is.
    Stream(Vec<u8>, PathBuf),
}

impl Outputs {
    /// Writes `bytes` beside `path`, or what that links to, under a temporary name.
    pub fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        let context = || format!("cannot write {}", path.display());
        if path.is_dir() {
            anyhow::bail!("cannot write {}: it is a directory", path.display());
        }
        if path.exists() && !path.is_file() {
            self.pending.push(Pending::Stream(bytes.to_vec(), path.to_owned()));
            return Ok(());
        }
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.pending.iter().any(|p| matches!(p, Pending::File(_, other) if *other == path)) {
            anyhow::bail!("cannot write {}: two outputs have this name", path.display());
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".windlass-")
            .permissions(permissions())
            .tempfile_in(directory)
            .with_context(context)?;
        file.write_all(bytes).and_then(|()| file.flush()).with_context(context)?;
        // Closed: there may be more than a process can have open.
        self.pending.push(Pending::File(file.into_temp_path(), path));
        Ok(())
    }

    /// Gives the files their names, and streams their bytes.
    pub fn commit(self) -> Result<()> {
        for pending in self.pending {
            let (written, path) = match pending {
                Pending::File(file, path) => (file.persist(&path).map_err(|e| e.error), path),
                Pending::Stream(bytes, path) => (stream(&bytes, &path), path),
            };
            written.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn stream(bytes: &[u8], path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes)
}

/// What an ordinary new file gets; the umask is the system's to apply.
#[cfg(unix)]
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

#[cfg(not(unix))]
fn permissions() -> std::fs::Permissions {
    std::fs::metadata(".").map(|m| m.permissions()).expect("the working directory exists")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, symlink};

    fn write(path: &Path) -> Result<()> {
        let mut outputs = Outputs::default();
        outputs.add(path, b"bytes")?;
        outputs.commit()
    }

    #[test]
    fn a_pipe_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read(path).unwrap()
        });
        write(&path).unwrap();
        assert_eq!(reader.join().unwrap(), b"bytes");
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        fs::write(&file, "").unwrap();
        symlink("file", &link).unwrap();
        write(&link).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"bytes");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let mut outputs = Outputs::default();
        outputs.add(&file, b"bytes").unwrap();
        assert!(outputs.add(&file, b"others").is_err());
        assert!(outputs.add(directory.path(), b"bytes").is_err());
        drop(outputs);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
