//! Fuzz targets: what holds for any bytes from outside (`fuzz/README.md`).

use crate::address::{Address, Host};

/// Hosts and addresses: what is read is canonical, so that two texts for the same are equal.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(host) = text.parse::<Host>() {
        let canonical = match &host {
            Host::Name(name) => name.clone(),
            Host::Ip(ip) => ip.to_string(),
        };
        assert_eq!(canonical.parse().as_ref(), Ok(&host), "{text:?}");
        assert_eq!(canonical.to_uppercase().parse().as_ref(), Ok(&host));
        // A zone, or a sign that another reader would decode.
        assert!(!text.contains('%'));
        let dotted = format!("{canonical}.").parse::<Host>();
        assert!(dotted.is_err() || dotted.as_ref() == Ok(&host));
        assert!(canonical.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(!canonical.contains(['/', '@', '%', '*', '[', '"', '\\']));
    }
    if let Ok(address) = text.parse::<Address>() {
        let canonical = address.to_string();
        assert_eq!(canonical.parse().as_ref(), Ok(&address), "{text:?}");
        let host = canonical.parse::<Host>();
        assert_eq!(
            host.is_ok(),
            matches!(address, Address::Name(_) | Address::Ip(_))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay;

    #[test]
    fn any_name_is_read_in_its_canonical_form_or_refused() {
        replay("names", names);
    }
}
