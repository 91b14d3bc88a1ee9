//! Every page there is, with something on it: for what must hold on all of them.

use anyhow::{Context as _, Result};
use hourkey_client::session::Session as Api;
use hourkey_protocol::access::{Approve, Comment, NewRequest, Request};
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource, User};

use crate::Site;

/// The addresses of pages, by who may open them; `None` is somebody who is not signed in.
pub(crate) struct Everywhere {
    pub(crate) site: Site,
    pub(crate) pages: Vec<(Option<&'static str>, String)>,
}

impl Everywhere {
    pub(crate) async fn new() -> Result<Self> {
        let site = Site::with(&organisation().text()).await?;
        for login in ["root", "ola"] {
            site.controller
                .set_password(login, &crate::password(login))
                .await?;
        }
        let (ada, marta) = tokio::try_join!(site.api("ada"), site.api("marta"))?;
        let waiting = ask(&ada, "Grafana", "Checking the latency alert").await?.id;
        let pipeline = ask(&ada, "Release pipeline", "Rollback").await?;
        let open = pipeline.id;
        // All that may lie ahead does.
        let three_days = NewRequest {
            seconds: Some(3 * 24 * 3_600),
            ..new(&ada, "Build cache", "A long build").await?
        };
        let full = ada.ask(&three_days).await?.request;
        // More time waits beside what runs.
        let granted = ask(&ada, "Customer exports", "One order").await?.id;
        marta.approve(granted, &Approve::default()).await?;
        let extension = extend(&ada, "Customer exports", "Two orders").await?.id;
        let denied = ask(&ada, "Production SSH", "Disk full").await?.id;
        let comment = Comment {
            comment: "Use the copy of yesterday, please.".to_owned(),
        };
        marta.deny(denied, &comment).await?;
        let all = ada.resources().await?;
        let resource = all.first().context("no resource")?;
        let named = |name: &str| {
            let found = all.iter().find(|it| it.name == name);
            found.map(|it| it.id).context("no such resource")
        };
        let (disabled, shortcut) = (named(DISABLED)?, named(SHORTCUT)?);
        let (production, me) = (named("Production SSH")?, ada.me().await?.id);
        let visitor = ["/sign-in", "/reset", "/nowhere"].map(|path| (None, path.to_owned()));
        let mut pages = visitor.to_vec();
        for (login, path) in [
            ("ada", "/access".to_owned()),
            ("ada", "/access?q=nothing+at+all".to_owned()),
            ("ada", "/my-requests".to_owned()),
            (
                "ada",
                format!("/resources/{}/request?again={denied}", production),
            ),
            ("ada", format!("/requests/{waiting}")),
            ("ada", format!("/requests/{open}")),
            ("ada", format!("/requests/{denied}")),
            ("ada", format!("/requests/{granted}")),
            ("ada", format!("/requests/{extension}")),
            ("ada", format!("/resources/{}/extend", pipeline.resource)),
            ("ada", format!("/resources/{}/extend", full.resource)),
            ("ada", "/access?as=lee".to_owned()),
            ("ada", "/nowhere".to_owned()),
            ("marta", "/review".to_owned()),
            ("marta", format!("/review?done={denied}")),
            ("marta", format!("/review/{waiting}")),
            ("marta", format!("/review/{open}")),
            ("marta", format!("/review/{extension}")),
            ("marta", "/review?by=resource".to_owned()),
            ("marta", "/review?by=person".to_owned()),
            ("marta", format!("/review/several?request={waiting}")),
            ("marta", "/review/deputy".to_owned()),
            ("marta", "/my-requests".to_owned()),
            ("root", "/review/deputy".to_owned()),
            ("root", format!("/review/{waiting}")),
            ("root", "/review".to_owned()),
            ("root", "/unlock?login=ada".to_owned()),
            ("root", "/devices".to_owned()),
            ("root", "/sessions".to_owned()),
            ("root", "/overview".to_owned()),
            ("root", "/jump".to_owned()),
            ("root", "/jump?q=s".to_owned()),
            ("root", "/jump?q=nothing+at+all".to_owned()),
            ("ada", "/mail".to_owned()),
            ("ada", "/account".to_owned()),
            ("root", "/settings/sign-in".to_owned()),
            ("root", "/people/1/two-step".to_owned()),
            ("root", "/mail".to_owned()),
            ("root", "/settings/mail".to_owned()),
            ("root", "/resources".to_owned()),
            ("root", "/resources?q=nothing+at+all".to_owned()),
            ("root", format!("/resources/{}", resource.id)),
            ("root", format!("/resources/{}/settings", resource.id)),
            ("root", "/assignments/1".to_owned()),
            ("root", "/resources/new".to_owned()),
            ("root", format!("/resources/{}/edit", resource.id)),
            ("root", format!("/resources/{}/groups", resource.id)),
            ("root", format!("/resources/{shortcut}")),
            ("root", format!("/resources/{disabled}")),
            ("root", format!("/resources/{disabled}/edit")),
            ("ada", format!("/resources/{disabled}/request")),
            ("ada", format!("/resources/{shortcut}/request")),
            ("ola", "/resources".to_owned()),
            ("ola", format!("/resources/{disabled}")),
            ("ola", format!("/resources/{shortcut}/edit")),
            ("ola", "/gateways".to_owned()),
            ("root", "/groups/new".to_owned()),
            ("root", "/groups/1/edit".to_owned()),
            ("root", "/networks/new".to_owned()),
            ("root", "/networks/1/edit".to_owned()),
            ("root", "/networks/1/gateways".to_owned()),
            ("root", "/gateways".to_owned()),
            ("root", "/gateways/1".to_owned()),
            ("root", "/settings".to_owned()),
            ("root", "/people/new".to_owned()),
            ("root", "/people/1/edit".to_owned()),
            ("root", "/people/1/link".to_owned()),
            ("root", "/people/1/view".to_owned()),
            ("root", "/people".to_owned()),
            ("root", "/people/1".to_owned()),
            ("root", "/groups".to_owned()),
            ("root", "/groups/1".to_owned()),
            ("root", "/groups/-1".to_owned()),
            ("root", "/requests".to_owned()),
            ("root", "/requests?state=denied&q=ada".to_owned()),
            ("root", "/requests?state=revoked".to_owned()),
            ("root", format!("/people/{}/revoke", me)),
            ("root", format!("/resources/{}/revoke", pipeline.resource)),
            ("root", format!("/resources/{}/revoke", resource.id)),
            ("root", "/jump?q=1".to_owned()),
            ("root", "/explain".to_owned()),
            (
                "root",
                format!("/explain?user=ada&resource={}", resource.id),
            ),
            ("root", "/explain?user=ada&resource=Nothing".to_owned()),
        ] {
            pages.push((Some(login), path));
        }
        for name in ["Payroll database", "Production SSH", "Staging SSH"] {
            let address = site.request_page(&ada, name).await?;
            let path = url::Url::parse(&address)?.path().to_owned();
            pages.push((Some("ada"), path));
        }
        Ok(Self { site, pages })
    }

