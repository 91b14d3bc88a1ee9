//! The authority, which issues certificates.

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SanType, SubjectPublicKeyInfo,
};

use time::OffsetDateTime;

use crate::key::{Key, KeyError, fingerprint};
use crate::subject::Subject;

/// How long an authority lasts.
const LIFETIME: TimeDelta = TimeDelta::days(3650);

/// Certificates are valid from a little earlier on, for clocks that are behind.
const BACKDATING: TimeDelta = TimeDelta::minutes(10);

/// An authority: its key never leaves the controller.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

/// A request for a certificate whose sender has proved that they hold the key.
#[derive(Debug)]
pub struct Request(SubjectPublicKeyInfo);

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// PEM.
    pub certificate: String,
    /// Its end.
    pub expires_at: DateTime<Utc>,
}

/// Why no certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// What was sent is no certificate signing request, or the signature is not right.
    #[error("this is no certificate signing request (PKCS #10, PEM) with a right signature")]
    BadRequest,
    /// Anything else.
    #[error("the certificate cannot be issued: {0}")]
    Failed(String),
}

impl Request {
    /// Reads a certificate signing request in PEM and checks its signature (RFC 2986, 4.2). What
    /// it asks for beside its key is left aside.
    ///
    /// # Errors
    /// [`IssueError::BadRequest`].
    pub fn from_pem(pem: &str) -> Result<Self, IssueError> {
        let bad = |_| IssueError::BadRequest;
        let request = CertificateSigningRequestParams::from_pem(pem).map_err(bad)?;
        let key = request.public_key.subject_public_key_info();
        SubjectPublicKeyInfo::from_der(&key).map(Self).map_err(bad)
    }

    /// [`fingerprint`] of its key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0.subject_public_key_info())
    }
}

impl Authority {
    /// A new authority with this name. Returns it with its key, for storing.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str, now: DateTime<Utc>) -> Result<(Self, Key), KeyError> {
        let key = Key::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params.not_before, params.not_after) = validity(now, LIFETIME)?;
        let certificate = params.self_signed(key.pair())?.pem();
        let authority = Self::load(&certificate, Key::from_pem(&key.to_pem())?)?;
        Ok((authority, key))
    }

    /// A stored one: its certificate in PEM, and its key.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn load(certificate: &str, key: Key) -> Result<Self, KeyError> {
        Ok(Self {
            issuer: Issuer::from_ca_cert_pem(certificate, key.into_pair())?,
            certificate: certificate.to_owned(),
        })
    }

    /// Its certificate, PEM: what others trust.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate: to a device as a TLS client, to a gateway as a TLS server for its
    /// `host` (a DNS name or an IP address).
    ///
    /// # Errors
    /// [`IssueError::Failed`].
    pub fn issue(
        &self,
        request: &Request,
        subject: Subject,
        host: Option<&str>,
        lifetime: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Issued, IssueError> {
        let failed = |error: rcgen::Error| IssueError::Failed(error.to_string());
        let hosts: Vec<String> = host.map(str::to_owned).into_iter().collect();
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        let uri = Ia5String::try_from(subject.to_string()).map_err(failed)?;
        params.subject_alt_names.push(SanType::URI(uri));
        params.distinguished_name = named(&subject.to_string());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match subject {
            Subject::Device(_) => ExtendedKeyUsagePurpose::ClientAuth,
            Subject::Gateway(_) => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) =
            validity(now, lifetime).map_err(|error| IssueError::Failed(error.to_string()))?;
        let certificate = params.signed_by(&request.0, &self.issuer).map_err(failed)?;
        Ok(Issued {
            certificate: certificate.pem(),
            expires_at: now + lifetime,
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CommonName, name);
    dn
}

/// From a little before `now` to `lifetime` after it. rcgen's dates are the `time` crate's; nothing
/// else here is.
fn validity(
    now: DateTime<Utc>,
    lifetime: TimeDelta,
) -> Result<(OffsetDateTime, OffsetDateTime), KeyError> {
    let moment = |at: DateTime<Utc>| {
        OffsetDateTime::from_unix_timestamp(at.timestamp())
            .map_err(|error| KeyError::because(error.to_string()))
    };
    Ok((moment(now - BACKDATING)?, moment(now + lifetime)?))
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::{DeviceId, GatewayId};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::subject::Holder;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn holder(certificate: &str) -> Holder {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        Holder::of(&der).unwrap()
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_holds_the_key_that_asked() {
        let (authority, _) = Authority::new("Devices", now()).unwrap();
        let key = Key::generate().unwrap();
        let request = Request::from_pem(&key.request().unwrap()).unwrap();
        assert_eq!(request.fingerprint(), key.fingerprint());
        let subject = Subject::Device(DeviceId(7));
        let day = TimeDelta::days(1);
        let issued = authority
            .issue(&request, subject, None, day, now())
            .unwrap();
        let key = key.fingerprint();
        assert_eq!(holder(&issued.certificate), Holder { subject, key });
        assert_eq!(issued.expires_at, now() + day);
    }

    #[test]
    fn a_stored_authority_goes_on_as_the_same() {
        let (authority, key) = Authority::new("Gateways", now()).unwrap();
        let key = Key::from_pem(&key.to_pem()).unwrap();
        let again = Authority::load(authority.certificate(), key).unwrap();
        assert_eq!(again.certificate(), authority.certificate());
        let request = Request::from_pem(&Key::generate().unwrap().request().unwrap()).unwrap();
        let subject = Subject::Gateway(GatewayId(1));
        let host = Some("gw.corp.example");
        let issued = again.issue(&request, subject, host, TimeDelta::days(1), now());
        assert_eq!(holder(&issued.unwrap().certificate).subject, subject);
    }

    #[test]
    fn a_request_with_a_wrong_signature_is_refused() {
        let pem = Key::generate().unwrap().request().unwrap();
        let lines: Vec<&str> = pem.lines().collect();
        // Swap two characters of the signature, near the end.
        let mut broken: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let line = lines.len() - 2;
        let (head, tail) = lines[line].split_at(8);
        let flipped: String = head.chars().rev().collect();
        broken[line] = format!("{flipped}{tail}");
        assert_ne!(broken.join("\n"), pem.trim_end());
        for text in [broken.join("\n").as_str(), "", "no request"] {
            let refused = Request::from_pem(text).unwrap_err();
            assert_eq!(refused, IssueError::BadRequest);
        }
    }
}
