//! Which resource of the person a destination belongs to (rule 9).

use hourkey_domain::address::{Address, Candidate, Host, Ports, governing};
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::Resource;

/// The person's resources, as far as destinations go.
///
/// The gateway decides again, among **all** resources of its network; what is refused here never
/// reaches it.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

#[derive(Debug)]
struct Route {
    id: ResourceId,
    address: Address,
    ports: Ports,
}

impl Routes {
    /// Of these resources. One with an invalid address is left out.
    pub(crate) fn new<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let route = |resource: &Resource| {
            Some(Route {
                id: resource.id,
                address: resource.address.parse().ok()?,
                ports: resource.ports.clone(),
            })
        };
        Self(resources.into_iter().filter_map(route).collect())
    }

    /// The resource that governs a destination, or `None` when that is none of the person's.
    pub(crate) fn find(&self, host: &Host, port: u16) -> Option<ResourceId> {
        let candidates: Vec<Candidate<'_>> = self
            .0
            .iter()
            .map(|route| Candidate {
                id: route.id,
                address: &route.address,
                ports: &route.ports,
                // Names are resolved behind the gateway only.
                resolved: &[],
            })
            .collect();
        governing(&candidates, host, &[], port)
    }

    /// All addresses with their ports.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&Address, &Ports)> {
        self.0.iter().map(|route| (&route.address, &route.ports))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{LOCKED, resource};

    fn routes(rows: &[(&str, &str)]) -> Routes {
        let rows: Vec<Resource> = (1..)
            .zip(rows)
            .map(|(id, (address, ports))| {
                let mut row = resource(id, LOCKED);
                row.address = (*address).to_owned();
                row.ports = ports.parse().unwrap();
                row
            })
            .collect();
        Routes::new(&rows)
    }

    fn found(routes: &Routes, host: &str, port: u16) -> Option<i64> {
        let id = routes.find(&host.parse().unwrap(), port)?;
        Some(id.0)
    }

    #[test]
    fn the_narrowest_governs_and_the_rest_is_no_resource() {
        let routes = routes(&[
            ("*.corp", "443"),
            ("db.corp", "5432"),
            ("*.db.corp", ""),
            ("10.1.0.0/16", ""),
            ("10.1.2.3", "22"),
            ("not an address", ""),
        ]);
        for (host, port, id) in [
            ("db.corp", 5432, Some(2)),
            ("DB.Corp.", 5432, Some(2)),
            ("db.corp", 443, Some(1)),
            ("a.db.corp", 443, Some(3)),
            ("corp", 443, None),
            ("wiki.corp", 80, None),
            ("10.1.2.3", 22, Some(5)),
            ("10.1.2.3", 80, Some(4)),
            ("0x0a.1.2.3", 22, Some(5)),
            ("::ffff:10.1.2.3", 22, Some(5)),
            ("example.com", 443, None),
            ("127.0.0.1", 22, None),
        ] {
            assert_eq!(found(&routes, host, port), id, "{host}:{port}");
        }
    }

    proptest! {
        /// Whatever the destination, what is found holds it, and a resource that is added takes
        /// nothing away from the exact ones.
        #[test]
        fn what_is_found_holds_the_destination(
            names in prop::collection::vec("(\\*\\.)?[a-c](\\.[a-c]){0,2}", 0..8),
            host in "[a-c](\\.[a-c]){0,3}",
            port in 1_u16..,
        ) {
            let rows: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
            let found = found(&routes(&rows), &host, port);
            let holds = |name: &str| match name.strip_prefix("*.") {
                Some(suffix) => host.ends_with(&format!(".{suffix}")),
                None => host == name,
            };
            prop_assert_eq!(found.is_some(), names.iter().any(|name| holds(name)));
            if let Some(id) = found {
                let name = &names[usize::try_from(id - 1).unwrap()];
                prop_assert!(holds(name));
                prop_assert!(name == &host || !names.contains(&host));
            }
        }
    }
}
