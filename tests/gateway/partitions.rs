//! Network partitions: the controller, a gateway and a user's computer on hosts of their own.

use std::time::{Duration, Instant};

use hourkey_protocol::access::Approve;
use hourkey_protocol::gateway::LEASE;
use hourkey_testkit::poll::eventually;

use crate::origin::{PAGE, QUIET, TICKS};
use crate::remote_env::{LOGS, RemoteEnv, WIKI, at_hosts};

#[test]
fn a_gateway_that_loses_the_controller_cuts_by_its_lease_and_recovers() {
    at_hosts(async |network| {
        let remote = RemoteEnv::new(network).await;
        let (env, proxy) = (&remote.env, remote.proxy().await);
        let marta = env.session("marta").await;
        let grant = env.open("Logs").await;
        let sending = proxy.open(TICKS).await;
        let mut quiet = proxy.open(QUIET).await;
        assert!(proxy.get(WIKI).await.0.ends_with(PAGE));
        network.gateway.lose(&network.controller);
        let lost = Instant::now();
        quiet.goes_on().await;
        sending.ends().await;
        quiet.ends().await;
        let after = lost.elapsed();
        assert!(after < LEASE + Duration::from_secs(3), "{after:?}");
        eventually("the end at the origin", async || remote.origin.open() == 0)
            .await
            .unwrap();
        let (refused, _) = proxy.get(WIKI).await;
        assert!(refused.starts_with("HTTP/1.1 50"), "{refused}");

        // What happens meanwhile is in force once they find each other again.
        env.revoke(&marta, grant).await;
        network.gateway.find(&network.controller);
        eventually("the wiki", async || {
            let (text, _) = proxy.get(WIKI).await;
            text.ends_with(PAGE).then_some(()).ok_or(text)
        })
        .await
        .unwrap();
        env.ended_because("closed").await;
        let (locked, _) = proxy.get(LOGS).await;
        assert!(locked.starts_with("HTTP/1.1 302"), "{locked}");
        assert_eq!(remote.origin.open(), 0);
        let request = env.ask("Logs").await;
        marta
            .approve(request.id, &Approve::default())
            .await
            .unwrap();
        proxy.open(QUIET).await.goes_on().await;
        let stale = env.ends().await;
        assert!(stale.iter().any(|(_, why)| why == "stale"), "{stale:?}");
    });
}
