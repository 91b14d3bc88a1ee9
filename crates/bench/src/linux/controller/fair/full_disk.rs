//! Revocations and acknowledgements when the controller's disk is full.

use std::time::Instant;

use anyhow::{Result, ensure};
use hourkey_domain::lock::LockState;
use hourkey_protocol::problem::Code;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::poll::eventually;

use super::streams::{ACK_INTERVAL, AckStream, EventReader};
use super::{APPROVAL, Participants, Samples, acknowledged, request, slower, when_allowed, why};
use crate::linux::figures::{Table, Times};

/// Lets the controller run on a disk of its own of 96 MiB, which is filled up to 8 MiB once the file
/// `$0.fill` is there: less than what is kept for endings.
const SMALL_DISK: &str = r#"cp -a "$0" "$0.before" && mount -t tmpfs -o size=96m none "$0" &&
cp -a "$0.before/." "$0" && {
    ( while [ ! -e "$0.fill" ]; do sleep 0.05; done
      left=$(df -Pm "$0" | awk 'END { print $4 - 8 }')
      dd if=/dev/zero of="$0/filler" bs=1M count="$left" 2>/dev/null; touch "$0.full" ) &
    exec "$@"
}"#;

impl Participants {
    /// Revokes all that Ada can be given, when the controller's disk has only what is kept left.
    pub(crate) async fn on_a_full_disk(
        &mut self,
        controller: &mut Controller,
        credential: &str,
        alone: &Samples,
        table: &mut Table,
    ) -> Result<()> {
        controller.stop().await?;
        let data = controller.data().display().to_string();
        let root = rustix::process::geteuid().is_root();
        let user: &[&str] = if root {
            &[]
        } else {
            &["--user", "--map-root-user"]
        };
        let command = [user, &["--mount", "sh", "-c", SMALL_DISK, &data]].concat();
        controller.wrap(&[&["unshare"], &*command].concat());
        controller.resume().await?;
        let ada = &mut self.requesters[0];
        ada.events = EventReader::of(&ada.session).await?;
        self.acks = AckStream::open(controller, credential).await?;
        let mut grants = Vec::new();
        for resource in ada.session.resources().await? {
            if !matches!(resource.lock, LockState::Locked { .. }) {
                continue;
            }
            let ask = async || ada.session.ask(&request(resource.id)).await;
            let (asked, _) = match when_allowed(ask).await {
                Ok(asked) => asked,
                // An unlock takes no length; there are enough others.
                Err(_) => continue,
            };
            if let Some(grant) = asked.request.grant {
                grants.push(grant.id);
                ada.events.approved().await?;
                continue;
            }
            let approve = async || self.reviewers[0].approve(asked.request.id, &APPROVAL).await;
            let (answer, _) = when_allowed(approve).await?;
            grants.extend(answer.grant.map(|grant| grant.id));
            ada.events.approved().await?;
        }
        ensure!(grants.len() > 2, "too little to revoke: {}", grants.len());
        fill(&data).await?;
        let refused = ada.session.ask(&request(self.resource)).await;
        ensure!(
            refused.is_err_and(|error| error.code() == Some(Code::Unavailable)),
            "the disk is not full"
        );
        self.acks.begin();
        let mut revoked = Vec::new();
        for grant in grants {
            let begin = Instant::now();
            self.reviewers[0].revoke(grant, &why()).await?;
            revoked.push(ada.events.revoked().await? - begin);
        }
        // A few seconds of acknowledgements.
        tokio::time::sleep(30 * ACK_INTERVAL).await;
        let what = "on a full disk";
        let (revoked, before) = (Times::of(revoked), Times::of(alone.revoked.clone()));
        let revoke = format!("revoke → notice {what}");
        table.add(revoked.figure(&revoke));
        slower(&revoke, &revoked, &before, table);
        let acks = Times::of(self.acks.times()?);
        acknowledged(&format!(" {what}"), &acks, table);
        Ok(())
    }
}

async fn fill(data: &str) -> Result<()> {
    std::fs::write(format!("{data}.fill"), "")?;
    let full = format!("{data}.full");
    eventually("a full disk", async || std::fs::metadata(&full)).await?;
    Ok(())
}
