//! The real controller, on a port and in a data folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use url::Url;

use crate::binaries;
use crate::process::{self, Process};
use crate::webdriver::{free_port, http};

/// A controller with an organisation, running or not. It keeps its folder and port from one start
/// to the next.
#[derive(Debug)]
pub struct Controller {
    url: Url,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    process: Option<Process>,
    program: PathBuf,
    folder: TempDir,
}

impl Controller {
    /// Makes the data folder with this organisation (the text of an `ORG.toml`), and starts.
    ///
    /// # Errors
    /// When the organisation is refused, or the controller does not start.
    pub async fn start(organisation: &str) -> Result<Self> {
        let mut controller = Self::prepare(organisation).await?;
        controller.resume().await?;
        Ok(controller)
    }

    /// Makes the data folder with this organisation, and does not start yet: see
    /// [`Self::set`], [`Self::wrap`] and [`Self::resume`].
    ///
    /// # Errors
    /// When the organisation is refused.
    pub async fn prepare(organisation: &str) -> Result<Self> {
        Self::prepare_at(organisation, None).await
    }

    /// [`Self::prepare`] for a controller behind a reverse proxy of this machine, through which
    /// people reach it at this address.
    ///
    /// # Errors
    /// When the organisation is refused.
    pub async fn prepare_behind(organisation: &str, public: &Url) -> Result<Self> {
        Self::prepare_at(organisation, Some(public)).await
    }

    /// Starts one that nobody has set up.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn fresh() -> Result<Self> {
        let mut controller = Self::empty(None).await?;
        controller.resume().await?;
        Ok(controller)
    }

    /// Makes the data folder of one that nobody has set up, and does not start yet; the binary is
    /// that of another build where a folder is given.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn empty(build: Option<&Path>) -> Result<Self> {
        Self::init(build, None).await
    }

    async fn prepare_at(organisation: &str, public: Option<&Url>) -> Result<Self> {
        let controller = Self::init(None, public).await?;
        controller.apply(organisation).await?;
        Ok(controller)
    }

    async fn init(build: Option<&Path>, public: Option<&Url>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let url = Url::parse(&format!("http://{address}/"))?;
        let controller = Self {
            url: url.clone(),
            variables: Vec::new(),
            wrapper: Vec::new(),
            process: None,
            program: binaries::of_build(build, "hourkey-controller")?,
            folder,
        };
        let public_url = public.unwrap_or(&url).as_str();
        let mut init = vec!["init", "--listen", &address, "--public-url", public_url];
        if public.is_some() {
            init.extend(["--trusted-proxy", "127.0.0.1"]);
        }
        controller.run(&init).await?;
        Ok(controller)
    }

    /// Sets a variable for the controller's next start.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Lets the next start go through another program, for example `["strace", "-f"]` or
    /// `["faketime", "+1d"]`.
    pub fn wrap(&mut self, program_and_arguments: &[&str]) {
        self.wrapper = program_and_arguments
            .iter()
            .map(ToString::to_string)
            .collect();
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When it does not, or runs already.
    pub async fn resume(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the controller runs already");
        }
        let program = &self.program;
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, arguments)) => {
                let mut command = process::command(wrapper);
                command.args(arguments).arg(program);
                command
            }
            None => process::command(program),
        };
        command.args(["serve", "--data"]).arg(self.data());
        command
            .envs(self.environment())
            .current_dir(self.folder.path());
        let process = Process::start("controller", command, self.folder.path())?;
        let health = self.url.join("healthz")?;
        let http = http()?;
        let answers = async || http.get(health.clone()).send().await?.error_for_status();
        process.ready("an answer to /healthz", answers).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it as `kill -9` does, and waits for the end.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.running()?.kill()
    }

    /// Asks it to end, and waits for the end.
    ///
    /// # Errors
    /// When it does not run, or does not end in time.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.running()?.terminate().await
    }

    /// Sends it a signal: STOP and CONT make it pause.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref();
        process
            .context("the controller does not run")?
            .signal(signal)
    }

    /// Where it listens, on the loopback interface: the public address, unless a proxy stands in
    /// front.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process id while it runs; with a wrapper, the wrapper's.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Returns its log since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("controller.log")).unwrap_or_default()
    }

    /// Makes the organisation what this `ORG.toml` says, and removes nothing.
    ///
    /// # Errors
    /// When it is refused, with the mistakes.
    pub async fn apply(&self, organisation: &str) -> Result<String> {
        let file = self.folder.path().join("ORG.toml");
        fs::write(&file, organisation)?;
        let file = file.to_str().context("the path is not text")?;
        self.run(&["apply", file, "--yes"]).await
    }

    /// Sets a person's password.
    ///
    /// # Errors
    /// When there is no such person, or the password is refused.
    pub async fn set_password(&self, login: &str, password: &str) -> Result<()> {
        let input = format!("{password}\n");
        self.run_with(&["user", "set-password", login, "--stdin"], &input)
            .await?;
        Ok(())
    }

    /// Runs one of its commands on the data folder, and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with(arguments, "").await
    }

    /// One of its commands on the data folder.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = process::command(&self.program);
        command
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .envs(self.environment())
            .current_dir(self.folder.path());
        command
    }

    async fn run_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = self.command(arguments);
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = tokio::process::Command::from(command).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may have closed it by now.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "hourkey-controller {arguments:?} failed ({}): {said}",
                output.status
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), self.folder.path().display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
        ];
        variables.extend(self.variables.iter().cloned());
        variables
    }

    fn running(&mut self) -> Result<Process> {
        self.process.take().context("the controller does not run")
    }
}
