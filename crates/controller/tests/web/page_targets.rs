//! What the routes for browsers are about in `page_authority`.

use chrono::TimeDelta;
use hourkey_access::gateways;
use hourkey_domain::ids::{NetworkId, ResourceId};
use hourkey_domain::settings::Mode;
use serde_json::json;

use crate::web::browser::{PASSWORD, Site};
use crate::web::devices::enrolled;

/// What a route is about: always Ann's, with whom nobody else shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Whoever calls.
    Caller,
    /// Her pending request for the database, which Dan's group approves.
    Request,
    /// Her pending request for the vault, which only roles review: Dan reviews another resource.
    VaultRequest,
    /// Her running grant for the database.
    Grant,
    /// The database, while her grant for it runs.
    Running,
    /// Her running grant for the vault.
    VaultGrant,
    /// Her computer.
    Device,
    /// A session of hers.
    Session,
    /// A resource of her group.
    Database,
    /// Her group's access to it.
    Assignment,
    /// A resource of nobody's.
    Payroll,
    /// Her page.
    Ann,
    /// Her page, while her grant for the database runs.
    AnnRunning,
    /// Her group.
    Group,
    /// The network of what she sees.
    Network,
    /// A gateway of it, not set up yet.
    Gateway,
    /// Herself: she did not use the database, which locked.
    Person,
    /// A host that waits for whoever types its code.
    Host,
}

impl Target {
    /// Whether it is named by an id, and not by what somebody types, and may correct.
    pub(crate) fn is_by_id(self) -> bool {
        !matches!(self, Self::Caller | Self::Person | Self::Host)
    }
}

/// What stands for the target in addresses and fields.
pub(crate) struct Ids {
    id: i64,
    grant: i64,
    login: &'static str,
    code: String,
}

impl Ids {
    /// Of what does not exist.
    pub(crate) fn unknown() -> Self {
        Self {
            id: 4_711,
            grant: 4_711,
            login: "nobody",
            code: "BBBBBBBB".to_owned(),
        }
    }

    fn of(id: i64) -> Self {
        Self {
            id,
            ..Self::unknown()
        }
    }

    /// Puts them into a text.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{id}", &self.id.to_string())
            .replace("{grant}", &self.grant.to_string())
            .replace("{login}", self.login)
            .replace("{code}", &self.code)
            .replace("{name}", "pages.css")
            .replace("{password}", PASSWORD)
    }
}

async fn network(site: &Site, resource: ResourceId) -> NetworkId {
    let organisation = site.app.organisation().await.unwrap();
    organisation.resource(resource).unwrap().network
}

/// Makes the target.
pub(crate) async fn made(site: &Site, target: Target) -> Ids {
    let (env, people) = (&site.env, site.env.people);
    let ask = async |resource| {
        let request = json!({ "resource": resource, "reason": "To mend it" });
        env.post(people.ann, "/requests", request).await.id()
    };
    let granted = async |resource| {
        let id = ask(resource).await;
        let approve = format!("/requests/{id}/approve");
        let grant = env.post(people.roy, &approve, json!({})).await.grant();
        Ids {
            grant,
            ..Ids::of(id)
        }
    };
    let (database, vault) = (env.resources.database, env.resources.vault);
    match target {
        Target::Caller => Ids::unknown(),
        Target::Request => Ids::of(ask(database).await),
        Target::VaultRequest => Ids::of(ask(vault).await),
        Target::Grant => granted(database).await,
        Target::Running => Ids {
            id: database.0,
            ..granted(database).await
        },
        Target::AnnRunning => Ids {
            id: people.ann.0,
            ..granted(database).await
        },
        Target::VaultGrant => granted(vault).await,
        Target::Device => Ids::of(enrolled(site, people.ann, "ann-laptop").await.0),
        Target::Session => {
            env.token(people.ann).await;
            let mut tx = site.app.store.read().await.unwrap();
            Ids::of(tx.sessions_of(people.ann).await.unwrap()[0].id.0)
        }
        Target::Database => Ids::of(database.0),
        Target::Assignment => {
            let organisation = site.app.organisation().await.unwrap();
            Ids::of(organisation.assignments_of(database).next().unwrap().id.0)
        }
        Target::Ann => Ids::of(people.ann.0),
        Target::Group => {
            let organisation = site.app.organisation().await.unwrap();
            Ids::of(organisation.groups_of(people.ann)[0].0)
        }
        Target::Network => Ids::of(network(site, database).await.0),
        Target::Gateway => {
            let wanted = gateways::Wanted {
                name: "gw-1".to_owned(),
                network: network(site, database).await,
                address: "gw.corp.example:8443".to_owned(),
            };
            let (store, now) = (&site.app.store, site.app.clock.now());
            let added = gateways::add_here(store, wanted, now).await.unwrap();
            Ids::of(added.id.0)
        }
        Target::Payroll => Ids::of(env.resources.payroll.0),
        Target::Person => {
            let change = env.change(move |tx| {
                Box::pin(async move {
                    let (mut found, _) = tx.resource(database).await?.unwrap();
                    found.settings.mode = Mode::AutoLock;
                    Ok(tx.update_resource(found).await?)
                })
            });
            change.await;
            env.wait(TimeDelta::days(8)).await;
            Ids {
                login: "ann",
                ..Ids::of(database.0)
            }
        }
        Target::Host => {
            let fields = [("client_id", "hourkey-cli"), ("label", "a host")];
            let waits = site
                .form("/oauth/device_authorization", &fields)
                .await
                .json();
            let code = waits["user_code"].as_str().unwrap().to_owned();
            Ids {
                code,
                ..Ids::unknown()
            }
        }
    }
}
