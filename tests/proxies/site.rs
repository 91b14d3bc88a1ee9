//! A controller behind a reverse proxy, and those who reach it through that proxy.

use std::process::Stdio;

use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::{Deployment, Gateway};
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::{Process, command};
use hourkey_testkit::reverse_proxy::{Certificate, OPEN_FILES, Program, ReverseProxy};
use hourkey_testkit::terminal::Terminal;
use hourkey_testkit::test_user::TestUser;
use hourkey_testkit::web::plain;
use hourkey_testkit::webdriver::free_port;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

fn organisation() -> OrgBuilder {
    let by_marta = Access::request().period("1h").manual();
    OrgBuilder::new("Private")
        .member("ada", "Ada Park")
        .reviewer("marta", "Marta Ruiz")
        .group("Engineering", &["ada"])
        .network("Office")
        .resource(Resource::new("Wiki", "wiki.corp.example", Access::standing()).ports("80"))
        .resource(Resource::new("Vault", "vault.corp.example", by_marta).ports("80"))
        .assign("Engineering", &["Wiki", "Vault"])
}

/// What the private page says.
pub(crate) const PAGE: &str = "the private page";

/// What a configuration has to know.
pub(crate) struct Parts {
    /// The proxy's port for people.
    pub(crate) port: u16,
    /// A free port, for redirects.
    pub(crate) plain_port: u16,
    /// Where the controller listens: `host:port`.
    pub(crate) controller: String,
    /// For `localhost`.
    pub(crate) certificate: Certificate,
}

/// A controller, and the proxy in front of it.
pub(crate) struct Site {
    pub(crate) controller: Controller,
    /// Its address for people: at the proxy.
    pub(crate) public: Url,
    parts: Parts,
    pub(crate) proxy: ReverseProxy,
}

impl Site {
    /// Starts both. People reach the proxy at `https://localhost` or `http://localhost`, on the
    /// port that the configuration is given.
    pub(crate) async fn start(
        program: Program,
        scheme: &str,
        configuration: impl FnOnce(&Parts) -> String,
    ) -> Self {
        let port = free_port().unwrap();
        let public: Url = format!("{scheme}://localhost:{port}/").parse().unwrap();
        Self::at(program, public, port, configuration).await
    }

    /// [`Self::start`] with another public address than that of the proxy.
    pub(crate) async fn at(
        program: Program,
        public: Url,
        port: u16,
        configuration: impl FnOnce(&Parts) -> String,
    ) -> Self {
        let mut controller = Controller::prepare_behind(&organisation().text(), &public)
            .await
            .unwrap();
        // Each call is a line then.
        controller.set("RUST_LOG", "info,hourkey_controller=debug");
        controller.resume().await.unwrap();
        let parts = Parts {
            port,
            plain_port: free_port().unwrap(),
            controller: controller.url().authority().to_owned(),
            certificate: Certificate::for_localhost().unwrap(),
        };
        let configuration = configuration(&parts);
        let proxy = ReverseProxy::start(program, &configuration, port).await;
        Self {
            controller,
            public,
            parts,
            proxy: proxy.unwrap(),
        }
    }

    /// A gateway that reaches the controller through the proxy.
    pub(crate) async fn gateway(&self) -> Gateway {
        let deployment = Deployment {
            controller: self.public.clone(),
            authority: Some(self.parts.certificate.authority()),
            ..Deployment::beside(&self.controller)
        };
        let wiki = plain(PAGE).await.unwrap().to_string();
        let hosts = [("wiki.corp.example", &*wiki)];
        Gateway::start_at(&self.controller, deployment, "gw-1", "Office", &hosts)
            .await
            .unwrap()
    }

