//! The subject of a certificate.

use hourkey_domain::ids::{DeviceId, GatewayId};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::key::fingerprint;

/// The subject of a certificate, as a URI in its subject alternative names (RFC 5280, 4.2.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `urn:hourkey:device:7`.
    Device(DeviceId),
    /// `urn:hourkey:gateway:7`.
    Gateway(GatewayId),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device(id) => write!(f, "urn:hourkey:device:{id}"),
            Self::Gateway(id) => write!(f, "urn:hourkey:gateway:{id}"),
        }
    }
}

impl Subject {
    fn from_uri(uri: &str) -> Option<Self> {
        let (kind, id) = uri.strip_prefix("urn:hourkey:")?.split_once(':')?;
        let id = id.parse().ok().filter(|id: &i64| *id > 0)?;
        let subject = match kind {
            "device" => Self::Device(DeviceId(id)),
            "gateway" => Self::Gateway(GatewayId(id)),
            _ => return None,
        };
        // One spelling for each.
        (subject.to_string() == uri).then_some(subject)
    }
}

/// The holder of a certificate: its subject and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Whom it is for.
    pub subject: Subject,
    /// [`fingerprint`] of its key.
    pub key: String,
}

/// A certificate does not name exactly one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate does not say whose it is")]
pub struct SubjectError;

impl Holder {
    /// Reads a certificate (DER) that TLS has verified already.
    ///
    /// # Errors
    /// When it is not one of Hourkey's, or names more than one holder.
    pub fn of(certificate: &[u8]) -> Result<Self, SubjectError> {
        let (rest, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| SubjectError)?;
        if !rest.is_empty() {
            return Err(SubjectError);
        }
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .ok_or(SubjectError)?;
        let mut subjects = names
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(Subject::from_uri(uri)),
                _ => None,
            });
        match (subjects.next().flatten(), subjects.next()) {
            (Some(subject), None) => Ok(Self {
                subject,
                key: fingerprint(certificate.public_key().raw),
            }),
            (Some(_) | None, _) => Err(SubjectError),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_subject_has_one_spelling() {
        let device = Subject::Device(DeviceId(7));
        assert_eq!(Subject::from_uri("urn:hourkey:device:7"), Some(device));
        for bad in [
            "urn:hourkey:device:07",
            "urn:hourkey:device:+7",
            "urn:hourkey:device:-7",
            "urn:hourkey:device:0",
            "urn:hourkey:device:",
            "urn:hourkey:user:7",
            "urn:hourkey:device:7:8",
            "URN:hourkey:device:7",
        ] {
            assert_eq!(Subject::from_uri(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert_eq!(Holder::of(&bytes), Err(SubjectError));
        }
    }
}
