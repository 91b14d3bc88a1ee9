//! `enrol`: enrols the gateway with a controller.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hourkey_gateway::api::Api;
use hourkey_gateway::config;
use hourkey_gateway::enrolment::{Enrolled, Folder};
use hourkey_gateway::timings::Timings;
use hourkey_protocol::controller_url;
use hourkey_protocol::gateway::{Enrol, Enrolment};
use hourkey_terminal as terminal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

/// Arguments of `enrol`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The controller's address, for example https://hourkey.example.org.
    #[arg(value_parser = controller_url::parse)]
    controller: Url,
    /// The authority of the controller's certificate, PEM. Then no other is trusted for it.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Where to listen, for example 0.0.0.0:8443: written into the settings, unless they are there.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// Enrols with the token on standard input: other users of the machine can read arguments.
pub(crate) async fn run(state: &Path, arguments: Arguments) -> anyhow::Result<()> {
    if Folder::at(state).is_enrolled() {
        bail!(
            "{} is enrolled already; take another folder, or remove this one",
            state.display()
        );
    }
    let authority = arguments.ca.as_deref().map(authority).transpose()?;
    let call_timeout = Timings::default().call_timeout;
    let api = Api::new(&arguments.controller, authority.as_deref(), call_timeout)?;
    let token = token()?;
    let folder = Folder::open(state)?;
    // Everything that can fail here does so before the token is used up.
    let key = folder.key()?;
    if !folder.file(config::FILE).exists() {
        let settings = config::template(arguments.listen);
        folder.replace(config::FILE, settings.as_bytes())?;
    }
    let request = key.request()?;
    let Enrolment {
        gateway,
        name,
        network,
        credential,
        certificate,
    } = api.enrol(&Enrol { token, request }).await?;
    let enrolled = format!("Enrolled as gateway {name} of network {network}.");
    folder.keep(&Enrolled {
        gateway,
        name,
        network,
        controller: arguments.controller,
        authority,
        credential,
        certificate,
    })?;
    terminal::line(enrolled)?;
    terminal::line(format_args!(
        "Its settings are in {}.",
        folder.file(config::FILE).display()
    ))?;
    terminal::line(format_args!(
        "Start it: hourkey-gateway --state {} serve",
        state.display()
    ))?;
    Ok(())
}

/// The authorities in a file, PEM.
fn authority(path: &Path) -> anyhow::Result<String> {
    let read = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read).collect();
    match (certificates, String::from_utf8(read)) {
        (Ok(certificates), Ok(text)) if !certificates.is_empty() => Ok(text),
        _ => bail!(
            "{} holds no certificate that can be read; it must be PEM, which is text with lines \
             BEGIN CERTIFICATE and END CERTIFICATE",
            path.display()
        ),
    }
}

fn token() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _ = write!(std::io::stderr(), "Token: ");
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let token = line.trim();
    if token.is_empty() {
        bail!("write the token of `hourkey-controller gateway add` to standard input");
    }
    Ok(token.to_owned())
}
