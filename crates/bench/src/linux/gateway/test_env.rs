//! An organisation with a gateway in front of the origin, and a member with one local proxy or more.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hourkey_client::session::Session as Api;
use hourkey_domain::ids::GrantId;
use hourkey_protocol::access::{Approve, Comment, NewRequest, Request};
use hourkey_testkit::binaries;
use hourkey_testkit::chaos_proxy::ChaosProxy;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::{Deployment, Gateway};
use hourkey_testkit::opener::Opener;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use hourkey_testkit::process::Process;
use hourkey_testkit::session::Session;
use hourkey_testkit::test_user::TestUser;
use serde::Deserialize;

use super::origin::Part;
use super::route::Route;
use crate::linux::desktop_harness::ask;

fn organisation() -> String {
    let by_marta = Access::request().up_to("1h").manual();
    OrgBuilder::new("Measured")
        .member("ada", "Ada Park")
        .reviewer("marta", "Marta Ruiz")
        .group("Engineering", &["ada"])
        .network("Office")
        .resource(Resource::new("Open", "open.corp.example", Access::standing()).ports("80"))
        .resource(Resource::new("Locked", "locked.corp.example", by_marta).ports("80"))
        .assign("Engineering", &["Open", "Locked"])
        .text()
}

/// The test environment of one gateway. Its processes end with it.
pub(crate) struct TestEnv {
    pub(crate) proxies: Vec<LocalProxy>,
    pub(crate) gateway: Gateway,
    pub(crate) controller: Controller,
    pub(crate) origin: Part,
    /// What is behind the locked resource.
    _locked: Part,
    /// The member, who uses the local proxies.
    ada: Api,
    /// The reviewer.
    marta: Api,
    _folders: [tempfile::TempDir; 2],
}

impl TestEnv {
    /// With this many devices of the member, each with its local proxy.
    pub(crate) async fn new(devices: usize) -> Result<Self> {
        let controller = Controller::start(&organisation()).await?;
        let deployment = for_many(Deployment::beside(&controller));
        Self::of(controller, deployment, devices).await
    }

    /// With one device, and with the gateway and the `hourkey` of another build.
    pub(crate) async fn of_build(folder: &Path) -> Result<Self> {
        let controller = Controller::start(&organisation()).await?;
        let deployment = Deployment {
            build: Some(folder.to_path_buf()),
            ..Deployment::beside(&controller)
        };
        Self::of(controller, deployment, 1).await
    }

    /// With one device, and a gateway that reaches the controller by a chaos proxy.
    pub(crate) async fn behind_proxy() -> Result<(Self, ChaosProxy)> {
        let controller = Controller::start(&organisation()).await?;
        let (deployment, link) = Deployment::behind_proxy(&controller).await?;
        Ok((Self::of(controller, for_many(deployment), 1).await?, link))
    }

    async fn of(controller: Controller, deployment: Deployment, devices: usize) -> Result<Self> {
        // Each origin has a log of its own, in which it says its address.
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let hourkey = binaries::of_build(deployment.build.as_deref(), "hourkey")?;
        let origin = Part::start("origin", &[], folders[0].path()).await?;
        // What shares an address needs access to both.
        let locked = Part::start("origin", &[], folders[1].path()).await?;
        let addresses = [&origin, &locked].map(|it| it.address.to_string());
        let hosts = [
            ("open.corp.example", &*addresses[0]),
            ("locked.corp.example", &*addresses[1]),
        ];
        let gateway = Gateway::start_at(&controller, deployment, "gw-1", "Office", &hosts).await?;
        let mut ada = TestUser::new(&controller, "ada").await?;
        let mut marta = TestUser::new(&controller, "marta").await?;
        let mut proxies = Vec::new();
        for _ in 0..devices {
            proxies.push(LocalProxy::start(&hourkey, &controller, &mut ada).await?);
        }
        let env = Self {
            ada: ada.session(&controller).await?,
            marta: marta.session(&controller).await?,
            proxies,
            gateway,
            controller,
            origin,
            _locked: locked,
            _folders: folders,
        };
        // From here on connections lie ready.
        for proxy in &env.proxies {
            proxy.open().echo().await.context("the first connection")?;
        }
        Ok(env)
    }

