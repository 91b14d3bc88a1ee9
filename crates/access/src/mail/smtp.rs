//! Talks to the mail server, and says what went wrong in words that an administrator can act on.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use hourkey_domain::text::one_line;
use hourkey_store::mail::{MailSecurity, MailSettings};
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use rustls::CertificateError;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most characters of a server's answer that are kept.
const MAX_ANSWER_CHARS: usize = 300;

/// How long the server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Until it is found, and until it takes the connection.
    pub connect: Duration,
    /// Until it is ready to take mail, and for all of one mail up to its content.
    pub mail: Duration,
    /// For the content and the answer to it: who gives up sooner may send again what was taken (RFC
    /// 5321, 4.5.3.2.6).
    pub content: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            mail: Duration::from_secs(60),
            content: Duration::from_secs(600),
        }
    }
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(super) enum SendError {
    /// No mail would be: all of them wait.
    Server(String),
    /// This one was not, for now.
    Later(String),
    /// This one never will be.
    Never(String),
}

/// A connection that is ready to take mail.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    timings: Timings,
}

impl Connection {
    /// Connects, protects the connection as the settings say, and signs in. `myself` is the name that we
    /// greet with.
    ///
    /// # Errors
    /// A sentence: what keeps all mail waiting, and what to do.
    pub(super) async fn open(
        settings: &MailSettings,
        password: Option<&str>,
        myself: &str,
        timings: Timings,
    ) -> Result<Self, String> {
        let ready = async {
            let mut smtp = connect(settings, myself, timings).await?;
            if let Some(login) = &settings.login {
                let password = password.unwrap_or_default().to_owned();
                sign_in(&mut smtp, login, password).await?;
            }
            Ok(Self { smtp, timings })
        };
        match timeout(timings.mail, ready).await {
            Ok(done) => done,
            Err(_) => Err(format!(
                "{} took the connection, and then said nothing. Check the port, and whether \
                 it wants TLS or STARTTLS.",
                at(settings)
            )),
        }
    }

    /// Sends a mail, and returns what the server said. After a failure the connection is closed.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<String, SendError> {
        let late = |_| SendError::Later("The server took too long for this mail.".to_owned());
        let sent = async {
            let begun = timeout(self.timings.mail, hand_over(&mut self.smtp, envelope)).await;
            begun.map_err(late)??;
            let content = timeout(self.timings.content, self.smtp.message(mail)).await;
            let refused = |error| refused(Step::Content, &error);
            Ok(answered(&content.map_err(late)?.map_err(refused)?))
        };
        let sent = sent.await;
        if sent.is_err() {
            let _ = timeout(Duration::from_secs(1), self.smtp.abort()).await;
        }
        sent
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.smtp.quit()).await;
    }
}

async fn connect(
    settings: &MailSettings,
    myself: &str,
    timings: Timings,
) -> Result<AsyncSmtpConnection, String> {
    let MailSettings { host, port, .. } = settings;
    let addresses = timeout(timings.connect, tokio::net::lookup_host((&**host, *port))).await;
    let addresses: Vec<SocketAddr> = match addresses {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        return Err(format!(
            "The name {host} was not found. Check how the server’s name is written, and that the \
             machine on which Hourkey runs can look names up."
        ));
    }
    let hello = ClientId::Domain(myself.to_owned());
    let mut smtp = match settings.security {
        MailSecurity::Tls => {
            let tls = tls(settings)?;
            let wait = Some(timings.connect);
            AsyncSmtpConnection::connect_tokio1(&*addresses, wait, &hello, Some(tls), None)
                .await
                .map_err(|error| no_connection(&error, settings))?
        }
        MailSecurity::StartTls | MailSecurity::Clear => {
            let stream = match timeout(timings.connect, TcpStream::connect(&*addresses)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Err(no_answer(error.kind(), settings)),
                Err(_) => return Err(no_answer(ErrorKind::TimedOut, settings)),
            };
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
                .await
                .map_err(|error| no_connection(&error, settings))?
        }
    };
    if settings.security == MailSecurity::StartTls {
        if !smtp.can_starttls() {
            return Err(format!(
                "{} does not offer STARTTLS, so nothing was sent: it would have gone in the clear. \
                 Choose TLS if it has a port for that (usually 465).",
                at(settings)
            ));
        }
        smtp.starttls(tls(settings)?, &hello)
            .await
            .map_err(|error| no_connection(&error, settings))?;
    }
    Ok(smtp)
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(settings.host.clone());
    if !settings.authorities.is_empty() {
        let more = Certificate::from_pem(settings.authorities.as_bytes());
        let more =
            more.map_err(|_| "The certificates in the settings cannot be read.".to_owned())?;
        tls = tls.add_root_certificate(more);
    }
    tls.build()
        .map_err(|error| format!("TLS cannot be used: {}.", said(&error)))
}

async fn sign_in(
    smtp: &mut AsyncSmtpConnection,
    login: &str,
    password: String,
) -> Result<(), String> {
    let credentials = Credentials::new(login.to_owned(), password);
    let mechanisms = [Mechanism::Plain, Mechanism::Login];
    match smtp.auth(&mechanisms, &credentials).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => Err(format!(
            "The server refused the login {}: {}. Check user name and password.",
            one_line(login, 100),
            said(&error)
        )),
        Err(error) if error.is_client() => Err(
            "The server offers no way to sign in that Hourkey knows (PLAIN or LOGIN). Leave user \
             name and password empty if it wants none, or check the port."
                .to_owned(),
        ),
        Err(error) => Err(format!(
            "Signing in at the server did not work: {}.",
            said(&error)
        )),
    }
}

