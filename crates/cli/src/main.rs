//! `hourkey`: see, ask for, use and review access from a terminal.
//!
//! One file per family of commands; [`args`] is the command line, [`exit`] what scripts branch on.

mod account;
mod args;
mod ask;
mod clipboard;
mod connect;
mod devices;
mod exit;
mod live;
mod print;
mod resources;
mod reviews;
mod serve;
mod ssh_config;
mod table;
mod text;
mod unlock;
mod wait;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    // What libraries have to say, the command says itself, in words for people.
    hourkey_terminal::log("off,hourkey=error,hourkey_client=warn,hourkey_client::local_proxy=info");
    match run(arguments) {
        Ok(()) => exit::Exit::Ok.into(),
        Err(failure) => failure.report(),
    }
}

fn run(arguments: args::Arguments) -> Result<(), exit::CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(exit::CommandError::failed)?;
    let done = runtime.block_on(arguments.run());
    // Nobody waits for standard input any more.
    runtime.shutdown_background();
    done
}
