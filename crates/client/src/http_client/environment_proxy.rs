//! The proxy through which the controller is reached: the one that the environment names
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, in upper or lower case, less `NO_PROXY`), unless that is
//! a local proxy of our own. Those lead to resources alone, and need the controller themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Proxy;
use url::{Host, Position, Url};

use crate::config::Folders;
use crate::own_ports::Ports;

/// The environment's proxy. Looked up for each call: a local proxy may start or end meanwhile.
pub(super) fn of_environment() -> Proxy {
    let settings = Matcher::from_env();
    let own = Folders::find().ok().map(|it| Ports::of(&it.state));
    Proxy::custom(move |url| choose(&settings, own.as_ref(), url))
}

/// The controller in sentences: its origin, and the proxy on the way there, without its password.
pub(crate) fn named(controller: &Url) -> String {
    let origin = controller.origin().ascii_serialization();
    let own = Folders::find().ok().map(|it| Ports::of(&it.state));
    let proxy = choose(&Matcher::from_env(), own.as_ref(), controller);
    let set = |name: &str| std::env::var(name).ok();
    match (proxy, variable(controller.scheme(), set)) {
        (Some(proxy), Some(variable)) => {
            let place = &proxy[Position::BeforeHost..Position::AfterPort];
            let scheme = proxy.scheme();
            format!("{origin} through the proxy {scheme}://{place} (from {variable})")
        }
        (_, _) => origin,
    }
}

/// The variable that names the proxy for this scheme, in the order in which [`Matcher::from_env`]
/// looks: of each pair, the first that is set counts, even if it is empty.
fn variable(scheme: &str, set: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let own = match scheme {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let mut pairs = [own, ["ALL_PROXY", "all_proxy"]].into_iter();
    pairs.find_map(|pair| {
        let first = pair.into_iter().find_map(|name| Some((name, set(name)?)));
        first.filter(|(_, value)| !value.is_empty()).map(|it| it.0)
    })
}

fn choose(settings: &Matcher, own: Option<&Ports>, url: &Url) -> Option<Url> {
    let found = settings.intercept(&url.as_str().parse().ok()?)?;
    let mut proxy: Url = found.uri().to_string().parse().ok()?;
    if own.is_some_and(|own| is_own(own, &proxy)) {
        tracing::debug!("the environment names our own local proxy; going without");
        return None;
    }
    if let Some((login, password)) = credentials(&found) {
        proxy.set_username(&login).ok()?;
        proxy.set_password(Some(&password)).ok()?;
    }
    Some(proxy)
}

fn is_own(own: &Ports, proxy: &Url) -> bool {
    let local = match proxy.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback() || ip.is_unspecified(),
        // Of a scheme that the URL standard does not know, any host is a domain.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let ip = name.parse::<std::net::Ipv4Addr>();
            name == "localhost"
                || name.ends_with(".localhost")
                || ip.is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    };
    local
        && proxy
            .port_or_known_default()
            .is_some_and(|port| own.has(port))
}

fn credentials(found: &Intercept) -> Option<(String, String)> {
    if let Some((login, password)) = found.raw_auth() {
        return Some((login.to_owned(), password.to_owned()));
    }
    let basic = found.basic_auth()?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
    let (login, password) = text.split_once(':')?;
    Some((login.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_counts_is_named() {
        for (scheme, set, named) in [
            (
                "http",
                &[("http_proxy", "a"), ("ALL_PROXY", "b")][..],
                Some("http_proxy"),
            ),
            (
                "http",
                &[("HTTP_PROXY", ""), ("http_proxy", "a"), ("all_proxy", "b")],
                Some("all_proxy"),
            ),
            (
                "https",
                &[("http_proxy", "a"), ("https_proxy", "b")],
                Some("https_proxy"),
            ),
            ("https", &[("http_proxy", "a")], None),
        ] {
            let value = |name: &str| {
                let found = set.iter().find(|(set, _)| *set == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(variable(scheme, value), named, "{scheme} {set:?}");
        }
    }

    #[test]
    fn our_own_local_proxy_is_never_taken_and_any_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let own = Ports::of(folder.path());
        let _mark = own.mark(8421).unwrap();
        let chosen = |proxy: &str, url: &str| {
            let settings = Matcher::builder().all(proxy).no("direct.example").build();
            let chosen = choose(&settings, Some(&own), &url.parse().unwrap());
            chosen.map(|url| url.to_string())
        };
        for url in ["https://hourkey.example/", "http://hourkey.example/"] {
            for ours in [
                "http://127.0.0.1:8421",
                "127.0.0.1:8421",
                "http://localhost:8421/",
                "http://LOCALHOST:8421",
                "http://user:secret@127.0.0.1:8421",
                "socks5h://127.0.0.1:8421",
                "socks5://localhost:8421",
                "socks5h://LocalHost:8421",
                "socks5h://[::1]:8421",
            ] {
                assert_eq!(chosen(ours, url), None, "{ours}");
            }
            for (theirs, taken) in [
                ("http://127.0.0.1:3128", "http://127.0.0.1:3128/"),
                ("http://proxy.corp:8421", "http://proxy.corp:8421/"),
                ("proxy.corp:3128", "http://proxy.corp:3128/"),
                (
                    "http://ann:s%40d@proxy.corp:3128",
                    "http://ann:s%40d@proxy.corp:3128/",
                ),
                ("https://proxy.corp", "https://proxy.corp/"),
                ("socks5h://proxy.corp:1080", "socks5h://proxy.corp:1080/"),
                (
                    "socks5h://ann:x@127.0.0.1:1080",
                    "socks5h://ann:x@127.0.0.1:1080/",
                ),
            ] {
                assert_eq!(chosen(theirs, url).as_deref(), Some(taken));
            }
        }
        assert_eq!(chosen("http://proxy.corp", "https://direct.example/"), None);
    }
}
