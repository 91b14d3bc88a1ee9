//! Answers each CONNECT (RFC 9110, 9.3.6) with what the gate says, and carries what was let in.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_domain::address::Host;
use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::{Ended, REFUSAL, Refusal};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::dial::{Dialer, Found};
use crate::gate::{Admitted, Gate};
use crate::relay::{Carried, relay};
use crate::table::Target;
use crate::tls::Tls;
use crate::usage::Usage;

/// How long the controller may take to tell whose a device is.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// How many addresses of a destination are tried.
const ADDRESSES: usize = 4;

/// The device at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) device: DeviceId,
    pub(crate) key: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// What answering takes.
pub(crate) struct Tunnels {
    pub(crate) gate: Arc<Gate>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) usage: Usage,
}

/// A flow that was let in and has reached its destination.
struct Open {
    admitted: Admitted,
    origin: TcpStream,
    name: Option<String>,
}

impl Tunnels {
    /// Answers a request of a device.
    pub(crate) async fn answer(
        self: Arc<Self>,
        caller: Arc<Caller>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        match self.open(&caller, &request).await {
            Ok(open) => {
                tokio::spawn(self.carry(caller, hyper::upgrade::on(request), open));
                Response::new(Full::default())
            }
            Err(refusal) => refuse(refusal),
        }
    }

    async fn open(&self, caller: &Caller, request: &Request<Incoming>) -> Result<Open, Refusal> {
        let (host, port) = destination(request).ok_or(Refusal::Malformed)?;
        self.introduce(caller.device).await?;
        let gate = &self.gate;
        let user = gate.holder(caller.device, &caller.key)?;
        if gate.time.now() >= caller.expires_at {
            return Err(Refusal::Device);
        }
        if !gate.has_permits(user) {
            return Err(Refusal::NoPermit);
        }
        let target = |ip| Target {
            host: host.clone(),
            ip,
            port,
        };
        let check = |target: &Target| gate.check(caller.device, &caller.key, target);
        let by_name = check(&target(None));
        if by_name.is_err() && gate.is_resource(&host, port) {
            // Locked: no look-up that would tell it from what is no resource.
            return Err(Refusal::NoPermit);
        }
        let found = match self.dialer.find(&host, port).await {
            Ok(found) => found,
            Err(refusal) => return Err(by_name.err().unwrap_or(refusal)),
        };
        let mut refusal = Refusal::NoPermit;
        for found in found.into_iter().take(ADDRESSES) {
            // What the host map says counts for this name alone.
            let target = target((!found.written).then_some(found.ip));
            if check(&target).is_err() || !self.may_lead(found, port) {
                continue;
            }
            match self.dialer.connect(found).await {
                Ok(origin) => {
                    // Much may have changed meanwhile.
                    let admitted = gate.admit(caller.device, &caller.key, target)?;
                    let name = match host {
                        Host::Name(name) => Some(name),
                        Host::Ip(_) => None,
                    };
                    return Ok(Open {
                        admitted,
                        origin,
                        name,
                    });
                }
                Err(unreachable) => refusal = unreachable,
            }
        }
        Err(refusal)
    }

    /// Whether a destination may lead there: to this machine itself only where somebody wrote so.
    fn may_lead(&self, found: Found, port: u16) -> bool {
        found.written
            || !self.dialer.is_private_to_us(found.ip)
            || self.gate.names_exactly(found.ip, port)
    }

    /// Waits until the controller has said whose the device is.
    async fn introduce(&self, device: DeviceId) -> Result<(), Refusal> {
        let known = async {
            loop {
                let news = self.gate.news();
                if self.gate.knows(device) {
                    return;
                }
                news.await;
            }
        };
        let known = tokio::time::timeout(INTRODUCTION, known).await;
        known.map_err(|_| Refusal::Stale)
    }

    async fn carry(self: Arc<Self>, caller: Arc<Caller>, upgrade: OnUpgrade, open: Open) {
        let Open {
            admitted,
            mut origin,
            name,
        } = open;
        let report = self.usage.begin(caller.device, admitted.admission);
        let name = name.as_deref();
        let (carried, ended) = match upgrade.await {
            Ok(upgraded) => match upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>() {
                Ok(parts) => {
                    let mut device = parts.io.into_inner();
                    let first = &parts.read_buf;
                    let end = relay(&mut device, &mut origin, first, name, &admitted).await;
                    if end.1 != Ended::Closed {
                        reset(device.get_ref().0);
                    }
                    end
                }
                Err(upgraded) => {
                    let mut device = TokioIo::<Upgraded>::new(upgraded);
                    relay(&mut device, &mut origin, &[], name, &admitted).await
                }
            },
            // The device went before it was answered.
            Err(_) => (Carried::default(), Ended::Closed),
        };
        if ended != Ended::Closed {
            reset(&origin);
        }
        self.usage.end(report, carried, ended);
    }
}

/// Lets the connection end without a good-bye, and without what lies in its buffers.
fn reset(stream: &TcpStream) {
    // One that is closed already needs none.
    let _ = stream.set_zero_linger();
}

/// Host and port of a CONNECT; both must be there, and nothing else.
fn destination(request: &Request<Incoming>) -> Option<(Host, u16)> {
    if request.method() != Method::CONNECT {
        return None;
    }
    let authority = request.uri().authority()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let port = authority.port_u16().filter(|port| *port != 0)?;
    Some((authority.host().parse().ok()?, port))
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    let sentence = match refusal {
        Refusal::NoPermit => "There is no permit for this destination.\n",
        Refusal::Device => "This device may not connect: it has ended, or its certificate has.\n",
        Refusal::Stale => "The gateway has not heard from its controller, and lets nobody in.\n",
        Refusal::Unreachable => "The destination cannot be reached from the gateway.\n",
        Refusal::Malformed => "The gateway takes CONNECT host:port, and nothing else.\n",
        Refusal::Busy => "Too many connections at once. Close some.\n",
    };
    let mut response = Response::new(Full::from(sentence));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(REFUSAL, HeaderValue::from_static(refusal.as_str()));
    response
}
