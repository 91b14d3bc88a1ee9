//! From a CONNECT (RFC 9110, 9.3.6) to an open flow, or a refusal.

use std::net::SocketAddr;
use std::str::FromStr as _;

use bytes::Bytes;
use hourkey_domain::address::Host;
use hourkey_protocol::gateway::{REFUSAL, Refusal};
use hourkey_tcp::{Link, interleave, race};
use http::{HeaderValue, Method, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::context::{Client, ServerContext, limit_unsent};
use crate::gate::FlowGuard;
use crate::limits;
use crate::relay::{Outcome, RelayEnd};
use crate::resolve::ResolvedAddress;
use crate::table::Target;
use crate::usage::ConnectionReport;

/// A flow that was let in and is connected.
pub(crate) struct OpenFlow {
    /// Lets it run.
    pub(crate) guard: FlowGuard,
    /// The destination.
    pub(crate) origin: Link,
    /// Its report to the controller.
    pub(crate) report: ConnectionReport,
}

/// A CONNECT that failed: the status and the reason of the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectError {
    status: StatusCode,
    refusal: Refusal,
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status());
        let status = status.unwrap_or(StatusCode::FORBIDDEN);
        Self { status, refusal }
    }
}

impl ConnectError {
    /// Returns it as an HTTP response.
    pub(crate) fn response(self) -> Response<Bytes> {
        let text = match self.refusal {
            Refusal::NoPermit => "You have no access to this address now.\n",
            Refusal::Device => "This device may not use the gateway. Sign in again.\n",
            Refusal::Stale => {
                "The gateway has lost contact with its controller, so it lets nothing pass.\n"
            }
            Refusal::Unreachable => "The destination cannot be reached.\n",
            Refusal::Malformed => "The gateway only accepts CONNECT host:port.\n",
            Refusal::Busy => "The gateway has too many connections. Try again later.\n",
        };
        let mut answer = Response::new(Bytes::from_static(text.as_bytes()));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(REFUSAL, HeaderValue::from_static(self.refusal.as_str()));
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(http::header::CONTENT_TYPE, plain);
        answer
    }
}

/// Lets a flow in and connects it. `authority` is where to.
pub(crate) async fn open(
    server: &ServerContext,
    client: &Client,
    method: &Method,
    authority: Option<&str>,
) -> Result<OpenFlow, ConnectError> {
    if method != Method::CONNECT {
        return Err(ConnectError {
            status: StatusCode::METHOD_NOT_ALLOWED,
            refusal: Refusal::Malformed,
        });
    }
    let target = authority.and_then(target).ok_or(Refusal::Malformed)?;
    connect(server, client, target).await.map_err(|refusal| {
        tracing::debug!(device.id = %client.peer.device, refusal = refusal.as_str(), "connection refused");
        refusal.into()
    })
}

async fn connect(
    server: &ServerContext,
    client: &Client,
    target: Target,
) -> Result<OpenFlow, Refusal> {
    let gate = &server.gate;
    let _opening = client.guard.opening()?;
    gate.ready(&client.peer).await?;
    // A resumed TLS session outlives the certificate that it began with.
    if gate
        .server_time()
        .is_none_or(|now| now >= client.expires_at)
    {
        return Err(Refusal::Device);
    }
    let addresses = match &target.host {
        Host::Ip(ip) => vec![ResolvedAddress::at(*ip)],
        Host::Name(name) => {
            let _look_up = gate.look_up(&client.peer, &target)?;
            server.resolver.look_up(name).await
        }
    };
    // For a name that leads nowhere: only who may go there learns that.
    if addresses.is_empty() {
        gate.admit(&client.peer, &target)?;
        return Err(Refusal::Unreachable);
    }
    let mut addresses = interleave(addresses, |address| address.ip.is_ipv6());
    addresses.truncate(limits::MAX_ADDRESSES);
    let deadline = Instant::now() + limits::CONNECT_TIMEOUT;
    let connect = |address: ResolvedAddress| connect_to(server, client, &target, address, deadline);
    let (guard, origin) = race(addresses, connect).await.map_err(reason)?;
    if !guard.may_go_on().await {
        return Err(Refusal::NoPermit);
    }
    let report = server.usage.begin(&guard);
    Ok(OpenFlow {
        guard,
        origin,
        report,
    })
}

