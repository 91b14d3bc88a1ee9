//! `hourkey devices`.

use hourkey_domain::ids::DeviceId;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::device::Device;

use crate::account::session;
use crate::args;
use crate::exit::{CommandError, named};
use crate::print;
use crate::table::table;
use crate::text::{date, zone};

/// `hourkey devices …`.
pub(crate) async fn run(what: args::Devices, json: bool) -> Result<(), CommandError> {
    match what {
        args::Devices::List => list(json).await,
        args::Devices::End { id } => end(id, json).await,
    }
}

/// `[Device]` as JSON.
async fn list(json: bool) -> Result<(), CommandError> {
    let devices = session().await?.devices().await?;
    if json {
        return print::json(&devices);
    }
    if devices.is_empty() {
        print::note("There are no computers yet.");
        return Ok(());
    }
    print::line(rows(&devices))
}

fn rows(devices: &[Device]) -> String {
    let rows = devices.iter().map(|device| {
        let this = if device.current { " (this one)" } else { "" };
        [
            device.id.to_string(),
            format!("{}{this}", device.name),
            kind(device.kind).to_owned(),
            date(device.created_at),
            date(device.renewed_at),
        ]
    });
    let newest = devices.iter().map(|device| device.renewed_at).max();
    let since = format!("SINCE ({})", newest.map(zone).unwrap_or_default());
    table(["ID", "COMPUTER", "CLIENT", &since, "LAST RENEWED"], rows)
}

fn kind(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Browser => "browser",
        SessionKind::Desktop => "desktop app",
        SessionKind::Cli => "hourkey",
        SessionKind::Headless => "hourkey, without a browser",
    }
}

async fn end(id: DeviceId, json: bool) -> Result<(), CommandError> {
    let ended = session().await?.end_device(id).await;
    ended.map_err(named("device", id))?;
    if json {
        return Ok(());
    }
    print::line(format_args!("Computer {id} is removed."))
}
