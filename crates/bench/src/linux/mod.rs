//! What can be measured, and how it is printed.

mod bare_tray;
mod controller;
mod decide;
mod desktop_harness;
mod figures;
mod gateway;
mod idle;
mod machine;
mod many;
mod process_load;
mod start;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use self::figures::Table;

#[derive(Parser)]
#[command(about = "Measures Hourkey against its budgets")]
struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// The desktop app.
    Desktop {
        /// Measure only this; may be given several times.
        #[arg(long)]
        only: Vec<Part>,
    },
    /// The controller, as the desktop apps of an organisation use it.
    Controller {
        /// Measure only this; may be given several times.
        #[arg(long)]
        only: Vec<controller::Part>,
        /// A folder with `hourkey-controller` of another build, of which snapshot, everybody and
        /// writer are measured, too.
        #[arg(long)]
        beside: Option<PathBuf>,
    },
    /// A gateway with its local proxies, beside other encrypted relays.
    Gateway {
        /// Measure only this; may be given several times.
        #[arg(long)]
        only: Vec<gateway::Part>,
        /// A folder with `hourkey` and `hourkey-gateway` of another build, whose costs are measured
        /// in the same rounds.
        #[arg(long)]
        beside: Option<PathBuf>,
    },
    /// Answer as what lies behind the relays that are measured.
    #[command(hide = true)]
    Origin,
    /// Relay plain bytes: what the gateway is compared with.
    #[command(hide = true)]
    Copy {
        /// Where to.
        #[arg(long)]
        to: SocketAddr,
    },
    /// Register a tray icon and do nothing: what the app's start is compared with.
    #[command(hide = true)]
    BareTray,
}

/// What is measured of the desktop app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From the start to the icon in the tray.
    Start,
    /// Memory, wake-ups and menu ticks.
    Idle,
    /// From an approval to its notification.
    Approve,
    /// All of it with 10,000 resources.
    Many,
}

pub(crate) fn main() -> ExitCode {
    let Arguments { subject } = Arguments::parse();
    // Children end with the thread that started them: all of them are started by this one, which
    // also runs the outermost future of a runtime with more threads.
    let mut runtime = match &subject {
        Subject::Gateway { .. } | Subject::Origin | Subject::Copy { .. } => {
            tokio::runtime::Builder::new_multi_thread()
        }
        Subject::Desktop { .. } | Subject::Controller { .. } | Subject::BareTray => {
            tokio::runtime::Builder::new_current_thread()
        }
    };
    let runtime = runtime.enable_all().build();
    let measured = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(measure(subject)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(subject: Subject) -> Result<()> {
    let mut table = Table::default();
    let command = match subject {
        Subject::Desktop { only } => {
            for part in Part::value_variants() {
                if only.is_empty() || only.contains(part) {
                    eprintln!("measuring: {part:?}");
                    part.measure(&mut table).await?;
                }
            }
            "cargo xtask bench desktop"
        }
        Subject::Controller { only, beside } => {
            controller::measure(&only, beside, &mut table).await?;
            "cargo xtask bench controller"
        }
        Subject::Gateway { only, beside } => {
            gateway::measure(&only, beside.as_deref(), &mut table).await?;
            "cargo xtask bench gateway"
        }
        Subject::Origin => return gateway::origin::run().await,
        Subject::Copy { to } => return gateway::plain_relay::run(to).await,
        Subject::BareTray => return bare_tray::run().await,
    };
    println!("\n{table}\n{}\n{command}", machine::line());
    Ok(())
}

impl Part {
    async fn measure(self, table: &mut Table) -> Result<()> {
        match self {
            Self::Start => start::measure(table).await,
            Self::Idle => idle::measure(table).await,
            Self::Approve => decide::measure(table).await,
            Self::Many => many::measure(table).await,
        }
    }
}
