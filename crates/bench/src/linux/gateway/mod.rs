//! A gateway and its local proxies: what they cost beside other relays, and how fast access comes and
//! goes.

mod decide;
mod faults;
mod grid;
mod idle;
pub(crate) mod origin;
mod other_relays;
pub(crate) mod plain_relay;
mod relays;
mod route;
mod test_env;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::figures::Table;

/// What is measured of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Throughput, processor time and latency, beside the peers.
    Relays,
    /// New connections by our own ways alone, in more rounds.
    Opening,
    /// Memory of tunnels that carry nothing.
    Idle,
    /// Approve → first byte, and revoke → last byte.
    Decide,
    /// Controller gone, gateway stopped, clock stepped: until when bytes pass. Takes minutes.
    Faults,
}

/// Measures `only` these parts, all when none is named; relays and opening with those of another build in
/// `beside`.
pub(crate) async fn measure(only: &[Part], beside: Option<&Path>, table: &mut Table) -> Result<()> {
    // Programs that are started from here on may open as many files, too.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    for part in Part::value_variants() {
        if only.is_empty() || only.contains(part) {
            eprintln!("measuring: {part:?}");
            match part {
                Part::Relays => relays::measure(beside, table).await?,
                Part::Opening => relays::measure_opening(beside).await?,
                Part::Idle => idle::measure(table).await?,
                Part::Decide => decide::measure(table).await?,
                Part::Faults => faults::measure(table).await?,
            }
        }
    }
    Ok(())
}
