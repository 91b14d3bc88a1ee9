//! The `hourkey-gateway` command.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks on the terminal"
)]

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The Hourkey gateway: lets granted traffic into a network, and cuts it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the gateway keeps its key, its enrolment and gateway.toml.
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

#[derive(Subcommand)]
enum Command {
    /// Enrol at a controller, with the token of `hourkey-controller gateway add` on standard input.
    Enrol {
        /// The controller's address, for example https://hourkey.example.org.
        controller: String,
        /// Certificate authorities in PEM that alone are trusted for the controller.
        #[arg(long)]
        ca: Option<PathBuf>,
    },
    /// Run the gateway.
    Serve,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hourkey-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    let folder = arguments.state;
    runtime.block_on(async {
        match arguments.command {
            Command::Enrol { controller, ca } => enrol(&folder, &controller, ca).await,
            Command::Serve => {
                tracing_subscriber::fmt()
                    .with_env_filter(
                        EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
                    )
                    .with_writer(std::io::stderr)
                    .init();
                let stop = CancellationToken::new();
                tokio::spawn(stop_by_signal(stop.clone()));
                hourkey_gateway::serve(&folder, stop).await
            }
        }
    })
}

async fn enrol(
    folder: &std::path::Path,
    controller: &str,
    ca: Option<PathBuf>,
) -> anyhow::Result<()> {
    let authority = match ca {
        Some(path) => Some(
            std::fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?,
        ),
        None => None,
    };
    let mut token = String::new();
    std::io::stdin()
        .read_to_string(&mut token)
        .context("standard input cannot be read")?;
    hourkey_gateway::enrol(folder, controller, authority, token.trim()).await?;
    println!(
        "Enrolled. Look at {}, then start it:",
        folder.join("gateway.toml").display()
    );
    println!("  hourkey-gateway --state {} serve", folder.display());
    Ok(())
}

async fn stop_by_signal(stop: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut end) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = end.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return stop.cancel();
        }
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
}
