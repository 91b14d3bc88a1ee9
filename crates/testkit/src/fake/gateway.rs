//! A gateway, without the controller's word on who may use what.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hourkey_domain::ids::GatewayId;
use hourkey_pki::{Key, Subject};
use hourkey_protocol::gateway::{REFUSAL, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto, version};

use super::controller::{FakeController, certificate};
use super::rows::at;

/// A gateway: whatever the destination, it answers itself. A first line `GET …` is answered with a
/// page that shows it, and everything else is echoed.
pub struct FakeGateway {
    cut: Arc<Notify>,
    task: JoinHandle<()>,
    /// CONNECT targets, in order.
    pub targets: Arc<Mutex<Vec<String>>>,
    /// What it refuses the next CONNECTs with.
    pub refuse: Arc<Mutex<Vec<Refusal>>>,
    /// What was said in tunnels that have ended, but for HTTP.
    pub said: Arc<Mutex<Vec<Vec<u8>>>>,
    pace: Arc<Pace>,
}

/// How long it takes for handshakes and answers, and how many handshakes ran at a time.
#[derive(Default)]
struct Pace {
    delay: Mutex<Duration>,
    running: AtomicUsize,
    most: AtomicUsize,
    /// Pages without an end that have begun.
    answering: AtomicUsize,
}

impl Pace {
    async fn wait(&self) {
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
    }
}

impl FakeGateway {
    /// Starts one that the controller tells people of.
    pub async fn start(controller: &FakeController) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let key = Key::generate().unwrap();
        let id = controller.add_gateway(address, Some(key.fingerprint()));
        let acceptor = TlsAcceptor::from(Arc::new(server_config(controller, id, &key)));
        let (cut, targets) = (
            Arc::<Notify>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let refuse = Arc::<Mutex<Vec<Refusal>>>::default();
        let (said, pace) = (
            Arc::<Mutex<Vec<Vec<u8>>>>::default(),
            Arc::<Pace>::default(),
        );
        let serving = Serving {
            cut: Arc::clone(&cut),
            targets: Arc::clone(&targets),
            refuse: Arc::clone(&refuse),
            said: Arc::clone(&said),
            pace: Arc::clone(&pace),
        };
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, serving) = (acceptor.clone(), serving.clone());
                connections.spawn(async move {
                    let _ = tunnel(&acceptor, stream, &serving).await;
                });
            }
        });
        Self {
            cut,
            task,
            targets,
            refuse,
            said,
            pace,
        }
    }

    /// Takes this long for each handshake and each answer.
    pub fn slow(&self, delay: Duration) {
        *self.pace.delay.lock().unwrap() = delay;
    }

    /// The most handshakes that ran at a time.
    #[must_use]
    pub fn most_handshakes(&self) -> usize {
        self.pace.most.load(SeqCst)
    }

    /// How many pages without an end it has begun to send.
    #[must_use]
    pub fn answering(&self) -> usize {
        self.pace.answering.load(SeqCst)
    }

    /// Cuts every running tunnel.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Closes its port and every connection.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn server_config(controller: &FakeController, id: GatewayId, key: &Key) -> ServerConfig {
    let request = key.request().unwrap();
    let subject = Subject::Gateway(id);
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let certificate = certificate(controller.gateway_authority(), &request, subject);
    let mut roots = RootCertStore::empty();
    roots
        .add(der(controller.device_authority().certificate()))
        .unwrap();
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    ServerConfig::builder_with_details(provider, Arc::new(AtStart))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![der(&certificate)], key.to_tls())
        .unwrap()
}

/// The gateway's clock stands still.
#[derive(Debug)]
struct AtStart;

impl TimeProvider for AtStart {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = Duration::from_secs(at(0).timestamp().unsigned_abs());
        Some(UnixTime::since_unix_epoch(seconds))
    }
}

#[derive(Clone)]
struct Serving {
    cut: Arc<Notify>,
    targets: Arc<Mutex<Vec<String>>>,
    refuse: Arc<Mutex<Vec<Refusal>>>,
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    pace: Arc<Pace>,
}

async fn tunnel(acceptor: &TlsAcceptor, stream: TcpStream, serving: &Serving) -> io::Result<()> {
    let Serving {
        cut,
        targets,
        refuse,
        said,
        pace,
    } = serving;
    pace.most
        .fetch_max(pace.running.fetch_add(1, SeqCst) + 1, SeqCst);
    pace.wait().await;
    let accepted = acceptor.accept(stream).await;
    pace.running.fetch_sub(1, SeqCst);
    let mut tls = accepted?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tls.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    targets.lock().unwrap().push(target);
    let refusal = refuse.lock().unwrap().pop();
    if let Some(refusal) = refusal {
        let (status, refusal) = (refusal.status(), refusal.as_str());
        let answer = format!("HTTP/1.1 {status} Refused\r\n{REFUSAL}: {refusal}\r\n\r\n");
        tls.write_all(answer.as_bytes()).await?;
        return tls.shutdown().await;
    }
    pace.wait().await;
    tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    tokio::select! {
        served = destination(&mut tls, said, &pace.answering) => served,
        () = cut.notified() => {
            // Without a word: what a gateway does when a permit ends.
            tls.get_ref().0.set_zero_linger()
        }
    }
}

/// Answers one HTTP request with its own head, or echoes.
async fn destination<S>(
    stream: &mut S,
    heard: &Mutex<Vec<Vec<u8>>>,
    answering: &AtomicUsize,
) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (mut said, mut echoed) = (Vec::new(), Vec::new());
    loop {
        // One that ends without a word of TLS has ended as well.
        if stream.read_buf(&mut said).await.unwrap_or(0) == 0 {
            heard.lock().unwrap().push(echoed);
            return stream.shutdown().await;
        }
        let http = said.starts_with(b"GET ") || said.starts_with(b"POST ");
        if !http {
            echoed.extend_from_slice(&said);
            let _ = stream.write_all(&said).await;
            said.clear();
            continue;
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        // A page without an end, until it is cut.
        let endless = head.contains("/endless");
        let length = if endless { 1_000_000 } else { head.len() };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        if endless {
            answering.fetch_add(1, SeqCst);
            return std::future::pending().await;
        }
        return stream.shutdown().await;
    }
}
