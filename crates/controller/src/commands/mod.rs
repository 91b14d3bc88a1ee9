//! The commands of `hourkey-controller`, each in its file.

mod apply;
mod audit;
mod effects;
mod explain;
mod export;
mod gateway;
mod init;
mod lint;
mod opened;
mod serve;
mod settings;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use hourkey_terminal as terminal;

use self::opened::{open, open_existing};

/// The Hourkey controller: policy, requests, approvals, audit and web pages.
#[derive(clap::Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Where the controller keeps everything.
    #[arg(
        long,
        global = true,
        env = "HOURKEY_DATA",
        default_value = "hourkey-data"
    )]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make the data folder and its controller.toml, and print a link for the first admin.
    Init(settings::Flags),
    /// Run the controller.
    Serve(settings::Flags),
    /// Print a link with which the first admin is made: once, as long as there is no user.
    SetupCode(settings::Flags),
    /// Make the organisation what a file says, after showing the difference. Ends with 1 when it
    /// failed or you did not agree.
    Apply(apply::Arguments),
    /// Print the organisation as a file for `apply`, which then finds nothing to do.
    Export,
    /// List, add, disable and enable users; set passwords; end sessions.
    #[command(subcommand)]
    User(user::Command),
    /// Add, list and remove gateways.
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Say why somebody can or can't reach a resource, now or later.
    Explain(explain::Arguments),
    /// Name what in the organisation will surprise somebody. Ends with 1 when a problem is among it
    /// (somebody cannot do what they should), with 0 for warnings and hints alone.
    Lint(lint::Arguments),
    /// Print the audit log: who did what, when.
    Audit(audit::Arguments),
    /// Print the OpenAPI document of the API.
    Openapi,
}

/// Runs one command, and returns how it ended.
///
/// # Errors
/// A sentence for the terminal.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    let data = arguments.data;
    runtime.block_on(async {
        match arguments.command {
            Command::Init(flags) => init::run(&data, flags).await?,
            Command::Serve(flags) => serve::run(data, flags).await?,
            Command::SetupCode(flags) => {
                init::setup_code(&data, &open(&data).await?, flags).await?
            }
            Command::Apply(arguments) => {
                return apply::run(&data, arguments).await;
            }
            Command::Export => export::run(&open_existing(&data).await?).await?,
            Command::User(command) => user::run(&data, &open(&data).await?, command).await?,
            Command::Gateway(command) => gateway::run(&open(&data).await?, command).await?,
            Command::Explain(arguments) => {
                explain::run(&open_existing(&data).await?, arguments).await?
            }
            Command::Lint(arguments) => {
                return lint::run(&open_existing(&data).await?, &arguments).await;
            }
            Command::Audit(arguments) => {
                audit::run(&open_existing(&data).await?, arguments).await?
            }
            Command::Openapi => {
                terminal::line(hourkey_controller::api::openapi().to_pretty_json()?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
