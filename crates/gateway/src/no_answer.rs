//! Why a call to the controller got no answer, in words.

use std::error::Error;
use std::io;

use chrono::{DateTime, Utc};
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// Why there is no answer: what goes wrong at the controller's TLS certificate or on the way.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut deepest: &(dyn Error + 'static) = error;
    loop {
        if let Some(rustls::Error::InvalidCertificate(why)) = deepest.downcast_ref() {
            return untrusted(why);
        }
        let io: Option<&io::Error> = deepest.downcast_ref();
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => {
                return "nothing answers at its address".to_owned();
            }
            // What rustls says of this itself is an address to read.
            Some(io::ErrorKind::UnexpectedEof) => {
                return "the connection was broken off".to_owned();
            }
            _ => {}
        }
        // An error of rustls lies inside of one of I/O, which names it as no source.
        let inner = io.and_then(io::Error::get_ref);
        let inner = inner.map(|inner| inner as &(dyn Error + 'static));
        let Some(next) = inner.or_else(|| deepest.source()) else {
            return deepest.to_string();
        };
        deepest = next;
    }
}

/// What is wrong with the controller's certificate. The text stays the same from one attempt to the
/// next, so that it is logged once.
fn untrusted(why: &CertificateError) -> String {
    let clock = |now: UnixTime, validity: String| {
        format!(
            "this machine's clock says {}, and the controller's TLS certificate is valid only \
             {validity}; set the clock right, or renew the certificate",
            time(now).format("%Y-%m-%d")
        )
    };
    let minute = |at| time(at).format("%Y-%m-%d %H:%M UTC");
    match why {
        CertificateError::ExpiredContext { time, not_after } => {
            clock(*time, format!("until {}", minute(*not_after)))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            clock(*time, format!("from {} on", minute(*not_before)))
        }
        // The second is for another authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its TLS certificate is of an authority that is not trusted here; if it is your own, \
             enrol the gateway with --ca FILE, which names it"
                .to_owned()
        }
        why => format!("its TLS certificate is not trusted: {why}"),
    }
}

fn time(at: UnixTime) -> DateTime<Utc> {
    let seconds = at.as_secs().try_into().unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
