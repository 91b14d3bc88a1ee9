//! Puts the browsers' settings back when the app ends without having done so: killed, or crashed.
//!
//! Otherwise browsers would go on asking the port that the app had, where another user of the
//! machine may listen by then. The watcher is this same program, started before the settings change,
//! with a pipe from the app as its standard input: the kernel closes that when the app ends, however
//! it ends. This needs no service manager.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The argument that makes this program a watcher; its folder and the run it watches follow.
const ARGUMENT: &str = "--put-browsers-back";

/// A running watcher. It looks once more and ends when this is dropped.
pub(super) struct Watcher(Child);

impl Watcher {
    /// Starts one for the settings that `run` remembers in `state`.
    pub(super) fn start(state: &Path, run: &str) -> io::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .args([state.as_os_str(), run.as_ref()])
            // What ends the app's process group must not end it as well.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// False once it has ended.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It finds nothing to do, and ends at once; one that hangs must not hang the app.
        let _ = self.0.try_wait();
    }
}

/// The folder and the run, if this process was started as a watcher.
pub(super) fn asked() -> Option<(PathBuf, String)> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let state = arguments.next()?.into();
    Some((state, arguments.next()?.into_string().ok()?))
}

/// Waits for the end of the app that started this process. False when that cannot be known.
pub(super) fn wait_for_end() -> bool {
    // Nothing is ever written; the end comes with the app's.
    io::stdin().read_to_end(&mut Vec::new()).is_ok()
}
