//! Addresses of the controller's pages. They carry ids and a hint of who should be signed in, and
//! nothing secret: a browser's arguments can be read by others.

use hourkey_domain::ids::{RequestId, ResourceId};
use url::Url;

/// Where access to a resource is asked for.
#[must_use]
pub fn ask(controller: &Url, resource: ResourceId, login: &str) -> Url {
    page(controller, &format!("resources/{resource}/request"), login)
}

/// Where more time is asked for access that runs.
#[must_use]
pub fn extend(controller: &Url, resource: ResourceId, login: &str) -> Url {
    page(controller, &format!("resources/{resource}/extend"), login)
}

/// Where a browser returns to once access is granted: an id at the local proxy, which alone knows where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo {
    /// The proxy's port on 127.0.0.1.
    pub port: u16,
    /// The proxy's id for it: 128 random bits in base64url (RFC 4648, 5).
    pub id: String,
}

/// Adds to a request page where it sends the browser afterwards.
#[must_use]
pub fn with_return_to(mut page: Url, return_to: &ReturnTo) -> Url {
    let ReturnTo { port, id } = return_to;
    page.query_pairs_mut()
        .append_pair("back", &format!("{port}-{id}"));
    page
}

/// One request of the person, live.
#[must_use]
pub fn request(controller: &Url, request: RequestId, login: &str) -> Url {
    page(controller, &format!("requests/{request}"), login)
}

/// The person's requests and grants.
#[must_use]
pub fn access(controller: &Url, login: &str) -> Url {
    page(controller, "access", login)
}

/// The review queue.
#[must_use]
pub fn reviews(controller: &Url, login: &str) -> Url {
    page(controller, "review", login)
}

/// One request in the review queue.
#[must_use]
pub fn review(controller: &Url, request: RequestId, login: &str) -> Url {
    page(controller, &format!("review/{request}"), login)
}

fn page(controller: &Url, path: &str, login: &str) -> Url {
    let mut url = controller.clone();
    url.set_path(path);
    url.set_fragment(None);
    url.query_pairs_mut().clear().append_pair("as", login);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_carry_an_id_and_the_hint() {
        let controller = "https://hourkey.example:8443/".parse().unwrap();
        assert_eq!(
            ask(&controller, ResourceId(7), "ada&x=1").as_str(),
            "https://hourkey.example:8443/resources/7/request?as=ada%26x%3D1"
        );
        assert_eq!(
            extend(&controller, ResourceId(7), "ada").as_str(),
            "https://hourkey.example:8443/resources/7/extend?as=ada"
        );
        assert_eq!(
            review(&controller, RequestId(3), "ada").as_str(),
            "https://hourkey.example:8443/review/3?as=ada"
        );
    }
}
