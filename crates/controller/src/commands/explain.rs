//! `explain`: why somebody may or may not reach a resource.

use anyhow::{Context as _, bail};
use chrono::{Local, Offset as _};
use hourkey_access::directory::Directory;
use hourkey_domain::Time;
use hourkey_domain::address::Host;
use hourkey_domain::format::{typed_moment, zone as said};
use hourkey_domain::ids::UserId;
use hourkey_domain::naming::meant;
use hourkey_domain::organisation::explain::{Question, Target, Viewer, explain, sentences};
use hourkey_domain::organisation::{Organisation, Resource};
use hourkey_domain::review::Role;
use hourkey_domain::text::json_for_terminal;
use hourkey_terminal as terminal;

use super::opened::{Opened, told};

/// So many names are offered where one is not known.
const OFFERED: usize = 5;

/// Whose access to what, and when.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The name that the person signs in with.
    user: String,
    /// The id, name, alias or address of the resource; with --network, a destination there as HOST:PORT.
    resource: String,
    /// The network that the destination lies in.
    #[arg(long)]
    network: Option<String>,
    /// When, for example 2026-12-24T18:00:00+01:00, if nothing but time changes until then; now when
    /// left out or past.
    #[arg(long, value_name = "TIME", value_parser = typed_moment)]
    at: Option<Time>,
    /// One JSON object, as the API's `/explain` answers it.
    #[arg(long)]
    json: bool,
}

/// Prints the explanation that an administrator gets.
pub(crate) async fn run(opened: &Opened, arguments: Arguments) -> anyhow::Result<()> {
    let organisation = Directory::default().current(&opened.store).await;
    let organisation = organisation.map_err(told)?;
    let now = opened.now();
    let question = Question {
        user: user(&organisation, &arguments.user)?,
        target: target(
            &organisation,
            &arguments.resource,
            arguments.network.as_deref(),
        )?,
        at: arguments.at.unwrap_or(now),
    };
    let viewer = Viewer {
        user: administrator(&organisation)?,
        reaches_others: true,
    };
    let explanation = explain(&organisation, viewer, &question, now)?;
    if arguments.json {
        let json = serde_json::to_string(&explanation)?;
        terminal::line(json_for_terminal(&json))?;
        return Ok(());
    }
    let zone = now.with_timezone(&Local).offset().fix();
    for sentence in sentences(&explanation, now, zone) {
        terminal::line(sentence)?;
    }
    terminal::line(format_args!("Times are {}.", said(zone)))?;
    Ok(())
}

fn user(of: &Organisation, login: &str) -> anyhow::Result<UserId> {
    let found = of.user_by_login(login);
    found.map(|user| user.id).with_context(|| {
        format!(
            "there is no user {login}. `hourkey-controller user list` lists the names that people \
             sign in with"
        )
    })
}

/// Explanations are made for somebody: here, for one who may see all of it.
fn administrator(of: &Organisation) -> anyhow::Result<UserId> {
    let mut users = of.users();
    let found = users.find(|user| !user.disabled && user.roles.contains(&Role::Admin));
    found.map(|user| user.id).context(
        "nobody administers this organisation, and only administrators get explanations about \
         others. Give somebody the role Admin, or enable an administrator",
    )
}

fn target(of: &Organisation, text: &str, network: Option<&str>) -> anyhow::Result<Target> {
    if let Some(network) = network {
        return destination(of, text, network);
    }
    let resources = of.resources().map(|resource| &**resource);
    let resources: Vec<_> = resources.collect();
    match meant(&resources, text, Resource::called).as_slice() {
        [] => {}
        [one] => return Ok(Target::Resource(one.id)),
        several => {
            let several = several.iter();
            let names = several.map(|one| format!("{} (id {})", one.name, one.id));
            let names: Vec<_> = names.collect();
            bail!(
                "{text} may mean any of these; give the id: {}",
                names.join(", ")
            );
        }
    }
    let lower = text.to_lowercase();
    let names = of.resources().map(|resource| resource.name.as_str());
    let similar = names.filter(|name| name.to_lowercase().contains(&lower));
    let similar: Vec<_> = similar.take(OFFERED).collect();
    match similar.as_slice() {
        [] => bail!(
            "there is no resource {text}. Give its name as in the organisation's file, or a \
             destination as HOST:PORT with --network"
        ),
        similar => bail!(
            "there is no resource {text}. Did you mean: {}?",
            similar.join(", ")
        ),
    }
}

fn destination(of: &Organisation, text: &str, network: &str) -> anyhow::Result<Target> {
    let found = of.networks().find(|it| it.name == network);
    let Some(network) = found.map(|network| network.id) else {
        let names: Vec<_> = of.networks().map(|network| network.name.as_str()).collect();
        bail!(
            "there is no network {network}. There is: {}",
            names.join(", ")
        );
    };
    let (host, port) = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.parse::<Host>().ok()?, port.parse().ok()?)))
        .with_context(|| format!("{text} is no destination: write it as HOST:PORT"))?;
    if of.governing(network, &host, &[], port).is_none() {
        bail!("no resource of that network holds {text}: nobody reaches it through Hourkey");
    }
    Ok(Target::Destination {
        network,
        host,
        port,
    })
}
