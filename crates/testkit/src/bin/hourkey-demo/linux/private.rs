//! What stands behind the gateways of the demo: web pages, a PostgreSQL and an ssh server, under
//! names of the sample organisation.

use anyhow::Result;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::servers::{Postgres, Ssh};
use hourkey_testkit::web::{plain, secure};

/// Without TLS.
pub(crate) const HANDBOOK: &str = "handbook.corp.example";
/// With TLS, by a certificate that nobody vouches for.
pub(crate) const GRAFANA: &str = "grafana.corp.example";
/// An ssh server.
pub(crate) const STAGING: &str = "staging.corp.example";

/// What the handbook says.
pub(crate) const WELCOME: &str = "Welcome to the team";
/// What Grafana says.
pub(crate) const LATENCY: &str = "Latency, last six hours";

macro_rules! page {
    ($title:literal, $text:literal) => {
        concat!(
            "<!doctype html><meta charset=utf-8><title>",
            $title,
            "</title><style>body{font:16px/1.5 sans-serif;margin:15vh auto;max-width:28em}</style>",
            "<h1>",
            $title,
            "</h1><p>",
            $text
        )
    };
}

/// The servers, and a gateway for each network. They end when this is dropped.
pub(crate) struct Private {
    _gateways: [Gateway; 2],
    pub(crate) ssh: Ssh,
    postgres: Postgres,
}

impl Private {
    /// Starts everything.
    pub(crate) async fn start(controller: &Controller) -> Result<Self> {
        let handbook = plain(page!(
            "Welcome to the team",
            "This page is private: it came through a gateway."
        ));
        let grafana = secure(page!(
            "Latency, last six hours",
            "This page is private: it came through a gateway, and with TLS from end to end."
        ));
        let (handbook, grafana) = (handbook.await?.to_string(), grafana.await?.to_string());
        let (postgres, ssh) = (Postgres::start().await?, Ssh::start().await?);
        let database = postgres.address().to_string();
        let shell = ssh.address().to_string();
        let headquarters = [
            (HANDBOOK, handbook.as_str()),
            ("payroll-db.corp.example", database.as_str()),
        ];
        let cloud = [(GRAFANA, grafana.as_str()), (STAGING, shell.as_str())];
        let gateways = [
            Gateway::start(controller, "hq-1", "Headquarters", &headquarters).await?,
            Gateway::start(controller, "cloud-1", "Cloud", &cloud).await?,
        ];
        Ok(Self {
            _gateways: gateways,
            ssh,
            postgres,
        })
    }

    /// Ends them in order.
    pub(crate) async fn stop(self) -> Result<()> {
        self.postgres.stop().await?;
        Ok(())
    }
}
