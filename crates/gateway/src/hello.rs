//! For which name a TLS handshake is (RFC 6066, 3), seen without taking part in it.

use hourkey_domain::address::Host;
use rustls::server::Acceptor;

/// The first byte of a TLS record that holds a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// What the first bytes of a flow say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// Not enough of them yet.
    Incomplete,
    /// No TLS, no name, or the right one.
    Fits,
    /// Another name than the one that was asked for.
    Differs,
}

/// Looks at the first bytes of a flow that was let in for `name` (canonical).
pub(crate) fn inspect(bytes: &[u8], name: &str) -> Hello {
    match bytes.first() {
        None => return Hello::Incomplete,
        Some(&HANDSHAKE) => {}
        Some(_) => return Hello::Fits,
    }
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        // What is no TLS is the origin's to refuse.
        if acceptor.read_tls(&mut rest).is_err() {
            return Hello::Fits;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let said = hello.server_name().map(str::parse::<Host>);
                return match said {
                    Some(Ok(Host::Name(said))) if said == name => Hello::Fits,
                    Some(_) => Hello::Differs,
                    None => Hello::Fits,
                };
            }
            Err(_) => return Hello::Fits,
        }
    }
    Hello::Incomplete
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    fn hello(name: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = name.to_owned().try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_handshake_is_for_the_name_that_was_asked_for() {
        let bytes = hello("wiki.corp.example");
        assert_eq!(inspect(&bytes, "wiki.corp.example"), Hello::Fits);
        assert_eq!(inspect(&bytes, "payroll.corp.example"), Hello::Differs);
        for length in [0, 1, 5, bytes.len() - 1] {
            let part = &bytes[..length];
            assert_eq!(
                inspect(part, "payroll.corp.example"),
                Hello::Incomplete,
                "{length}"
            );
        }
        // An address carries no name.
        assert_eq!(
            inspect(&hello("10.0.0.1"), "wiki.corp.example"),
            Hello::Fits
        );
        assert_eq!(
            inspect(b"SSH-2.0-OpenSSH\r\n", "wiki.corp.example"),
            Hello::Fits
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_a_panic(mut bytes: Vec<u8>) {
            bytes.insert(0, HANDSHAKE);
            let _ = inspect(&bytes, "wiki.corp.example");
        }
    }
}
