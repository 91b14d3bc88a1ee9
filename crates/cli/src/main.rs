//! `hourkey`: see, ask for, use and review access from a terminal.
//!
//! One file per family of commands; [`args`] is the command line, [`exit`] what scripts branch on.

mod account;
mod args;
mod ask;
mod clipboard;
mod connect;
mod deputies;
mod devices;
mod exit;
mod explain;
mod live;
mod print;
mod resources;
mod reviews;
mod sentence;
mod serve;
mod ssh_config;
mod table;
mod text;
mod unlock;
mod wait;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;

use crate::args::{Arguments, Command};
use crate::exit::{CommandError, Exit};
use crate::text::visible;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What libraries have to say, the command says itself, in words for people.
    hourkey_terminal::log("off,hourkey=error,hourkey_client=warn,hourkey_client::local_proxy=info");
    match run(arguments) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            print::note(visible(&error.message));
            error.exit.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::failed)?;
    let done = runtime.block_on(dispatch(arguments));
    // Nobody waits for standard input any more.
    runtime.shutdown_background();
    done
}

/// Does what the command line says.
async fn dispatch(arguments: Arguments) -> Result<(), CommandError> {
    let json = arguments.json;
    match arguments.command {
        Command::SignIn(how) => account::sign_in(how, json).await,
        Command::SignOut => account::sign_out(json).await,
        Command::List { all } => resources::list(all, json).await,
        Command::Request(what) => ask::request(what, json).await,
        Command::Extend(what) => ask::extend(what, json).await,
        Command::Status { resource: None } => ask::overview(json).await,
        Command::Status {
            resource: Some(resource),
        } => ask::status(&resource, json).await,
        Command::Explain { resource, at } => explain::explain(&resource, at, json).await,
        Command::Cancel { what } => ask::cancel(&what, json).await,
        Command::Release { resource } => ask::release(&resource, json).await,
        Command::Open { resource } => resources::open(&resource, json).await,
        Command::Copy { resource } => resources::copy(&resource, json).await,
        Command::Review(review) => reviews::run(review, json).await,
        Command::Unlock {
            login,
            resource: None,
            comment: _,
        } => unlock::list(&login, json).await,
        Command::Unlock {
            login,
            resource: Some(resource),
            comment,
        } => unlock::unlock(login, &resource, comment, json).await,
        Command::Connect { host, port } => connect::connect(&host, port).await,
        Command::Proxy { port } => serve::proxy(port, json).await,
        Command::Forward { what, port } => serve::forward(&what, port, json).await,
        Command::SshConfig { install } => ssh_config::ssh_config(install, json).await,
        Command::Devices(what) => devices::run(what, json).await,
        Command::Completions { shell } => completions(shell),
        Command::KeepClipboard => clipboard::keep().await,
    }
}

fn completions(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "hourkey", &mut script);
    print::raw(&script)
}
