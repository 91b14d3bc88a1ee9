//! Programs that end with the test that started them.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::poll::{ProbeResult, eventually};

/// A running program, in a process group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command with an empty environment, whose process the kernel kills when the thread that
/// started it ends: so nothing outlives a test that was itself killed.
#[must_use]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .env_clear();
    command
}

impl Process {
    /// Starts a command made by [`command`], with its output in `NAME.log` of the folder.
    ///
    /// # Errors
    /// When the log cannot be created or the process not be started.
    pub fn start(name: &str, command: Command, logs: &Path) -> Result<Self> {
        Self::start_with_input(name, command, logs, b"")
    }

    /// Starts a command that reads this from its standard input.
    ///
    /// # Errors
    /// When the log cannot be created or the process not be started.
    pub fn start_with_input(
        name: &str,
        mut command: Command,
        logs: &Path,
        input: &[u8],
    ) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input may have closed it by now.
            let _ = stdin.write_all(input);
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// The process id, which is also the group's.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns its output so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// True while it has not ended.
    #[must_use]
    pub fn runs(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(self.pid()), options), Ok(None))
    }

    /// Waits for a sign that the program is ready.
    ///
    /// # Errors
    /// When it ends, or nothing is found in time; with the end of its log.
    pub async fn ready<F: ProbeResult>(
        &self,
        what: &str,
        mut probe: impl AsyncFnMut() -> F,
    ) -> Result<F::Value> {
        let found = eventually(what, async || match probe().await.found() {
            Ok(value) => Ok(Ok(value)),
            Err(_) if !self.runs() => Ok(Err("it has ended")),
            Err(seen) => Err(seen),
        });
        match found.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(ended)) => bail!("{}: no {what}, {ended}: {}", self.name, self.log_end()),
            Err(error) => Err(error.context(format!("{}: {}", self.name, self.log_end()))),
        }
    }

    /// Sends a signal to the program alone.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid(), signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        eventually(&format!("the end of {name}"), async || !self.runs()).await?;
        Ok(self.child.wait()?)
    }

    /// Kills the whole group, as `kill -9` would, and waits for the end.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(mut self) -> Result<ExitStatus> {
        self.kill_group()
    }

    fn kill_group(&mut self) -> Result<ExitStatus> {
        // Not reaped before this line, so the group's id cannot be another's. The group may be
        // empty already.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        Ok(self.child.wait()?)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_it_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = command("/bin/sh");
        shell.args(["-c", "/bin/sleep 1000 & echo $!; wait"]);
        let process = Process::start("shell", shell, folder.path()).unwrap();
        let grandchild = process
            .ready("its child's id", async || {
                process.log().trim().parse::<u32>()
            })
            .await
            .unwrap();
        let alive = || Path::new(&format!("/proc/{grandchild}/cwd/")).exists();
        assert!(alive());
        drop(process);
        eventually("the grandchild's end", async || !alive())
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_program_that_fails_to_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = command("/bin/sh");
        shell.args(["-c", "echo no such luck; exit 3"]);
        let process = Process::start("shell", shell, folder.path()).unwrap();
        let error = process.ready("luck", async || false).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "shell: no luck, it has ended: no such luck"
        );
    }
}
