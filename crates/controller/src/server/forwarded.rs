//! What is wrong with the proxy in front of the controller. Each mistake is logged once, where
//! whoever sets the proxy up looks for it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use hourkey_access::config::Config;
use hourkey_console::csrf;

/// The longest text of a header that is logged, in characters.
const MAX_LOGGED: usize = 100;

/// What was found out about proxies so far.
pub(super) struct Proxies {
    config: Arc<Config>,
    logged: Mutex<BTreeSet<Mistake>>,
}

/// A mistake in how a proxy hands calls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    /// The trusted proxy does not name the client.
    NoClient,
    /// A proxy names clients, and is not the trusted one.
    NotTrusted,
    /// People reach the proxy by another scheme than that of the public address.
    Scheme,
    /// People reach the controller at another address than the public one.
    Address,
    /// The trusted proxy names another host than that of the public address.
    Host,
}

impl Proxies {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            logged: Mutex::default(),
        }
    }

    fn log(&self, mistake: Mistake, peer: IpAddr, headers: &HeaderMap) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if !logged.insert(mistake) {
            return;
        }
        drop(logged);
        let public = self.config.public_url.as_str();
        let said = |name: &str| -> String {
            let value = text(headers, name).unwrap_or_default();
            value.chars().take(MAX_LOGGED).collect()
        };
        match mistake {
            Mistake::NoClient => tracing::warn!(
                proxy.address = %peer,
                "the trusted proxy sends no X-Forwarded-For: everybody counts as one address when \
                 attempts to sign in are limited; let the proxy set it (docs/admin/controller.md)"
            ),
            Mistake::NotTrusted => tracing::warn!(
                proxy.address = %peer,
                "a proxy sends X-Forwarded-For, which is not believed: everybody counts as one \
                 address when attempts to sign in are limited; name it as trusted_proxy"
            ),
            Mistake::Scheme => tracing::warn!(
                x_forwarded_proto = ?said(FORWARDED_PROTO),
                public.url = public,
                "people reach the proxy by another scheme than that of public_url: browsers do not \
                 keep their sign-in; let the proxy redirect them, or correct public_url"
            ),
            Mistake::Address => tracing::warn!(
                origin = ?said("origin"),
                public.url = public,
                "people reach the controller at another address than public_url, and their forms \
                 are refused; let the proxy redirect them, or correct public_url"
            ),
            Mistake::Host => tracing::warn!(
                x_forwarded_host = ?said(FORWARDED_HOST),
                public.url = public,
                "the trusted proxy names another host in X-Forwarded-Host than that of public_url: \
                 if people come by it, their forms will be refused; let the proxy redirect them, \
                 or correct the header or public_url"
            ),
        }
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Looks at how a call came.
pub(super) async fn look(
    State(proxies): State<Arc<Proxies>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let peer = peer.ip().to_canonical();
        for mistake in mistakes(&proxies.config, peer, request.headers()) {
            proxies.log(mistake, peer, request.headers());
        }
    }
    next.run(request).await
}

