//! Browsers that find their way by the local proxy's PAC file, each with its own idea of proxies.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use hourkey_protocol::access::Approve;
use hourkey_testkit::browser::{Browser, Options};
use hourkey_testkit::firefox::Firefox;
use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::web::{plain, secure, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::origin::PAGE;
use crate::test_env::{LocalProxy, TestEnv};

/// A name that is no resource, and leads to this machine.
const ELSEWHERE: &str = "elsewhere.example";
const PUBLIC: &str = "a page of the public web";
const TEXT: &str = "return document.body ? document.body.innerText : ''";

/// A tab of either browser.
trait Tab {
    async fn open(&self, url: &str) -> Result<()>;
    async fn url(&self) -> Result<Url>;
    async fn text(&self) -> Result<String>;
}

impl Tab for Page {
    async fn open(&self, url: &str) -> Result<()> {
        Page::open(self, url).await
    }

    async fn url(&self) -> Result<Url> {
        Page::url(self).await
    }

    async fn text(&self) -> Result<String> {
        let text = self.run(TEXT, vec![]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }
}

impl Tab for Firefox {
    async fn open(&self, url: &str) -> Result<()> {
        Firefox::open(self, url).await
    }

    async fn url(&self) -> Result<Url> {
        Firefox::url(self).await
    }

    async fn text(&self) -> Result<String> {
        let text = self.run(TEXT).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }
}

/// A way to a server that keeps what is said first on each connection.
async fn overheard(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let keep = Arc::clone(&heard);
    let address = serve(move |mut stream| {
        let keep = Arc::clone(&keep);
        async move {
            let mut first = vec![0; 16 << 10];
            let Ok(length) = stream.peek(&mut first).await else {
                return;
            };
            first.truncate(length);
            keep.lock().unwrap().push(first);
            if let Ok(mut server) = TcpStream::connect(to).await {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            }
        }
    });
    (address.await.unwrap(), heard)
}

/// Portal and Safe share an address and port.
async fn env() -> (TestEnv, LocalProxy, SocketAddr) {
    let (env, local_proxy, public, _) = overheard_env().await;
    (env, local_proxy, public)
}

async fn overheard_env() -> (TestEnv, LocalProxy, SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let (secure, heard) = overheard(secure(PAGE).await.unwrap()).await;
    let servers = [
        ("portal.corp.example", secure),
        ("safe.corp.example", secure),
    ];
    let env = TestEnv::with(&servers).await;
    let local_proxy = env.local_proxy().await;
    (env, local_proxy, plain(PUBLIC).await.unwrap(), heard)
}

/// What any browser does that is given the PAC file.
async fn finds_its_way(
    env: &TestEnv,
    local_proxy: &LocalProxy,
    public: SocketAddr,
    tab: &impl Tab,
) {
    // What is open passes; what is no resource goes its own way, which the local proxy would refuse.
    tab.open("http://wiki.corp.example/").await.unwrap();
    assert_eq!(tab.text().await.unwrap(), PAGE);
    let elsewhere = format!("http://{ELSEWHERE}:{}/", public.port());
    tab.open(&elsewhere).await.unwrap();
    assert_eq!(tab.text().await.unwrap(), PUBLIC);

    // What is locked, without TLS: its request page, in this tab.
    tab.open("http://vault.corp.example/").await.unwrap();
    let vault = env.resource("Vault").await.id;
    let port = local_proxy.port();
    let page = format!("resources/{vault}/request?as=ada&back={port}-");
    let page = env.controller.url().join(&page).unwrap();
    let at = tab.url().await.unwrap();
    assert!(leads_to(&at, &page), "{at} instead of {page}");

    // With TLS: the tab waits until access is granted, and goes on.
    let held = async |name: &str| {
        let text = format!("{name} is locked: ask for access at");
        let waits = async || local_proxy.process.log().contains(&text);
        local_proxy
            .process
            .ready("the question", waits)
            .await
            .unwrap();
    };
    let approved_at_once = async {
        held("Portal").await;
        env.open("Portal").await;
    };
    let portal = tab.open("https://portal.corp.example/");
    let (opened, ()) = tokio::join!(portal, approved_at_once);
    opened.unwrap();
    assert_eq!(tab.text().await.unwrap(), PAGE);

    let marta = env.session("marta").await;
    let approved_by_marta = async {
        held("Safe").await;
        let request = env.ask("Safe").await;
        assert!(request.grant.is_none());
        let how = Approve::default();
        marta.approve(request.id, &how).await.unwrap();
    };
    let safe = tab.open("https://safe.corp.example/");
    let (opened, ()) = tokio::join!(safe, approved_by_marta);
    opened.unwrap();
    assert_eq!(tab.text().await.unwrap(), PAGE);
    let at = tab.url().await.unwrap();
    assert_eq!(at.as_str(), "https://safe.corp.example/");
}

/// True for the page itself, up to the id of the way back, and for the sign-in that leads on to it.
fn leads_to(at: &Url, page: &Url) -> bool {
    let mut path = page.path().to_owned();
    path.extend(["?", page.query().unwrap_or_default()]);
    let next = at.query_pairs().find(|(_, value)| value.starts_with(&path));
    let is_it = at.as_str().starts_with(page.as_str());
    is_it || (at.origin() == page.origin() && next.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_its_way() {
    let (env, local_proxy, public, heard) = overheard_env().await;
    let arguments = vec![
        format!("--proxy-pac-url={}", local_proxy.pac()),
        format!("--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"),
        "--ignore-certificate-errors".to_owned(),
    ];
    let session = &env.terminal.session;
    let impatient = false;
    let options = Options {
        arguments,
        impatient,
    };
    let browser = Browser::start_with(session, "ada", options).await.unwrap();
    finds_its_way(&env, &local_proxy, public, &browser.page).await;
    // Both resources were behind one port, one locked while the other was used, and the browser
    // says something encrypted beside the name (GREASE of Encrypted ClientHello, 0xfe0d).
    let heard = heard.lock().unwrap();
    let with_grease = |hello: &Vec<u8>| hello.windows(2).any(|it| it == [0xfe, 0x0d]);
    assert!(heard.iter().any(with_grease), "{} hellos", heard.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_finds_its_way() {
    let (env, local_proxy, public) = env().await;
    let preferences = [
        ("network.proxy.type", json!(2)),
        ("network.proxy.autoconfig_url", json!(local_proxy.pac())),
        ("network.dns.localDomains", json!(ELSEWHERE)),
    ];
    let session = &env.terminal.session;
    let firefox = Firefox::start(session, &preferences).await.unwrap();
    finds_its_way(&env, &local_proxy, public, &firefox).await;
}

/// A page may send a request to any port of this machine, blindly.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_sends_nothing_through_a_forward() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let server = serve(move |stream| record_request(stream, Arc::clone(&record)));
    let env = TestEnv::with(&[("git.corp.example", server.await.unwrap())]).await;
    let (_forward, port) = env.forward("git.corp.example:2222").await;
    let public = plain(PUBLIC).await.unwrap();
    let arguments = vec![format!("--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1")];
    let impatient = false;
    let options = Options {
        arguments,
        impatient,
    };
    let session = &env.terminal.session;
    let browser = Browser::start_with(session, "ada", options).await.unwrap();
    let page = &browser.page;
    let send = async |url: &str, method: &str| {
        let body = if method == "POST" { "body: 'x'," } else { "" };
        let script = format!(
            "return fetch('{url}', {{ method: '{method}', {body} mode: 'no-cors' }})
                 .then(() => 'sent', error => String(error))"
        );
        page.run(&script, vec![]).await.unwrap()
    };
    for foreign in [
        format!("http://{ELSEWHERE}:{}/", public.port()),
        format!("http://127.0.0.1:{}/", public.port()),
    ] {
        page.open(&foreign).await.unwrap();
        for host in ["127.0.0.1", "localhost"] {
            send(&format!("http://{host}:{port}/blind"), "POST").await;
        }
    }
    page.open(&format!("http://{ELSEWHERE}:{}/", public.port()))
        .await
        .unwrap();
    send(&format!("http://127.0.0.1:{port}/blind"), "GET").await;

    // A link is followed, and the resource's own page may send.
    let follow = format!("location = 'http://127.0.0.1:{port}/link'");
    page.run(&follow, vec![]).await.unwrap();
    let arrived = async || page.url().await.is_ok_and(|at| at.path() == "/link");
    eventually("the resource's page", arrived).await.unwrap();
    eventually("a request of its own", async || {
        send("/own", "POST").await;
        seen.lock().unwrap().contains(&"POST /own".to_owned())
    })
    .await
    .unwrap();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.contains(&"GET /link".to_owned()), "{seen:?}");
    assert!(!seen.iter().any(|it| it.ends_with("/blind")), "{seen:?}");
}

/// Notes the method and the path of a request, and answers it.
async fn record_request(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = [0; 4096];
    let count = stream.read(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    let mut words = head.split(' ');
    if let (Some(method), Some(path)) = (words.next(), words.next()) {
        seen.lock().unwrap().push(format!("{method} {path}"));
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\
                  Connection: close\r\n\r\npage";
    let _ = stream.write_all(answer.as_bytes()).await;
}