    /// Somebody's terminal, signed in through the proxy.
    pub(crate) async fn terminal(&self, login: &'static str) -> Terminal {
        let authority = self.parts.certificate.authority();
        let mut terminal = Terminal::open().await;
        terminal
            .session
            .set("HOURKEY_CA_FILE", authority.to_str().unwrap());
        let password = format!("the password of {login}");
        self.controller
            .set_password(login, &password)
            .await
            .unwrap();
        let authority = std::fs::read(authority).unwrap();
        let mut person = TestUser::trusting(login, password, &authority).unwrap();
        let arguments = ["sign-in", self.public.as_str(), "--store", "file"];
        terminal.sign_in(&mut person, &arguments).await.ended(0);
        terminal
    }

    /// What curl gets with these arguments: the body, and the status on a line of its own.
    pub(crate) async fn curl(&self, arguments: &[&str]) -> String {
        let mut curl = command("/usr/bin/curl");
        curl.args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(self.parts.certificate.authority())
            .args(["--write-out", "\n%{http_code}"])
            .args(arguments)
            .stdin(Stdio::null());
        let output = tokio::process::Command::from(curl).output().await.unwrap();
        assert!(output.status.success(), "{output:?} {}", self.proxy.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// What curl gets of the private page through a local proxy.
    pub(crate) async fn wiki(&self, proxy: &Process) -> String {
        let port = proxy
            .ready("its port", async || port_in(&proxy.log()))
            .await
            .unwrap();
        let through = format!("http://127.0.0.1:{port}");
        self.curl(&["--proxy", &through, "http://wiki.corp.example/"])
            .await
    }

    /// Waits until the controller has logged a line with these parts.
    pub(crate) async fn controller_says(&self, parts: &[&str]) {
        eventually(&format!("a line with {parts:?}"), async || {
            let log = self.controller.log();
            let found = log
                .lines()
                .any(|line| parts.iter().all(|part| line.contains(part)));
            if found { Ok(()) } else { Err(log) }
        })
        .await
        .unwrap();
    }

    /// All of [`Self::works`], beside far more connections than a service may hold that does not
    /// ask for more.
    pub(crate) async fn works_in_a_crowd(&self) {
        let connect = |_| TcpStream::connect(("127.0.0.1", self.parts.port));
        let crowd = (0..10 * OPEN_FILES).map(connect);
        let _crowd = futures_util::future::try_join_all(crowd).await.unwrap();
        self.works().await;
    }

    /// All that passes through the proxy: pages, a gateway's stream, sign-in, traffic, and a
    /// change that arrives on the event stream.
    pub(crate) async fn works(&self) {
        let page = self.public.join("sign-in").unwrap();
        let page = self
            .curl(&["--header", "Accept: text/html", page.as_str()])
            .await;
        assert!(
            page.contains("password") && page.ends_with("\n200"),
            "{page}"
        );

        let _gateway = self.gateway().await;
        self.controller_says(&["/api/v1/gateway/ack", "204"]).await;

        let ada = self.terminal("ada").await;
        let proxy = start_proxy(&ada);
        let wiki = self.wiki(&proxy).await;
        assert!(wiki.contains(PAGE), "{wiki}");

        let marta = self.terminal("marta").await;
        let request = ["request", "Vault", "--reason", "to see it work", "--wait"];
        let mut waits = ada.start(&request);
        let id = eventually("the request", async || {
            let listed: Value = marta.run(&["review", "list", "--json"]).await.json();
            listed[0]["request"]["id"]
                .as_i64()
                .or(listed[0]["id"].as_i64())
        });
        let id = id.await.unwrap().to_string();
        marta.run(&["review", "approve", &id]).await.ended(0);
        let ended = waits.ended().await.unwrap();
        assert!(ended.success(), "{}", waits.log());
    }
}

/// Starts a local proxy.
pub(crate) fn start_proxy(terminal: &Terminal) -> Process {
    terminal.start(&["proxy", "--json"])
}

fn port_in(log: &str) -> Option<u64> {
    let (_, json) = log.split_once('{')?;
    let json: Value = serde_json::from_str(&format!("{{{json}")).ok()?;
    json["port"].as_u64()
}
