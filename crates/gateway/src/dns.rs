//! Looks names up the way the system's own resolver does: the hosts file goes first, then the servers
//! and the search list of `resolv.conf`. Both files are followed as they change. Dropping a look-up
//! ends it: nothing of it goes on.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, Resolver, TokioResolver};
use tokio::time::{Instant, timeout};

use crate::limits::RESOLVE_TIMEOUT;

/// Result of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsAnswer {
    /// The name's addresses, IPv6 first.
    Found(Vec<IpAddr>),
    /// There is no such name, or it has no address (NXDOMAIN, NODATA: RFC 2308, 2).
    Nothing,
    /// Nobody said (SERVFAIL, time-outs, no servers), with the reason.
    Failed(String),
}

/// How long the other family's answer is waited for once one has come (RFC 8305, 3).
pub const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// How often the files are read anew.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);
/// Answers are kept for their own time to live, but no longer than this: what an administrator
/// mends in DNS is seen soon.
const MAX_TTL: Duration = Duration::from_secs(30);

/// The files of the system's resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `hosts(5)`.
    pub hosts: PathBuf,
    /// `resolv.conf(5)`.
    pub resolv_conf: PathBuf,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            hosts: Path::new("/etc/hosts").to_owned(),
            resolv_conf: Path::new("/etc/resolv.conf").to_owned(),
        }
    }
}

/// The system's resolver.
#[derive(Debug)]
pub struct Dns {
    files: Files,
    loaded: Mutex<LoadedFiles>,
}

#[derive(Debug)]
struct LoadedFiles {
    at: Instant,
    text: FileContents,
    source: Arc<SystemResolver>,
}

/// Contents of the files.
#[derive(Debug, Default, PartialEq, Eq)]
struct FileContents {
    hosts: Vec<u8>,
    resolv_conf: Vec<u8>,
}

#[derive(Debug)]
struct SystemResolver {
    hosts: Hosts,
    search: Vec<Name>,
    /// Names with at least this many dots are asked for as they are first.
    ndots: usize,
    resolver: Result<TokioResolver, String>,
}

impl Dns {
    /// By these files.
    #[must_use]
    pub fn new(files: Files) -> Self {
        let text = FileContents::default().read(&files);
        let loaded = Mutex::new(LoadedFiles {
            at: Instant::now(),
            source: Arc::new(SystemResolver::new(&text)),
            text,
        });
        Self { files, loaded }
    }

    /// Looks a name up, for at most [`RESOLVE_TIMEOUT`]. Once one family has answered, the other's answer
    /// is waited for at most `second_timeout`.
    pub async fn look_up(&self, name: &str, second_timeout: Duration) -> DnsAnswer {
        let source = self.source();
        let asked = timeout(RESOLVE_TIMEOUT, source.look_up(name, second_timeout)).await;
        asked.unwrap_or_else(|_| DnsAnswer::Failed("no DNS server answered in time".to_owned()))
    }

    fn source(&self) -> Arc<SystemResolver> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.at.elapsed() >= RELOAD_INTERVAL {
            loaded.at = Instant::now();
            let text = loaded.text.read(&self.files);
            if text != loaded.text {
                loaded.source = Arc::new(SystemResolver::new(&text));
                loaded.text = text;
            }
        }
        Arc::clone(&loaded.source)
    }
}

impl FileContents {
    /// What the files say now. One that is not there says nothing; one that cannot be read, for want
    /// of file descriptors perhaps, still says what it said before.
    fn read(&self, files: &Files) -> Self {
        let read = |path: &Path, before: &[u8]| match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(_) => before.to_owned(),
        };
        Self {
            hosts: read(&files.hosts, &self.hosts),
            resolv_conf: read(&files.resolv_conf, &self.resolv_conf),
        }
    }
}

impl SystemResolver {
    fn new(text: &FileContents) -> Self {
        let mut hosts = Hosts::default();
        if let Err(error) = hosts.read_hosts_conf(&text.hosts[..]) {
            tracing::warn!(%error, "the hosts file cannot be read to its end");
        }
        let (config, options) = match settings(&text.resolv_conf) {
            Ok(settings) => settings,
            Err(error) => {
                tracing::warn!(error, "resolv.conf cannot be used; only the hosts file is");
                return Self {
                    hosts,
                    search: Vec::new(),
                    ndots: 1,
                    resolver: Err(error),
                };
            }
        };
        Self {
            hosts,
            search: config.search.clone(),
            ndots: options.ndots,
            resolver: resolver(config, options).map_err(|error| error.to_string()),
        }
    }