/// One mail up to its content, step by step: what a refusal means depends on the step.
async fn hand_over(smtp: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), SendError> {
    let mut options = Vec::new();
    let addresses = envelope.to().iter().chain(envelope.from());
    let is_ascii = addresses
        .into_iter()
        .all(|it| AsRef::<str>::as_ref(it).is_ascii());
    if !is_ascii {
        if !smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
            let why = "The server does not take addresses with letters beyond ASCII.";
            return Err(SendError::Never(why.to_owned()));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    let from = Mail::new(envelope.from().cloned(), options);
    smtp.command(from).await.map_err(|error| {
        // The sender is the same for all, and a server that is busy or full is so for all.
        SendError::Server(match error.is_permanent() {
            true => format!(
                "The server takes no mail from this sender: {}. Check the sender’s address and the \
                 login.",
                said(&error)
            ),
            false => format!("The server takes no mail for now: {}.", said(&error)),
        })
    })?;
    for to in envelope.to() {
        let refused = |error| refused(Step::Recipient, &error);
        smtp.command(Rcpt::new(to.clone(), Vec::new()))
            .await
            .map_err(refused)?;
    }
    let refused = |error| refused(Step::Content, &error);
    smtp.command(Data).await.map_err(refused)?;
    Ok(())
}

/// What the server was asked for when it refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Recipient,
    Content,
}

fn refused(step: Step, error: &Error) -> SendError {
    let said = said(error);
    let (did, what) = match step {
        Step::Recipient => ("refused the recipient", "recipient"),
        Step::Content => ("did not take the mail", "mail"),
    };
    match (error.status(), error.is_permanent()) {
        (Some(_), _) if is_about_us(step, error) => SendError::Server(format!(
            "The server {did}: {said}. Check the sender’s address, user name and password."
        )),
        (Some(_), true) => SendError::Never(format!("The server {did}: {said}.")),
        (Some(_), false) => SendError::Later(format!("The server {did}: {said}.")),
        (None, _) => SendError::Later(format!(
            "The connection broke off before the {what} was taken ({said})."
        )),
    }
}

/// Whether a refusal is about who sends, and so about all mails: many servers say only at the recipient that
/// nobody signed in, or that the sender is not theirs (530 and 535, RFC 4954, 6; the security codes X.7.X,
/// RFC 3463, 3.8), and 421 that they close down (RFC 5321, 3.8). After the content these codes are mostly
/// about that (spam), but for two of a large provider: not signed in, and not allowed to send as this sender.
fn is_about_us(step: Step, error: &Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    let words = said(error);
    let mut parts = words.split_whitespace().skip(1);
    let enhanced = parts.next().unwrap_or_default();
    matches!(code.as_deref(), Some("421" | "530" | "535"))
        || match step {
            Step::Recipient => enhanced.starts_with("5.7."),
            Step::Content => matches!(enhanced, "5.7.57" | "5.7.60"),
        }
}

/// Why there is no connection, or none that is protected.
fn no_connection(error: &Error, settings: &MailSettings) -> String {
    let at = at(settings);
    if error.status().is_some() {
        return format!("{at} answered: {}.", said(error));
    }
    if let Some(tls) = tls_error(error) {
        return match tls {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
                "The certificate of {at} is not trusted: nobody that this machine trusts issued it. \
                 If your organisation issues its own, put its certificate into the settings."
            ),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!(
                "The certificate of {at} is for another name. Use the name that stands in it."
            ),
            rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => format!("The certificate of {at} has expired. Renew it there."),
            rustls::Error::InvalidCertificate(why) => {
                format!("The certificate of {at} is not accepted: {why}.")
            }
            other => format!(
                "{at} does not speak TLS as expected ({other}). Check the port, and whether it \
                 wants TLS or STARTTLS."
            ),
        };
    }
    match io_error(error) {
        Some(error) => no_answer(error.kind(), settings),
        None => format!(
            "{at} closed the connection, or does not speak SMTP. Check the port, and whether it \
             wants TLS or STARTTLS."
        ),
    }
}

fn no_answer(kind: ErrorKind, settings: &MailSettings) -> String {
    let at = at(settings);
    match kind {
        ErrorKind::ConnectionRefused => {
            format!("Nothing listens at {at}. Check the port, and whether the mail server runs.")
        }
        ErrorKind::TimedOut => format!(
            "{at} did not answer. Check the name and the port, and whether a firewall is in between."
        ),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => format!(
            "{at} closed the connection. Check the port, and whether it wants TLS or STARTTLS."
        ),
        kind => format!("{at} cannot be reached: {kind}. Check the network."),
    }
}

fn at(settings: &MailSettings) -> String {
    format!("{}:{}", settings.host, settings.port)
}

fn io_error(error: &Error) -> Option<&std::io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

fn tls_error(error: &Error) -> Option<&rustls::Error> {
    io_error(error)?.get_ref()?.downcast_ref()
}

/// What the server said in a refusal: `550 5.1.1 no such user`; else what broke.
fn said(error: &Error) -> String {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let line = match error.status() {
        Some(code) => format!("{code} {words}"),
        None if words.is_empty() => error.to_string(),
        None => words,
    };
    let line = one_line(&line, MAX_ANSWER_CHARS);
    line.trim_end_matches('.').to_owned()
}

fn answered(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    one_line(
        &format!("{} {}", response.code(), lines.join(" ")),
        MAX_ANSWER_CHARS,
    )
}
