//! `gateway`: gateways from the terminal of the controller's host.

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use hourkey_access::gateways;
use hourkey_domain::text::{for_terminal, json_for_terminal};
use hourkey_terminal as terminal;

use super::opened::{Opened, told};

/// What to do with which gateway.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Add a gateway, and print the token that enrols it: once, within 24 hours.
    Add {
        /// Its name.
        name: String,
        /// The network that it serves.
        #[arg(long)]
        network: String,
        /// Where clients reach it, for example gw.example.org:8443.
        #[arg(long)]
        address: String,
    },
    /// List all gateways.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Remove a gateway: it cuts everything that it let in.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Runs one of them.
pub(crate) async fn run(opened: &Opened, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add {
            name,
            network,
            address,
        } => {
            let networks = opened.store.read().await?.organisation().await?.networks;
            let known = networks.iter().find(|it| it.name == network);
            let Some(known) = known else {
                let names: Vec<_> = networks.iter().map(|it| it.name.as_str()).collect();
                let names = names.join(", ");
                bail!("there is no network {network:?}; there are: {names}");
            };
            let wanted = gateways::Wanted {
                name,
                network: known.id,
                address,
            };
            let added = gateways::add_here(&opened.store, wanted, opened.now()).await;
            terminal::line(&added.map_err(told)?.token)?;
            terminal::note(
                "Hand this token to `hourkey-gateway enrol` on the gateway's host, on its standard \
                 input. It works once, for 24 hours.",
            );
        }
        Command::List { json } => list(opened, json).await?,
        Command::Remove { name } => {
            let all = opened.store.read().await?.gateways().await?;
            let found = all.into_iter().find(|it| it.name == name);
            let gateway = found.with_context(|| format!("there is no gateway {name:?}"))?;
            let removed = gateways::remove_here(&opened.store, gateway.id, opened.now());
            removed.await.map_err(told)?;
            terminal::line(format_args!("{} is removed.", for_terminal(&name)))?;
        }
    }
    Ok(())
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<()> {
    let mut tx = opened.store.read().await?;
    let networks = tx.organisation().await?.networks;
    let networks: HashMap<_, _> = networks.into_iter().map(|it| (it.id, it.name)).collect();
    for gateway in tx.gateways().await? {
        let network = networks.get(&gateway.network).map_or("", String::as_str);
        let enrolled = gateway.key.is_some();
        if json {
            let row = serde_json::json!({
                "id": gateway.id, "name": gateway.name, "network": network,
                "address": gateway.address, "enrolled": enrolled,
            });
            terminal::line(json_for_terminal(&row.to_string()))?;
            continue;
        }
        let state = if enrolled { "enrolled" } else { "not enrolled" };
        let row = format!(
            "{:<16}  {network:<16}  {:<28}  {state}",
            gateway.name, gateway.address
        );
        terminal::line(for_terminal(&row))?;
    }
    Ok(())
}
