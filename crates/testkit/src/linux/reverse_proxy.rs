//! Reverse proxies that stand in front of a controller: nginx, Caddy and HAProxy, each in a folder
//! and on a port of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::process::{self, Process};

/// A running reverse proxy.
#[derive(Debug)]
pub struct ReverseProxy {
    process: Process,
    _folder: TempDir,
}

/// How many open files are allowed at the start. Services get 1,024; fewer need fewer connections to
/// be seen.
pub const OPEN_FILES: u32 = 128;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// nginx(8)
    Nginx,
    /// caddy(8)
    Caddy,
    /// haproxy(1)
    Haproxy,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
        }
    }
}

impl ReverseProxy {
    /// Starts it with this configuration, and waits until it listens on the port. Relative paths
    /// are in a folder of its own, in which it may write. It starts with few open files allowed, as
    /// services do, and may allow itself more.
    ///
    /// # Errors
    /// When it is not installed, or does not start, with what it said.
    pub async fn start(program: Program, configuration: &str, port: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let path = folder.path().join("proxy.conf");
        fs::write(&path, configuration)?;
        let limited = |program: &str| {
            let mut command = process::command("/usr/bin/prlimit");
            command.arg(format!("--nofile={OPEN_FILES}:")).arg(program);
            command
        };
        let command = match program {
            Program::Nginx => {
                let mut nginx = limited("/usr/sbin/nginx");
                nginx.args(["-g", "daemon off;", "-e", "stderr", "-p"]);
                nginx.arg(folder.path()).arg("-c").arg(&path);
                nginx
            }
            Program::Caddy => {
                let mut caddy = limited("/usr/bin/caddy");
                caddy.args(["run", "--adapter", "caddyfile", "--config"]);
                caddy.arg(&path).env("HOME", folder.path());
                caddy
            }
            Program::Haproxy => {
                let mut haproxy = limited("/usr/sbin/haproxy");
                haproxy.arg("-db").arg("-f").arg(&path);
                haproxy
            }
        };
        let process = Process::start(program.name(), command, folder.path())?;
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        process.ready("a port that listens", connect).await?;
        Ok(Self {
            process,
            _folder: folder,
        })
    }

    /// Returns its output so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// A documented configuration (`examples/`), with parts of it replaced for the test.
///
/// # Errors
/// When the file cannot be read, or a part to replace is not in it.
pub fn example(name: &str, replacements: &[(&str, &str)]) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut text = fs::read_to_string(folder.join(name))?;
    for (from, to) in replacements {
        ensure!(text.contains(from), "examples/{name} has no {from:?}");
        text = text.replace(from, to);
    }
    Ok(text)
}

/// A certificate for `localhost`, as files.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// Makes one, and the authority that issues it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn for_localhost() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        // Of another name than what it issues, which OpenSSL takes for self-signed otherwise.
        authority
            .distinguished_name
            .push(DnType::CommonName, "Authority of the tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let parameters = CertificateParams::new(["localhost".to_owned()])?;
        let chain = parameters.signed_by(&key, &issuer)?.pem();
        let key = key.serialize_pem();
        let files = [
            ("authority.pem", authority_pem),
            ("both.pem", format!("{chain}{key}")),
            ("chain.pem", chain),
            ("key.pem", key),
        ];
        for (name, text) in files {
            fs::write(folder.path().join(name), text)?;
        }
        Ok(Self { folder })
    }

    /// The authority to trust, PEM.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The certificate, PEM.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    /// Its key, PEM.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Certificate and key in one file, PEM.
    #[must_use]
    pub fn both(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }
}
