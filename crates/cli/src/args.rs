//! The command line.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use hourkey_client::config::StoreKind;
use hourkey_domain::Time;
use hourkey_domain::format::typed_moment;
use hourkey_domain::ids::{DeviceId, RequestId};
use hourkey_domain::length::{Length, typed_seconds};

use crate::clipboard;

/// See which resources are yours to use, ask for access, and review what others ask for.
#[derive(Parser)]
#[command(name = "hourkey", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print JSON, in the shapes of the controller's API (docs/cli.md).
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it is done; with --wait: access is granted
  1  it failed
  2  the command line is wrong
  3  not signed in, or the session has ended
  4  not found, or not visible to you
  5  the request was denied
  6  the request expired or was cancelled
  7  timed out waiting; the request is still pending
  8  the controller cannot be reached, or something answers in its place
  9  it is not allowed, or no longer possible (decided by somebody else, ended, open already)

A RESOURCE is given by its id, name, alias or address. Letters may be upper or lower case.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sign in through the browser.
    SignIn(SignIn),
    /// Sign out, and end the session at the controller.
    SignOut,
    /// List the resources that you may see, with their locks and the time left.
    List {
        /// Also those that are hidden from lists.
        #[arg(long)]
        all: bool,
    },
    /// Ask for access to a resource.
    Request(Request),
    /// Ask for more time on a resource that is open to you.
    Extend(Extend),
    /// Show who is signed in and what is open or waiting, or one resource in full.
    Status {
        /// The resource; everything that is open or waiting when left out.
        resource: Option<String>,
    },
    /// Say why you can or can't reach a resource, now or later.
    Explain {
        /// The resource.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        resource: String,
        /// When, for example 2026-12-24T18:00:00+01:00, if nothing but time changes until then; now
        /// when left out or past.
        #[arg(long, value_name = "TIME", value_parser = typed_moment)]
        at: Option<Time>,
    },
    /// Cancel a request of yours that waits.
    Cancel {
        /// The request's number, or its resource by name, alias or address.
        #[arg(value_name = "RESOURCE|REQUEST", value_parser = NonEmptyStringValueParser::new())]
        what: String,
    },
    /// Give access back before it ends.
    Release {
        /// The resource.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        resource: String,
    },
    /// Open a resource in the browser; its request page while it is locked.
    Open {
        /// The resource.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        resource: String,
    },
    /// Copy a resource's address.
    Copy {
        /// The resource.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        resource: String,
    },
    /// Review what others ask for.
    #[command(subcommand)]
    Review(Review),
    /// Unlock a resource that locked because it wasn't used, as an administrator.
    Unlock {
        /// Who: the name they sign in with.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        login: String,
        /// The resource, by name or number; all that lock for them are listed when left out.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        resource: Option<String>,
        /// A comment for them.
        #[arg(long, default_value = "", hide_default_value = true)]
        comment: String,
    },
    /// Connect standard input and output to a resource, for example as ssh's ProxyCommand.
    Connect {
        /// The host, by its name or IP address.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        host: String,
        /// The port.
        #[arg(value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
    },
    /// Run a local proxy on 127.0.0.1 to your resources.
    #[command(alias = "entry")]
    Proxy {
        /// The port, from now on the usual one, or 0 for any free one, this time; when left out, the
        /// usual one.
        #[arg(long, value_parser = port)]
        port: Option<u16>,
    },
    /// Let one resource be reached at a port of 127.0.0.1.
    Forward {
        /// The resource, where it has one host and one port, or a destination.
        #[arg(value_name = "RESOURCE|HOST:PORT", value_parser = NonEmptyStringValueParser::new())]
        what: String,
        /// The port, or 0 for any free one, as when left out.
        #[arg(long, default_value = "0", hide_default_value = true, value_parser = port)]
        port: u16,
    },
    /// Print a configuration with which ssh reaches your resources.
    SshConfig {
        /// Write it to ~/.ssh/hourkey.config, and include that in ~/.ssh/config.
        #[arg(long)]
        install: bool,
    },
    /// List your computers, and remove one that is lost.
    #[command(subcommand)]
    Devices(Devices),
    /// Print the completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Keeps the text from standard input on the clipboard, for `copy`.
    #[command(hide = true, name = clipboard::KEEPER)]
    KeepClipboard,
}

/// Sign in.
#[derive(Args)]
pub(crate) struct SignIn {
    /// The controller's address; the one of the last sign-in when left out.
    pub(crate) controller: Option<String>,
    /// By a code that you type on another machine, for hosts without a browser.
    #[arg(long)]
    pub(crate) device: bool,
    /// Where to keep the sign-in; a file suits hosts without a keyring.
    #[arg(long, value_enum)]
    pub(crate) store: Option<Store>,
}

/// Where to keep the sign-in.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Store {
    /// In the system's keyring.
    Keyring,
    /// In a file that only you may read.
    File,
}

