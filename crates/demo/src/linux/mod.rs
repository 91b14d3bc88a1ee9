//! The two plays, and how they are chosen.

mod administration;
mod connections;
mod delegation;
mod first_day;
mod harness;
mod private_services;
mod serve;
mod sizes;
mod steps;
mod tour;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Hourkey at work")]
struct Arguments {
    #[command(subcommand)]
    play: Play,
}

#[derive(Subcommand)]
enum Play {
    /// Start a controller and the desktop app, signed in, on the display that there is.
    Serve,
    /// Play one request from click to countdown, and everything around it, on a display of its
    /// own; each step is observed from outside.
    Tour {
        /// Where the pictures go.
        #[arg(long)]
        pictures: PathBuf,
    },
    /// Play the first day alone: from an empty folder to somebody's first approved connection.
    FirstDay {
        /// Where the pictures go.
        #[arg(long)]
        pictures: PathBuf,
    },
}

pub(crate) fn main() -> ExitCode {
    let Arguments { play } = Arguments::parse();
    // Children end with the thread that started them: all of them are started by this one.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match play {
        Play::Serve => runtime.block_on(serve::serve()),
        Play::Tour { pictures } => runtime.block_on(tour::play(&pictures)),
        Play::FirstDay { pictures } => runtime.block_on(tour::play_first_day(&pictures)),
    }
}