/// Connects to one address of the destination, if rule 9 lets the flow in there. One that is too
/// late gives its slot back.
async fn connect_to(
    server: &ServerContext,
    client: &Client,
    target: &Target,
    address: ResolvedAddress,
    deadline: Instant,
) -> Result<(FlowGuard, Link), Refusal> {
    let target = Target {
        ip: address.governs(),
        mapped: address.port.map(|port| SocketAddr::new(address.ip, port)),
        ..target.clone()
    };
    let (guard, admission) = server.gate.open(&client.peer, &target)?;
    if !server.resolver.is_allowed(&address, &admission.address) {
        tracing::debug!(address = %address.ip, "name resolves to a forbidden address");
        return Err(Refusal::Unreachable);
    }
    let to = (address.ip, address.port.unwrap_or(target.port));
    let connected = tokio::select! {
        connected = timeout_at(deadline, TcpStream::connect(to)) => connected,
        () = guard.is_cut() => return Err(Refusal::NoPermit),
    };
    match connected {
        Ok(Ok(origin)) => {
            limit_unsent(&origin);
            match server.watchdog.guard(origin) {
                Ok(origin) => Ok((guard, origin)),
                Err(_) => Err(Refusal::Unreachable),
            }
        }
        Ok(Err(error)) if server.descriptors.are_used_up(&error) => Err(Refusal::Busy),
        Ok(Err(_)) | Err(_) => Err(Refusal::Unreachable),
    }
}

/// Why none of the addresses could be connected to. What the whole gateway or device lacks goes
/// first; that one address is reachable for nobody is told only to who may go there.
fn reason(failed: Vec<Refusal>) -> Refusal {
    let rank = |refusal: &Refusal| match refusal {
        Refusal::NoPermit => 0,
        Refusal::Unreachable => 1,
        Refusal::Busy | Refusal::Malformed => 2,
        Refusal::Stale => 3,
        Refusal::Device => 4,
    };
    failed
        .into_iter()
        .max_by_key(rank)
        .unwrap_or(Refusal::NoPermit)
}

/// Reads `host:port`; both are needed, and nothing else is allowed.
pub(crate) fn target(authority: &str) -> Option<Target> {
    let (host, port) = authority.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains('@') || (host.contains(':') && !bracketed) {
        return None;
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    Some(Target {
        host: Host::from_str(host).ok()?,
        ip: None,
        port,
        mapped: None,
    })
}

/// Reports how a flow went, and says so for whoever works on the code.
pub(crate) fn finish(guard: &FlowGuard, report: ConnectionReport, outcome: &Outcome) {
    let state = guard.state();
    report.ended(outcome, state.mismatch());
    let (why, error) = match &outcome.end {
        RelayEnd::Finished => (None, None),
        RelayEnd::Cut(cause) => (Some(*cause), None),
        RelayEnd::Broken(_, error) => (None, Some(error)),
    };
    tracing::debug!(
        device.id = %state.device,
        resource.id = %state.resource,
        sent_bytes = outcome.up,
        received_bytes = outcome.down,
        cut = ?why,
        error = ?error,
        "connection closed"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_needed() {
        let read = |text| target(text).map(|it| (it.host, it.port));
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        let name = Host::Name("db.corp".to_owned());
        assert_eq!(read("db.corp:5432"), Some((name.clone(), 5432)));
        assert_eq!(read("DB.Corp.:5432"), Some((name, 5432)));
        assert_eq!(read("167772161:22"), Some((ip("10.0.0.1"), 22)));
        assert_eq!(read("0xa000001:22"), Some((ip("10.0.0.1"), 22)));
        assert_eq!(read("[::ffff:10.0.0.1]:22"), Some((ip("10.0.0.1"), 22)));
        assert_eq!(read("[2001:db8::1]:22"), Some((ip("2001:db8::1"), 22)));
        for bad in [
            "",
            "db.corp",
            "db.corp:",
            ":22",
            "db.corp:0",
            "db.corp:65536",
            "db.corp:+22",
            "db.corp:22 ",
            "a@db.corp:22",
            "::1:22",
            "db corp:22",
            "db.corp:22/x",
            "%64b.corp:22",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: String, port in "(:[0-9]{0,6})?") {
            let _ = target(&format!("{text}{port}"));
        }
    }
}
