//! The commands of `hourkey-gateway`, each in its file.

mod enrol;
mod serve;

use std::path::PathBuf;

use anyhow::Context as _;

/// The Hourkey gateway: lets granted traffic in, and cuts it.
#[derive(clap::Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Where the gateway keeps its key and its settings.
    #[arg(
        long,
        global = true,
        env = "HOURKEY_GATEWAY_STATE",
        default_value = "hourkey-gateway"
    )]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Enrol with a controller. Reads the token from standard input.
    Enrol(enrol::Arguments),
    /// Run the gateway.
    Serve,
}

/// Runs one command.
///
/// # Errors
/// A sentence for the terminal.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    let state = arguments.state;
    runtime.block_on(async {
        match arguments.command {
            Command::Enrol(arguments) => enrol::run(&state, arguments).await,
            Command::Serve => serve::run(&state).await,
        }
    })
}
