//! What can be measured, and how it is printed.

mod bare_tray;
mod clients;
mod decide;
mod desk;
mod figures;
mod idle;
mod load;
mod machine;
mod many;
mod start;

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
    Controller,
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
    // Children end with the thread that started them: all of them are started by this one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
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
        Subject::Controller => {
            clients::measure(&mut table).await?;
            "cargo xtask bench controller"
        }
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
