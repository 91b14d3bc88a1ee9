//! One network with resources of every kind, a gateway in front of it, and a member with a local proxy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hourkey_client::session::Session;
use hourkey_domain::ids::GrantId;
use hourkey_protocol::access::{Comment, NewRequest, Request, Resource};
use hourkey_testkit::binaries;
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::organisation::{self, Access, OrgBuilder};
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::terminal::Terminal;
use hourkey_testkit::test_user::TestUser;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::origin::Origin;

/// Ada and Lee may use all but the one that is hidden.
pub(crate) fn organisation() -> OrgBuilder {
    let on = |name, host: &str, ports, access| {
        organisation::Resource::new(name, &format!("{host}.corp.example"), access).ports(ports)
    };
    let standing = Access::standing;
    let at_once = || Access::request().up_to("1h").automatic();
    let by_marta = || Access::request().period("1h").manual();
    let hour_at_once = Access::request().period("1h").automatic();
    let assigned = [
        "Repositories",
        "Build host",
        "Database",
        "Portal",
        "Safe",
        "Archive",
        "Wiki",
        "Logs",
        "Vault",
    ];
    OrgBuilder::new("Private")
        .member("ada", "Ada Park")
        .member("lee", "Lee Novak")
        .reviewer("marta", "Marta Ruiz")
        .admin("root", "Rosa Ott")
        .group("Engineering", &["ada", "lee"])
        .network("Office")
        .resource(on("Wiki", "wiki", "80", standing()))
        .resource(on("Logs", "logs", "80,9000", at_once()))
        .resource(on("Vault", "vault", "80", by_marta()))
        .resource(on("Portal", "portal", "443", hour_at_once))
        .resource(on("Safe", "safe", "443", by_marta()))
        .resource(on("Hidden", "hidden", "80", standing()))
        .resource(on("Build host", "build", "22", at_once()))
        .resource(on("Database", "db", "5432", at_once()))
        .resource(on("Repositories", "git", "443, 2222", standing()))
        .resource(on(
            "Archive",
            "archive",
            "80",
            Access::auto_lock("1d").manual(),
        ))
        .assign("Engineering", &assigned)
}

/// The test environment. Its processes end with it.
pub(crate) struct TestEnv {
    pub(crate) controller: Controller,
    /// Moves the controller's clock.
    pub(crate) clock: TestClock,
    pub(crate) gateway: Gateway,
    pub(crate) origin: Origin,
    /// Ada's terminal, signed in.
    pub(crate) terminal: Terminal,
    /// Ada's session at the API.
    pub(crate) ada: Session,
}

impl TestEnv {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With servers of the test's own at these names.
    pub(crate) async fn with(servers: &[(&str, SocketAddr)]) -> Self {
        let mut controller = Controller::prepare(&organisation().text()).await.unwrap();
        let clock = TestClock::new(&controller.data()).unwrap();
        controller.set(TestClock::VARIABLE, clock.path().to_str().unwrap());
        controller.resume().await.unwrap();
        let origin = Origin::start().await;
        let gateway = gateway(&controller, "gw-1", &origin, servers).await;
        let terminal = Terminal::of("ada", &controller).await;
        let mut ada = TestUser::new(&controller, "ada").await.unwrap();
        // A new password ends all sessions: the terminal signs in again.
        let arguments = ["sign-in", controller.url().as_str(), "--store", "file"];
        terminal.sign_in(&mut ada, &arguments).await.ended(0);
        let ada = ada.session(&controller).await.unwrap();
        Self {
            controller,
            clock,
            gateway,
            origin,
            terminal,
            ada,
        }
    }

    /// Starts Ada's local proxy.
    pub(crate) async fn local_proxy(&self) -> LocalProxy {
        let process = self.terminal.start(&["entry", "--json"]);
        let listening = printed(&process).await;
        LocalProxy { process, listening }
    }