    /// The member's first local proxy.
    pub(crate) fn proxy(&self) -> &LocalProxy {
        &self.proxies[0]
    }

    /// The gateway and the local proxies, by process id.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let gateway = self.gateway.id().context("the gateway runs")?;
        let proxies = self.proxies.iter().map(|proxy| proxy.process.id());
        Ok(proxies.chain([gateway]).collect())
    }

    /// The member asks for the locked resource, for this long.
    pub(crate) async fn ask(&self, seconds: u64) -> Result<Request> {
        let resources = self.ada.resources().await?;
        let locked = resources.iter().find(|it| it.name == "Locked");
        let request = NewRequest {
            resource: locked.context("Ada sees the resource")?.id,
            assignment: None,
            reason: "To measure".to_owned(),
            seconds: Some(seconds),
            starts_at: None,
            extends: false,
        };
        ask(&self.ada, &request).await
    }

    /// The reviewer approves.
    pub(crate) async fn approve(&self, request: &Request) -> Result<GrantId> {
        let how = Approve {
            seconds: None,
            comment: String::new(),
        };
        let approved = self.marta.approve(request.id, &how).await?;
        Ok(approved.grant.context("an approval makes a grant")?.id)
    }

    /// Asks and approves.
    pub(crate) async fn unlock(&self, seconds: u64) -> Result<GrantId> {
        self.approve(&self.ask(seconds).await?).await
    }

    /// The reviewer takes the access away.
    pub(crate) async fn revoke(&self, grant: GrantId) -> Result<()> {
        let comment = "measured".to_owned();
        self.marta.revoke(grant, &Comment { comment }).await?;
        Ok(())
    }
}

/// Where the one member stands for many.
fn for_many(deployment: Deployment) -> Deployment {
    Deployment {
        connections_per_user: Some(20_000),
        ..deployment
    }
}

/// A running `hourkey proxy` on a device of its own.
pub(crate) struct LocalProxy {
    pub(crate) process: Process,
    program: PathBuf,
    address: SocketAddr,
    session: Session,
}

impl LocalProxy {
    async fn start(program: &Path, controller: &Controller, person: &mut TestUser) -> Result<Self> {
        let session = Session::start().await?;
        let opener = Opener::install(&session)?;
        let mut sign_in = session.command(program);
        sign_in.args(["sign-in", controller.url().as_str(), "--store", "file"]);
        let browse = async { person.let_in(&opener.next_after(0).await?).await };
        let (ran, browsed) = tokio::join!(tokio::process::Command::from(sign_in).output(), browse);
        let ran = ran?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "hourkey sign-in failed: {said}");
        browsed?;
        let mut proxy = session.command(program);
        // The name that builds of earlier versions know, too.
        proxy.args(["entry", "--json"]);
        let process = session.spawn("hourkey", proxy)?;
        let address = listening(&process).await?;
        Ok(Self {
            process,
            program: program.to_path_buf(),
            address,
            session,
        })
    }

    /// Starts a `hourkey forward` to the resource that is open, on the same device.
    pub(crate) async fn forward(&self) -> Result<(Process, Route)> {
        let mut forward = self.session.command(&self.program);
        forward.args(["forward", "Open", "--json"]);
        let process = self.session.spawn("hourkey-forward", forward)?;
        let route = Route::plain(listening(&process).await?);
        route
            .echo()
            .await
            .context("the forward's first connection")?;
        Ok((process, route))
    }

    /// To the resource that is open to the member at all times.
    pub(crate) fn open(&self) -> Route {
        self.to("open.corp.example:80")
    }

    /// To the one that a reviewer opens.
    pub(crate) fn locked(&self) -> Route {
        self.to("locked.corp.example:80")
    }

    fn to(&self, host: &'static str) -> Route {
        Route {
            address: self.address,
            connect: Some(host),
        }
    }
}

/// Where a command of ours listens, which it prints as JSON.
async fn listening(process: &Process) -> Result<SocketAddr> {
    let listening = async || {
        let log = process.log();
        let json = log.find('{').map_or("", |start| &log[start..]);
        serde_json::from_str::<Listening>(json)
    };
    let Listening { port } = process.ready("a port", listening).await?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[derive(Deserialize)]
struct Listening {
    port: u16,
}
