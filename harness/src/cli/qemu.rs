//! A whole image executed by QEMU's Arm system emulator.
//!
//! What the program prints goes through as it comes. Its last line on standard error is kept: the
//! name of a trap becomes the error of the command, as on the built-in emulator.

use crate::image::Board;
use crate::link::{Linked, elf};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = "qemu-system-arm";
/// Bytes of a line that are held back at most.
const LONGEST_LINE: u64 = 4096;
/// How often to look whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Executes an image until it ends, at most as long as `limit`.
pub fn execute(image: &Linked, board: &Board, limit: Duration) -> Result<()> {
    let machine = board.qemu.as_deref();
    let machine = machine.with_context(|| format!("{}: QEMU has no such board", board.name))?;
    let mut file = tempfile::Builder::new().prefix("windlass-").suffix(".elf").tempfile()?;
    file.write_all(&elf::write(image)?).and_then(|()| file.flush())?;
    let mut command = Command::new(PROGRAM);
    command.args(["-M", machine, "-display", "none", "-monitor", "none", "-serial", "none"]);
    command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(file.path());
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("{PROGRAM} is not on PATH: it comes with QEMU"),
        _ => anyhow::Error::new(error).context(PROGRAM),
    })?;
    let errors = child.stderr.take().context("standard error of QEMU")?;
    let errors = thread::spawn(move || pass_through(errors));
    let status = wait(&mut child, limit)?;
    let last = errors.join().unwrap_or_default();
    let trapped = last.trim_end().starts_with("trap");
    match status {
        Some(status) if trapped && status.code() == Some(1) => bail!("{}", last.trim_end()),
        Some(status) if status.success() => {
            eprint!("{last}");
            Ok(())
        }
        Some(status) => {
            eprint!("{last}");
            match status.code() {
                Some(code) => bail!("the program ended with exit code {code}"),
                None => bail!("{PROGRAM} was ended by a signal"),
            }
        }
        None => {
            eprint!("{last}");
            bail!("no end after {} seconds", limit.as_secs())
        }
    }
}

/// How the process ended; None if it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Copies to standard error all but the last line, which is the answer.
fn pass_through(errors: ChildStderr) -> String {
    let mut errors = BufReader::new(errors);
    let (mut held, mut line) = (Vec::new(), Vec::new());
    // A line without end comes in parts.
    let read = |errors: &mut BufReader<ChildStderr>, line: &mut Vec<u8>| {
        errors.take(LONGEST_LINE).read_until(b'\n', line).is_ok_and(|read| read > 0)
    };
    while read(&mut errors, &mut line) {
        // Nobody may be there to read it.
        let _ = std::io::stderr().write_all(&held);
        held = std::mem::take(&mut line);
    }
    String::from_utf8_lossy(&held).into_owned()
}