    async fn look_up(&self, name: &str, second_timeout: Duration) -> DnsAnswer {
        let Ok(as_it_is) = Name::from_str_relaxed(format!("{name}.")) else {
            return DnsAnswer::Nothing;
        };
        let known = self.in_hosts(&as_it_is);
        if !known.is_empty() {
            return DnsAnswer::Found(known);
        }
        let resolver = match &self.resolver {
            Ok(resolver) => resolver,
            Err(error) => return DnsAnswer::Failed(error.clone()),
        };
        let mut answer = DnsAnswer::Nothing;
        for candidate in self.candidates(name, as_it_is) {
            match both_families(resolver, &candidate, second_timeout).await {
                found @ DnsAnswer::Found(_) => return found,
                failed @ DnsAnswer::Failed(_) => answer = failed,
                DnsAnswer::Nothing => {}
            }
        }
        answer
    }

    /// A name in the hosts file has the addresses of that file alone.
    fn in_hosts(&self, name: &Name) -> Vec<IpAddr> {
        let families = [RecordType::AAAA, RecordType::A];
        let found = families.iter().filter_map(|family| {
            let query = Query::query(name.clone(), *family);
            self.hosts.lookup_static_host(&query)
        });
        found.flat_map(|lookup| addresses(&lookup)).collect()
    }

    /// The full names that a name may stand for, in the order of resolv.conf(5).
    fn candidates(&self, name: &str, as_it_is: Name) -> Vec<Name> {
        let relative = |domain: &Name| {
            let mut full = Name::from_str_relaxed(name).ok()?;
            full = full.append_domain(domain).ok()?;
            full.set_fqdn(true);
            Some(full)
        };
        let mut names: Vec<Name> = self.search.iter().filter_map(relative).collect();
        let first = name.matches('.').count() >= self.ndots;
        names.insert(if first { 0 } else { names.len() }, as_it_is);
        names
    }
}

fn settings(resolv_conf: &[u8]) -> Result<(ResolverConfig, ResolverOpts), String> {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    let settings = hickory_resolver::system_conf::parse_resolv_conf(resolv_conf);
    // Elsewhere the system keeps them in other places.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    let settings = {
        let _ = resolv_conf;
        hickory_resolver::system_conf::read_system_conf()
    };
    settings.map_err(|error| error.to_string())
}

fn resolver(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, NetError> {
    options.use_hosts_file = ResolveHosts::Never;
    options.positive_max_ttl = Some(MAX_TTL);
    options.negative_max_ttl = Some(MAX_TTL);
    let provider = TokioRuntimeProvider::default();
    let mut builder = Resolver::builder_with_config(config, provider);
    *builder.options_mut() = options;
    builder.build()
}

async fn both_families(
    resolver: &TokioResolver,
    name: &Name,
    second_timeout: Duration,
) -> DnsAnswer {
    let families = [RecordType::AAAA, RecordType::A];
    let mut asked: FuturesUnordered<_> = families
        .map(|family| async move { answer(resolver.lookup(name.clone(), family).await) })
        .into_iter()
        .collect();
    let first = asked.next().await.unwrap_or(DnsAnswer::Nothing);
    let second = match &first {
        DnsAnswer::Found(_) => timeout(second_timeout, asked.next()).await.ok().flatten(),
        DnsAnswer::Nothing | DnsAnswer::Failed(_) => asked.next().await,
    };
    match (first, second.unwrap_or(DnsAnswer::Nothing)) {
        (DnsAnswer::Found(mut one), DnsAnswer::Found(other)) => {
            one.extend(other);
            one.sort_by_key(|ip| ip.is_ipv4());
            DnsAnswer::Found(one)
        }
        (found @ DnsAnswer::Found(_), _) | (_, found @ DnsAnswer::Found(_)) => found,
        (failed @ DnsAnswer::Failed(_), _) | (_, failed @ DnsAnswer::Failed(_)) => failed,
        (DnsAnswer::Nothing, DnsAnswer::Nothing) => DnsAnswer::Nothing,
    }
}

fn answer(looked_up: Result<Lookup, NetError>) -> DnsAnswer {
    match looked_up {
        Ok(lookup) => match addresses(&lookup) {
            none if none.is_empty() => DnsAnswer::Nothing,
            some => DnsAnswer::Found(some),
        },
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if [ResponseCode::NXDomain, ResponseCode::NoError].contains(&none.response_code) =>
        {
            DnsAnswer::Nothing
        }
        Err(error) => DnsAnswer::Failed(error.to_string()),
    }
}

fn addresses(lookup: &Lookup) -> Vec<IpAddr> {
    let records = lookup.answers().iter();
    let mut found: Vec<IpAddr> = records.filter_map(|record| record.data.ip_addr()).collect();
    found.dedup();
    found
}
