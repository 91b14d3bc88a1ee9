//! `hourkey proxy` and `hourkey forward`: loopback ports that lead to resources, until Ctrl+C.

use hourkey_client::dial::{Destination, DialError};
use hourkey_client::local_proxy::{Forward, LocalProxy};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use serde::Serialize;

use crate::account::proxy_files;
use crate::exit::{CommandError, Exit};
use crate::live::{Live, PromptPrinter};
use crate::print;
use crate::resources::find;
use crate::text::visible;

/// How many connections to each gateway in use are kept ready.
const WARM_CONNECTIONS: usize = 2;

/// `hourkey proxy`: the addresses, as JSON, once they are there.
pub(crate) async fn proxy(port: Option<u16>, json: bool) -> Result<(), CommandError> {
    let live = Live::start(PromptPrinter::Many, WARM_CONNECTIONS).await?;
    live.ready().await?;
    let files = proxy_files(live.controller())?;
    let dialer = live.dialer().clone();
    let usual = files.usual_port().await;
    let started = match port {
        None => LocalProxy::start_anywhere(dialer, 0, &files).await,
        Some(port) => LocalProxy::start(dialer, port, &files).await,
    };
    let local_proxy = started.map_err(|error| taken(port.unwrap_or(0), &error))?;
    if let (None, Some(usual)) = (port, usual)
        && usual != local_proxy.port()
    {
        print::note(format_args!(
            "Port {usual} is taken, perhaps by another hourkey proxy, so this one has another port, \
             this time. Browsers that were given the usual address do not find it here."
        ));
    }
    let (port, pac) = (local_proxy.port(), local_proxy.pac_url());
    let proxy = format!("http://127.0.0.1:{port}");
    if json {
        print::json(&Listening { port, proxy, pac })?;
    } else {
        // Browsers that are started from there need the controller's pages.
        let controller = live.controller().host_str().unwrap_or_default();
        print::line(format_args!(
            "Your resources are reached through {proxy} (HTTP and SOCKS5).\n\
             \n\
             Browser: set the automatic proxy configuration address to\n  {pac}\n\
             Programs that know proxies:\n  \
             export ALL_PROXY=socks5h://127.0.0.1:{port} NO_PROXY={controller}\n\
             curl: curl --proxy {proxy} https://…\n\
             ssh: see hourkey ssh-config\n\
             \n\
             Press Ctrl+C to stop."
        ))?;
    }
    until_stopped(&live).await
}

/// `hourkey proxy`, as JSON.
#[derive(Serialize)]
struct Listening {
    port: u16,
    proxy: String,
    pac: String,
}

/// `hourkey forward`: the address, as JSON, once it is there.
pub(crate) async fn forward(what: &str, port: u16, json: bool) -> Result<(), CommandError> {
    let live = Live::start(PromptPrinter::Many, WARM_CONNECTIONS).await?;
    live.ready().await?;
    let to = {
        let model = live.model();
        let model = model.borrow();
        let resources: Vec<Resource> = model.rows().cloned().collect();
        destination(&resources, what)?
    };
    if live.dialer().resource(&to).is_none() {
        return Err(DialError::NoResource.into());
    }
    let forward = Forward::start(live.dialer().clone(), to.clone(), port)
        .await
        .map_err(|error| taken(port, &error))?;
    let port = forward.port();
    let address = format!("127.0.0.1:{port}");
    if json {
        let to = to.to_string();
        print::json(&Forwarding { port, address, to })?;
    } else {
        print::line(format_args!(
            "{address} leads to {to}. Press Ctrl+C to stop."
        ))?;
    }
    tokio::select! {
        stopped = until_stopped(&live) => stopped,
        () = tell_ends(&live, &to) => Ok(()),
    }
}

/// Says each time that access to the forwarded resource ends: its connections end with it. Says also
/// when it is no resource of the person any more.
async fn tell_ends(live: &Live, to: &Destination) {
    let mut model = live.model();
    let (mut was_there, mut was_open) = (true, false);
    loop {
        let resource = live.dialer().resource(to);
        let is_there = resource.is_some();
        let is_open = resource.as_ref().is_some_and(|resource| {
            matches!(
                resource.lock,
                LockState::Open { .. } | LockState::Granted { .. }
            )
        });
        if let Some(resource) = resource
            && was_open
            && !is_open
        {
            print::note(format_args!(
                "Access to {} has ended, and the connections through this port with it. The next \
                 one asks for access again.",
                visible(&resource.name)
            ));
        } else if was_there && !is_there {
            print::note(format_args!(
                "{to} is no resource of yours any more: connections through this port fail. Press \
                 Ctrl+C, and see hourkey list for what there is."
            ));
        }
        (was_there, was_open) = (is_there, is_open);
        if model.changed().await.is_err() {
            // Gone only with the subscription, which lives as long as this.
            std::future::pending::<()>().await;
        }
    }
}

/// `hourkey forward`, as JSON.
#[derive(Serialize)]
struct Forwarding {
    port: u16,
    address: String,
    to: String,
}

/// What somebody wants to be led to: `HOST:PORT`, or a resource with one host and one port.
fn destination(resources: &[Resource], what: &str) -> Result<Destination, CommandError> {
    let found = match (find(resources, what), what.parse::<Destination>()) {
        (Ok(found), _) => found,
        (Err(_), Ok(to)) => return Ok(to),
        (Err(failure), Err(_)) => return Err(failure),
    };
    Destination::of(found).ok_or_else(|| {
        let message = format!(
            "{} has more than one host or port. Say which, as HOST:PORT.",
            visible(&found.name)
        );
        CommandError::new(Exit::Usage, message)
    })
}

fn taken(port: u16, error: &std::io::Error) -> CommandError {
    CommandError::failed(format!(
        "Port {port} of 127.0.0.1 cannot be used: {error}. Choose another one with --port."
    ))
}

/// Waits for Ctrl+C, or the end of the session.
async fn until_stopped(live: &Live) -> Result<(), CommandError> {
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.map_err(CommandError::failed),
        failure = live.ended() => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::ResourceId;
    use hourkey_domain::lock::Why;
    use hourkey_domain::visibility::Visibility;

    use super::*;

    fn resource(id: i64, address: &str, ports: &str) -> Resource {
        Resource {
            id: ResourceId(id),
            name: format!("Resource {id}"),
            address: address.to_owned(),
            ports: ports.parse().unwrap(),
            alias: None,
            network: "office".to_owned(),
            tags: Vec::new(),
            url: None,
            lock: LockState::Locked { why: Why::Unused },
            visibility: Visibility::default(),
            description: String::new(),
            how_to_use: None,
            denied_at: None,
            last_decision: None,
            approved: None,
            last_touched: None,
        }
    }

    #[test]
    fn one_host_and_one_port_are_meant() {
        let resources = [
            resource(1, "db.corp", "5432"),
            resource(2, "*.corp", "443"),
            resource(3, "10.0.0.1", ""),
        ];
        let found = |what: &str| destination(&resources, what).map(|to| to.to_string());
        assert_eq!(found("resource 1").unwrap(), "db.corp:5432");
        assert_eq!(found("DB.corp:5432").unwrap(), "db.corp:5432");
        assert_eq!(found("wiki.corp:443").unwrap(), "wiki.corp:443");
        for (what, exit) in [
            ("resource 2", Exit::Usage),
            ("resource 3", Exit::Usage),
            ("nothing", Exit::NotFound),
            ("nothing:0", Exit::NotFound),
        ] {
            assert_eq!(found(what).unwrap_err().exit, exit, "{what}");
        }
    }
}