fn mistakes(config: &Config, peer: IpAddr, headers: &HeaderMap) -> Vec<Mistake> {
    let mut found = Vec::new();
    let is_trusted = config.trusted_proxy.map(|proxy| proxy.to_canonical()) == Some(peer);
    let names_client = headers.contains_key(FORWARDED_FOR);
    // Programs on the proxy's machine may call past it, browsers hardly do.
    let is_page = text(headers, header::ACCEPT.as_str()).is_some_and(|it| it.contains("text/html"));
    if is_trusted && is_page && !names_client {
        found.push(Mistake::NoClient);
    }
    if !is_trusted && names_client && is_near(peer) {
        found.push(Mistake::NotTrusted);
    }
    let differs = |name: &str, expected: &str| {
        let mut said = text(headers, name).into_iter().flat_map(|it| it.split(','));
        headers.contains_key(name) && !said.any(|it| it.trim().eq_ignore_ascii_case(expected))
    };
    if is_trusted && differs(FORWARDED_PROTO, config.public_url.scheme()) {
        found.push(Mistake::Scheme);
    }
    if csrf::is_from_another_address_of_ours(headers, config) {
        found.push(Mistake::Address);
    }
    if is_trusted && differs(FORWARDED_HOST, config.public_url.authority()) {
        found.push(Mistake::Host);
    }
    found
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether an address is of this machine or of a private network, where proxies are: from
/// elsewhere anybody may send any header.
fn is_near(address: IpAddr) -> bool {
    address.is_loopback()
        || match address {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(public_url: &str, trusted_proxy: Option<&str>) -> Config {
        Config {
            data: "data".into(),
            listen: "127.0.0.1:8420".parse().unwrap(),
            public_url: public_url.parse().unwrap(),
            tls: None,
            trusted_proxy: trusted_proxy.map(|proxy| proxy.parse().unwrap()),
            device_flow: false,
            request_lapse: hourkey_domain::request::DEFAULT_LAPSE,
        }
    }

    fn found(config: &Config, peer: &str, headers: &[(&'static str, &str)]) -> Vec<Mistake> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        mistakes(config, peer.parse().unwrap(), &map)
    }

    #[test]
    fn a_proxy_that_is_set_up_as_documented_makes_no_mistake() {
        let config = config("https://hourkey.example.com", Some("127.0.0.1"));
        let headers = [
            ("accept", "text/html"),
            ("host", "hourkey.example.com"),
            ("origin", "https://hourkey.example.com"),
            ("sec-fetch-site", "same-origin"),
            (FORWARDED_FOR, "203.0.113.7"),
            (FORWARDED_PROTO, "https"),
            (FORWARDED_HOST, "hourkey.example.com"),
        ];
        assert_eq!(found(&config, "127.0.0.1", &headers), []);
        // A program on the same machine, past the proxy.
        assert_eq!(found(&config, "127.0.0.1", &[("accept", "*/*")]), []);
    }

    #[test]
    fn each_mistake_is_found() {
        let ours = config("https://hourkey.example.com", Some("10.0.0.1"));
        let page = ("accept", "text/html,*/*");
        let client = (FORWARDED_FOR, "203.0.113.7");
        assert_eq!(found(&ours, "10.0.0.1", &[page]), [Mistake::NoClient]);
        for peer in ["127.0.0.1", "10.0.0.2", "fd00::1"] {
            assert_eq!(found(&ours, peer, &[client]), [Mistake::NotTrusted]);
        }
        assert_eq!(found(&ours, "203.0.113.9", &[client]), []);
        let plain = (FORWARDED_PROTO, "http");
        assert_eq!(
            found(&ours, "10.0.0.1", &[client, plain]),
            [Mistake::Scheme]
        );
        let other = (FORWARDED_HOST, "access.example.com");
        let right = [
            ("origin", "https://hourkey.example.com"),
            ("sec-fetch-site", "same-origin"),
        ];
        // The forms of those who come by the right address are taken all the same.
        let headers = [client, other, right[0], right[1]];
        assert_eq!(found(&ours, "10.0.0.1", &headers), [Mistake::Host]);
    }

    #[test]
    fn a_form_from_another_address_of_the_controller_is_no_other_site() {
        let ours = config("https://hourkey.example.com", None);
        let origin = ("origin", "https://access.example.com");
        let by_browser = [origin, ("sec-fetch-site", "same-origin")];
        assert_eq!(found(&ours, "127.0.0.1", &by_browser), [Mistake::Address]);
        let by_host = [origin, ("host", "access.example.com")];
        assert_eq!(found(&ours, "127.0.0.1", &by_host), [Mistake::Address]);
        let elsewhere = [origin, ("sec-fetch-site", "cross-site")];
        assert_eq!(found(&ours, "127.0.0.1", &elsewhere), []);
    }
}
