//! Output files: whole or not at all.

use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// Files that appear together, after everything that can fail has been done.
#[derive(Default)]
pub struct Outputs {
    pending: Vec<(TempPath, PathBuf)>,
}

impl Outputs {
    /// Writes `bytes` beside `path`, under a temporary name.
    pub fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        let context = || format!("cannot write {}", path.display());
        if self.pending.iter().any(|(_, other)| other == path) {
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
        if path.is_dir() {
            anyhow::bail!("cannot write {}: it is a directory", path.display());
        }
        // Closed: there may be more than a process can have open.
        self.pending.push((file.into_temp_path(), path.to_owned()));
        Ok(())
    }

    /// Gives the files their names.
    pub fn commit(self) -> Result<()> {
        for (file, path) in self.pending {
            file.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
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

/// Writes results to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output")
}