    /// Starts one of Ada's commands by way of another program, if one is named.
    fn start_by(&self, wrapper: &[&str], arguments: &[&str]) -> Process {
        /// Each has a log of its own.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let Some((program, more)) = wrapper.split_first() else {
            return self.terminal.start(arguments);
        };
        let name = format!("hourkey-{}", STARTED.fetch_add(1, Relaxed));
        let hourkey = binaries::path("hourkey").unwrap();
        let mut command = self.terminal.session.command(program);
        command.args(more).arg(hourkey).args(arguments);
        self.terminal.session.spawn(&name, command).unwrap()
    }

    /// Starts Ada's local proxy by way of another program.
    pub(crate) async fn local_proxy_by(&self, wrapper: &[&str]) -> LocalProxy {
        let process = self.start_by(wrapper, &["entry", "--json"]);
        let listening = printed(&process).await;
        LocalProxy { process, listening }
    }

    /// Starts a `hourkey forward` of Ada's, and returns its port.
    pub(crate) async fn forward(&self, to: &str) -> (Process, u16) {
        self.forward_by(&[], to).await
    }

    /// [`Self::forward`] by way of another program.
    pub(crate) async fn forward_by(&self, wrapper: &[&str], to: &str) -> (Process, u16) {
        let process = self.start_by(wrapper, &["forward", to, "--json"]);
        let Forwarding { port } = printed(&process).await;
        (process, port)
    }

    /// Somebody's session at the API.
    pub(crate) async fn session(&self, login: &'static str) -> Session {
        let mut person = TestUser::new(&self.controller, login).await.unwrap();
        person.session(&self.controller).await.unwrap()
    }

    pub(crate) async fn resource(&self, name: &str) -> Resource {
        let all = self.ada.resources().await.unwrap();
        all.into_iter().find(|it| it.name == name).unwrap()
    }

    /// Ada asks for a resource with a reason.
    pub(crate) async fn ask(&self, name: &str) -> Request {
        let request = NewRequest {
            resource: self.resource(name).await.id,
            assignment: None,
            reason: "to see it work".to_owned(),
            seconds: None,
            starts_at: None,
            extends: false,
        };
        self.ada.ask(&request).await.unwrap().request
    }

    /// Ada opens a resource that asks for nothing but a reason.
    pub(crate) async fn open(&self, name: &str) -> GrantId {
        self.ask(name).await.grant.unwrap().id
    }

    /// Ada extends what runs, by an hour from now on.
    pub(crate) async fn extend(&self, name: &str) -> GrantId {
        let request = NewRequest {
            resource: self.resource(name).await.id,
            assignment: None,
            reason: "to see it go on".to_owned(),
            seconds: None,
            starts_at: None,
            extends: true,
        };
        let extended = self.ada.ask(&request).await.unwrap().request;
        extended.grant.unwrap().id
    }

    /// A reviewer takes a grant away.
    pub(crate) async fn revoke(&self, marta: &Session, grant: GrantId) {
        let comment = "enough".to_owned();
        marta.revoke(grant, &Comment { comment }).await.unwrap();
    }

    /// The ends of connections in the audit log: the resource's id, and why.
    pub(crate) async fn ends(&self) -> Vec<(i64, String)> {
        let audit = self.controller.run(&["audit", "--json"]).await.unwrap();
        let lines = audit
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let ended = lines.filter(|record| record["action"] == "connection.ended");
        ended
            .map(|record| {
                let resource = record["subject"]["resource"].as_i64().unwrap();
                let why = record["detail"]["why"].as_str().unwrap();
                (resource, why.to_owned())
            })
            .collect()
    }

    /// Waits until the last connection that ended did so for this reason.
    pub(crate) async fn ended_because(&self, why: &str) {
        eventually(&format!("a connection that ended: {why}"), async || {
            let ends = self.ends().await;
            match ends.last() {
                Some((_, last)) if last == why => Ok(()),
                _ => Err(format!("{ends:?}")),
            }
        })
        .await
        .unwrap();
    }
}

/// A gateway of the network, under this name: it leads to the origin, and to these servers, which
/// go first.
pub(crate) async fn gateway(
    controller: &Controller,
    name: &str,
    origin: &Origin,
    servers: &[(&str, SocketAddr)],
) -> Gateway {
    let [vault, hidden, archive] = origin.others();
    let ours = [
        ("wiki.corp.example", origin.web()),
        ("logs.corp.example", origin.ticks()),
        ("vault.corp.example", vault),
        ("hidden.corp.example", hidden),
        ("archive.corp.example", archive),
    ];
    let ours = ours
        .iter()
        .filter(|(name, _)| !servers.iter().any(|(theirs, _)| theirs == name));
    let hosts = ours.chain(servers);
    let hosts: Vec<_> = hosts.map(|(name, to)| (*name, to.to_string())).collect();
    let hosts: Vec<_> = hosts.iter().map(|(name, to)| (*name, &**to)).collect();
    Gateway::start(controller, name, "Office", &hosts)
        .await
        .unwrap()
}

/// What a command of ours prints as JSON once it listens.
async fn printed<T: DeserializeOwned>(process: &Process) -> T {
    process
        .ready("where it listens", async || {
            let log = process.log();
            let json = log.split_once('{').map(|(_, rest)| format!("{{{rest}"));
            json.and_then(|json| serde_json::from_str(&json).ok())
        })
        .await
        .unwrap()
}

#[derive(Deserialize)]
struct Forwarding {
    port: u16,
}

/// A running `hourkey proxy`.
pub(crate) struct LocalProxy {
    pub(crate) process: Process,
    listening: Listening,
}

#[derive(Deserialize)]
struct Listening {
    port: u16,
    proxy: String,
    pac: String,
}

impl LocalProxy {
    pub(crate) fn proxy(&self) -> &str {
        &self.listening.proxy
    }

    pub(crate) fn pac(&self) -> &str {
        &self.listening.pac
    }

    pub(crate) fn port(&self) -> u16 {
        self.listening.port
    }
}