    /// Those of one person.
    pub(crate) fn of(&self, login: Option<&str>) -> impl Iterator<Item = String> {
        let theirs = self.pages.iter().filter(move |(who, _)| *who == login);
        theirs.map(|(_, path)| self.site.address(path))
    }
}

/// Who sees pages.
pub(crate) const PEOPLE: [Option<&str>; 5] =
    [None, Some("ada"), Some("marta"), Some("root"), Some("ola")];

/// A resource that is out of use.
const DISABLED: &str = "Old ticket system";

/// One that is always open, first in lists.
const SHORTCUT: &str = "Status page";

/// The sample with an operator, and these two.
fn organisation() -> OrgBuilder {
    let about = "What our customers see when something is down.";
    let how = "Sign in with the company account.\nWrite in English; keep it short.";
    let status = Resource::new(SHORTCUT, "status.corp.example", Access::standing());
    let status = status.ports("443").visibility("shortcut");
    let tickets = Resource::new(DISABLED, "tickets.corp.example", Access::standing());
    OrgBuilder::sample()
        .user(User::operator("ola", "Ola Lind"))
        .resource(status.described(about, how))
        .resource(
            tickets
                .ports("443")
                .disabled()
                .described("Closed in May.", "Ask support."),
        )
        .assign("Site reliability", &[SHORTCUT, DISABLED])
}

async fn ask(api: &Api, name: &str, reason: &str) -> Result<Request> {
    let new = new(api, name, reason).await?;
    Ok(api.ask(&new).await?.request)
}

/// Asks for four hours instead.
async fn extend(api: &Api, name: &str, reason: &str) -> Result<Request> {
    let new = NewRequest {
        seconds: Some(4 * 3_600),
        extends: true,
        ..new(api, name, reason).await?
    };
    Ok(api.ask(&new).await?.request)
}

async fn new(api: &Api, name: &str, reason: &str) -> Result<NewRequest> {
    let all = api.resources().await?;
    let resource = all.iter().find(|resource| resource.name == name);
    Ok(NewRequest {
        resource: resource.context("no such resource")?.id,
        assignment: None,
        reason: reason.to_owned(),
        seconds: None,
        starts_at: None,
        extends: false,
    })
}
