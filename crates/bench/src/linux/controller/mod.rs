//! The controller: its start, its clients, and what an organisation of what size costs it.

mod calls;
mod clients;
mod data;
mod everybody;
mod fair;
mod organisation;
mod pages;
mod snapshot;
mod statements;
mod writer;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use hourkey_testkit::controller::Controller;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::figures::Table;

/// What is measured of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Its start, and clients that follow the event stream.
    Clients,
    /// What one person's flood costs the others.
    Fair,
    /// All that one person sees, once: 10,000 resources.
    Snapshot,
    /// A change that concerns everybody, to 1,000 and to 10,000 streams of different people.
    Everybody,
    /// 100,000 people: start, memory, explanations, pages, differences, warnings.
    Organisation,
    /// How long a change of the organisation holds the one writer, with 10,000 grants elsewhere.
    Writer,
    /// Requests and approvals a second, against their statements alone.
    Statements,
}

/// Measures `only` these parts, all when none is named; snapshot, everybody, writer and
/// statements with those of
/// another build in `beside`, too.
pub(crate) async fn measure(
    only: &[Part],
    beside: Option<PathBuf>,
    table: &mut Table,
) -> Result<()> {
    open_many_files()?;
    let mut builds = vec![Build::default()];
    builds.extend(beside.map(|folder| Build {
        folder: Some(folder),
    }));
    for part in Part::value_variants() {
        if !only.is_empty() && !only.contains(part) {
            continue;
        }
        eprintln!("measuring: {part:?}");
        match part {
            Part::Clients => clients::measure(table).await?,
            Part::Fair => fair::measure(table).await?,
            Part::Organisation => organisation::measure(table).await?,
            Part::Snapshot => snapshot::measure(&builds, table).await?,
            Part::Everybody => everybody::measure(&builds, table).await?,
            Part::Writer => writer::measure(&builds, table).await?,
            Part::Statements => statements::measure(&builds, table).await?,
        }
    }
    Ok(())
}

/// Lets this program and those that it starts from here on open as many files as the system allows.
fn open_many_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit)?;
    Ok(())
}

/// A build whose controller is measured.
#[derive(Debug, Default)]
struct Build {
    /// Where its binaries are; `None` for the one that was built with this program.
    folder: Option<PathBuf>,
}

impl Build {
    /// A controller without an organisation, not yet running.
    async fn controller(&self) -> Result<Controller> {
        Controller::empty(self.folder.as_deref()).await
    }

    /// What its figures' names end with.
    fn suffix(&self) -> &'static str {
        match self.folder.as_deref() {
            None::<&Path> => "",
            Some(_) => ", other build",
        }
    }
}
