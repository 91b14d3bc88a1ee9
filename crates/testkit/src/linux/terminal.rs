//! A terminal in a session of the test's own, with the real `hourkey`.
//!
//! What goes wrong here panics: it is the test's own fault, or the end of the test.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::process::{Command, Output, Stdio};

use serde::de::DeserializeOwned;
use url::Url;

use crate::binaries;
use crate::controller::Controller;
use crate::opener::Opener;
use crate::process::Process;
use crate::session::Session;
use crate::test_user::TestUser;

/// Somebody's terminal: home folder, environment, and a browser that only remembers addresses.
#[derive(Debug)]
pub struct Terminal {
    /// Its home folder and environment.
    pub session: Session,
    /// What was opened in the browser.
    pub opener: Opener,
}

/// The exit code and output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// The exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl CommandOutput {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Everything on standard output, as one JSON value.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the command ended like this.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

impl Terminal {
    /// Opens a terminal in which nobody is signed in.
    pub async fn open() -> Self {
        let session = Session::start().await.unwrap();
        let opener = Opener::install(&session).unwrap();
        Self { session, opener }
    }

    /// A terminal in which this person is signed in, with the sign-in kept in a file.
    pub async fn of(login: &'static str, controller: &Controller) -> Self {
        let terminal = Self::open().await;
        let mut person = TestUser::new(controller, login).await.unwrap();
        let arguments = ["sign-in", controller.url().as_str(), "--store", "file"];
        terminal.sign_in(&mut person, &arguments).await.ended(0);
        terminal
    }

    /// Runs a command that signs in, with the person at the browser.
    pub async fn sign_in(&self, person: &mut TestUser, arguments: &[&str]) -> CommandOutput {
        let seen = self.opener.urls().unwrap().len();
        let browse = async {
            let page = self.opener.next_after(seen).await.unwrap();
            person.let_in(&page).await.unwrap();
        };
        let (ran, ()) = tokio::join!(self.run(arguments), browse);
        ran
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = self.session.command(binaries::path("hourkey").unwrap());
        command.args(arguments);
        ran(command).await
    }

    /// Starts a command, for what happens while it runs.
    pub fn start(&self, arguments: &[&str]) -> Process {
        let mut command = self.session.command(binaries::path("hourkey").unwrap());
        command.args(arguments);
        // Each has a log of its own.
        let name = format!("hourkey-{}", arguments[0]);
        self.session.spawn(&name, command).unwrap()
    }

    /// The address that this command opens in the browser.
    pub async fn opens(&self, arguments: &[&str]) -> Url {
        let seen = self.opener.urls().unwrap().len();
        self.run(arguments).await.ended(0);
        self.opener.next_after(seen).await.unwrap()
    }
}

/// Runs any command to its end.
pub async fn ran(mut command: Command) -> CommandOutput {
    command.stdin(Stdio::null());
    let output = tokio::process::Command::from(command)
        .output()
        .await
        .unwrap();
    CommandOutput::of(output)
}
