//! What stands behind the gateways of the demo: web pages, a PostgreSQL and an ssh server, under
//! names of the sample organisation.

use anyhow::{Context as _, Result};
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::servers::{Postgres, Ssh};
use hourkey_testkit::web::{plain, secure};

/// Without TLS.
pub(crate) const HANDBOOK: &str = "handbook.corp.example";
/// With TLS, by a certificate that nobody vouches for.
pub(crate) const GRAFANA: &str = "grafana.corp.example";
/// A PostgreSQL.
pub(crate) const PAYROLL: &str = "payroll-db.corp.example";
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
    ssh: Option<Ssh>,
    postgres: Option<Postgres>,
}

impl Private {
    /// Starts everything.
    pub(crate) async fn start(controller: &Controller) -> Result<Self> {
        let (postgres, ssh) = (Postgres::start().await?, Ssh::start().await?);
        Self::start_with(controller, Some(postgres), Some(ssh)).await
    }

    /// Starts what this machine has; also returns what it has not.
    pub(crate) async fn start_what_is_there(
        controller: &Controller,
    ) -> Result<(Self, Vec<String>)> {
        let (postgres, ssh) = (Postgres::start().await, Ssh::start().await);
        let missing = [
            postgres
                .as_ref()
                .err()
                .map(|error| format!("no PostgreSQL: {error:#}")),
            ssh.as_ref()
                .err()
                .map(|error| format!("no ssh server: {error:#}")),
        ];
        let private = Self::start_with(controller, postgres.ok(), ssh.ok()).await?;
        Ok((private, missing.into_iter().flatten().collect()))
    }

    async fn start_with(
        controller: &Controller,
        postgres: Option<Postgres>,
        ssh: Option<Ssh>,
    ) -> Result<Self> {
        let handbook = plain(page!(
            "Welcome to the team",
            "This page is private: it came through a gateway."
        ));
        let grafana = secure(page!(
            "Latency, last six hours",
            "This page is private: it came through a gateway, and with TLS from end to end."
        ));
        let (handbook, grafana) = (handbook.await?.to_string(), grafana.await?.to_string());
        let database = postgres.as_ref().map(|it| it.address().to_string());
        let shell = ssh.as_ref().map(|it| it.address().to_string());
        let mut headquarters = vec![(HANDBOOK, handbook.as_str())];
        headquarters.extend(database.iter().map(|to| (PAYROLL, to.as_str())));
        let mut cloud = vec![(GRAFANA, grafana.as_str())];
        cloud.extend(shell.iter().map(|to| (STAGING, to.as_str())));
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

    /// Options of ssh(1) for the ssh server.
    pub(crate) fn ssh_options(&self) -> Result<Vec<String>> {
        let ssh = self.ssh.as_ref().context("there is no ssh server")?;
        ssh.options(STAGING)
    }

    /// Ends them in order.
    pub(crate) async fn stop(self) -> Result<()> {
        if let Some(postgres) = self.postgres {
            postgres.stop().await?;
        }
        Ok(())
    }
}
