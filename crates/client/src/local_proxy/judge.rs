//! Judges the requests that come in by a forward.

use ::http::header::HOST;
use ::http::request::Parts;
use ::http::uri::Authority;
use ::http::{Method, Version};

use super::cross_site::is_cross_site;
use super::response::ProxyResponse;
use crate::dial::Destination;

/// Judges a request: is it meant for here?
///
/// # Errors
/// The answer to one that is not.
pub(super) fn judge(head: &Parts, to: &Destination) -> Result<(), ProxyResponse> {
    let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
    let is_meant = match &hosts[..] {
        // HTTP/1.0 knows no Host (RFC 9112, 3.2), and no browser speaks it.
        [] => head.version == Version::HTTP_10 && head.uri.authority().is_none(),
        [host] => {
            let target = head.uri.authority().map(Authority::as_str);
            let said = target.into_iter().map(Some).chain([host.to_str().ok()]);
            let mut said = said.map(|host| host.is_some_and(|host| is_here(host.trim(), to)));
            said.all(|is_here| is_here)
        }
        _ => false,
    };
    if head.method == Method::CONNECT {
        Err(ProxyResponse::no_connect_by_forward())
    } else if !is_meant {
        Err(ProxyResponse::foreign_to_forward())
    } else if is_cross_site(&head.method, &head.headers) {
        Err(ProxyResponse::cross_site())
    } else {
        Ok(())
    }
}

/// True for a host that is the resource's own, or this machine's. The port is not compared: a page
/// cannot make any of these names point here, whatever port it says.
fn is_here(host: &str, to: &Destination) -> bool {
    let named = Destination::read(host, Some(to.port)).map(|named| named.host);
    let here = ["127.0.0.1", "localhost"];
    named.is_some_and(|named| {
        named == to.host || here.iter().any(|it| it.parse().is_ok_and(|it| named == it))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_for_one_of_its_own_names() {
        let to = "wiki.corp:80".parse::<Destination>().unwrap();
        let judged = |version, method: &str, target: &str, fields: &[(&str, &str)]| {
            let mut request = ::http::Request::builder()
                .version(version)
                .method(method)
                .uri(target);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            judge(&request.body(()).unwrap().into_parts().0, &to)
        };
        let v1 = Version::HTTP_11;
        for host in [
            "wiki.corp",
            "Wiki.Corp:80",
            "LOCALHOST:4711",
            "127.0.0.1:4711",
            "127.0.0.1:80",
            "localhost",
        ] {
            assert_eq!(judged(v1, "GET", "/", &[("Host", host)]), Ok(()), "{host}");
        }
        let foreign = Err(ProxyResponse::foreign_to_forward());
        let evil = [("Host", "evil.example:4711")];
        let own = ("Host", "wiki.corp");
        for fields in [&evil[..], &[], &[own, ("Host", "x")]] {
            assert_eq!(judged(v1, "GET", "/", fields), foreign, "{fields:?}");
        }
        assert_eq!(judged(v1, "GET", "http://wiki.corp/", &[own]), Ok(()));
        assert_eq!(judged(v1, "GET", "http://evil.example/", &[own]), foreign);
        let tunnel = judged(v1, "CONNECT", "wiki.corp:80", &[own]);
        assert_eq!(tunnel, Err(ProxyResponse::no_connect_by_forward()));
        let v0 = Version::HTTP_10;
        assert_eq!(judged(v0, "GET", "/", &[]), Ok(()));
        assert_eq!(judged(v0, "GET", "/", &evil), foreign);
        let crossing = judged(v1, "POST", "/", &[own, ("Origin", "http://evil")]);
        assert_eq!(crossing, Err(ProxyResponse::cross_site()));
    }
}
