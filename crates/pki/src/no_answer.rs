//! Why a server gave no answer, in words for whoever runs the program that asked.

use std::error::Error;
use std::io;
use std::iter::successors;

use chrono::{DateTime, Utc};
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// Why a call to a server got no answer. As text it is the second half of a sentence about the
/// server, and the same from one attempt to the next, so that it is logged once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Too much time went by.
    #[error("it did not answer in time")]
    Late,
    /// No program listens at its address.
    #[error("nothing answers at its address")]
    Refused,
    /// The connection ended before the answer did.
    #[error("the connection was broken off")]
    BrokenOff,
    /// Its certificate is outside its time, or this machine's clock is wrong.
    #[error(
        "this machine's clock says {}, and its TLS certificate is valid only {validity}; set the \
         clock right, or have the certificate renewed",
        now.format("%Y-%m-%d")
    )]
    Clock {
        /// What the clock says.
        now: DateTime<Utc>,
        /// From or until when the certificate is valid.
        validity: String,
    },
    /// Its certificate is of an authority that is not trusted on this machine.
    #[error("its TLS certificate is of an authority that is not trusted here")]
    UnknownAuthority,
    /// Something else is wrong with its certificate.
    #[error("its TLS certificate is not trusted: {0}")]
    Untrusted(String),
    /// It answers in something else than TLS.
    #[error(
        "what answers at its address does not speak TLS; check the port, and whether the address \
         begins with http:// instead of https://"
    )]
    NotTls,
    /// Anything else, in the words of the library that noticed.
    #[error("{0}")]
    Other(String),
}

impl NoAnswer {
    /// Reads the cause out of an error of a TLS or HTTP library.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let known = causes(error).find_map(|cause| {
            if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() {
                return Some(untrusted(why));
            }
            if let Some(rustls::Error::InvalidMessage(_)) = cause.downcast_ref() {
                return Some(Self::NotTls);
            }
            match cause.downcast_ref().map(io::Error::kind) {
                Some(io::ErrorKind::TimedOut) => Some(Self::Late),
                Some(io::ErrorKind::ConnectionRefused) => Some(Self::Refused),
                // What rustls says of this itself is an address to read.
                Some(
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe,
                ) => Some(Self::BrokenOff),
                _ => None,
            }
        });
        let deepest = || causes(error).last().unwrap_or(error).to_string();
        known.unwrap_or_else(|| Self::Other(deepest()))
    }
}

/// An error and what lies beneath it. An error of rustls lies inside of one of I/O, which names it
/// as no source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| {
        let io: Option<&io::Error> = error.downcast_ref();
        let inner = io.and_then(io::Error::get_ref);
        let inner = inner.map(|inner| inner as &(dyn Error + 'static));
        inner.or_else(move || error.source())
    })
}

fn untrusted(why: &CertificateError) -> NoAnswer {
    let clock = |now: UnixTime, bound: &str, at: UnixTime| NoAnswer::Clock {
        now: time(now),
        validity: format!("{bound} {}", time(at).format("%Y-%m-%d %H:%M UTC")),
    };
    match why {
        CertificateError::ExpiredContext { time, not_after } => clock(*time, "until", *not_after),
        CertificateError::NotValidYetContext { time, not_before } => {
            clock(*time, "from", *not_before)
        }
        // The second is for another authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            NoAnswer::UnknownAuthority
        }
        why => NoAnswer::Untrusted(why.to_string()),
    }
}

fn time(at: UnixTime) -> DateTime<Utc> {
    let seconds = at.as_secs().try_into().unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