impl From<Store> for StoreKind {
    fn from(store: Store) -> Self {
        match store {
            Store::Keyring => Self::Keyring,
            Store::File => Self::File,
        }
    }
}

/// Ask for access.
#[derive(Args)]
pub(crate) struct Request {
    /// The resource.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) resource: String,
    /// Why; needed where access opens immediately.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// For how long, for example 45m, 2h, "1h 30m" or "3 days"; when left out, the recommended length,
    /// or an hour.
    #[arg(long = "for", value_name = "LENGTH")]
    pub(crate) length: Option<Length>,
    /// Through which group, where several give access.
    #[arg(long = "as", value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Wait until it is decided.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait no longer than this; the request stays.
    #[arg(long, value_name = "LENGTH", requires = "wait")]
    pub(crate) timeout: Option<Timeout>,
}

/// Ask for more time.
#[derive(Args)]
pub(crate) struct Extend {
    /// The resource.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) resource: String,
    /// Why; needed where it is extended immediately.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// For how long from the approval on, not from the present end, for example 45m, 2h or "3 days";
    /// when left out, the recommended length, or an hour.
    #[arg(long = "for", value_name = "LENGTH")]
    pub(crate) length: Option<Length>,
    /// Wait until it is decided.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait no longer than this; the request stays.
    #[arg(long, value_name = "LENGTH", requires = "wait")]
    pub(crate) timeout: Option<Timeout>,
}

/// How long to wait: as a length of access, but seconds will do, and a number alone means them.
#[derive(Clone, Copy)]
pub(crate) struct Timeout(pub(crate) std::time::Duration);

impl std::str::FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse::<u32>().map(u64::from);
        seconds
            .or_else(|_| typed_seconds(text))
            .map(|seconds| Self(std::time::Duration::from_secs(seconds)))
            .map_err(|_| "write it as 90s, 10m or 2h".to_owned())
    }
}

#[derive(Subcommand)]
pub(crate) enum Review {
    /// List the requests that wait for your review.
    List,
    /// Approve a request.
    Approve {
        /// The request's number.
        id: RequestId,
        /// For how long, at most as long as asked; as asked when left out.
        #[arg(long = "for", value_name = "LENGTH")]
        length: Option<Length>,
        /// A comment for the requester.
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Take your decision back, within 10 seconds. What was denied waits again, as a new request.
    Undo {
        /// The request's number.
        id: RequestId,
    },
    /// Ask reviewers to decide a request, as an administrator. They are told; nobody else loses the right to.
    Ask {
        /// The request's number.
        id: RequestId,
        /// Who: the names that they sign in with.
        #[arg(required = true, value_name = "LOGIN")]
        logins: Vec<String>,
    },
    /// See and choose who decides for you while you are away.
    #[command(subcommand)]
    Deputy(Deputy),
    /// Deny a request.
    Deny {
        /// The request's number.
        id: RequestId,
        /// Why, for the requester.
        #[arg(long)]
        comment: String,
    },
    /// Revoke the access that a request was approved for.
    Revoke {
        /// The request's number.
        id: RequestId,
        /// Why, for whoever loses it.
        #[arg(long)]
        comment: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Deputy {
    /// List who decides for you, and for whom you decide; an administrator sees everybody's.
    List,
    /// Name a deputy, in place of the one before. Administrators are told.
    Name {
        /// Who decides for you: the name that they sign in with. They review requests already.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        login: String,
        /// Until when, with date and zone: 2030-01-15T17:00:00Z. At most 30 days after it begins.
        #[arg(long, value_name = "TIME")]
        until: chrono::DateTime<chrono::Utc>,
        /// From when on; from now on when left out.
        #[arg(long, value_name = "TIME")]
        from: Option<chrono::DateTime<chrono::Utc>>,
        /// For somebody else, as an administrator: the name that they sign in with.
        #[arg(long = "for", value_name = "LOGIN")]
        principal: Option<String>,
    },
    /// End it before its time.
    End {
        /// For somebody else, as an administrator: the name that they sign in with.
        #[arg(long = "for", value_name = "LOGIN")]
        principal: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Devices {
    /// List your computers; an administrator sees everybody's.
    List,
    /// Remove a computer: it is disconnected and signed out immediately.
    End {
        /// The computer's number.
        id: DeviceId,
    },
}

/// A port to listen at.
fn port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .map_err(|_| "write a number from 1 to 65535, or 0 for any free one")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_names_every_exit_code() {
        let help = Arguments::command().render_help().to_string();
        for code in 0..=9 {
            assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
        }
    }

    #[test]
    fn a_timeout_is_read_or_refused() {
        let read = |text: &str| text.parse::<Timeout>().map(|it| it.0.as_secs()).ok();
        for (text, seconds) in [
            ("90", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("1 h 30 min", 5_400),
        ] {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
        for text in ["", "m", "-1s", "99999999999s", "1h30"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
