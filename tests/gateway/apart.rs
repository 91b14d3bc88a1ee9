//! The controller, a gateway and a person's machine on hosts of their own, with a network between
//! them that breaks.

use std::time::{Duration, Instant};

use hourkey_protocol::access::Approve;
use hourkey_protocol::gateway::LEASE;
use hourkey_testkit::poll::eventually;

use crate::far::{Far, LOGS, WIKI, at_hosts};
use crate::origin::{PAGE, QUIET, TICKS};

#[test]
fn a_gateway_that_loses_the_controller_cuts_by_its_lease_and_recovers() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let (world, proxy) = (&far.world, far.proxy().await);
        let marta = world.session("marta").await;
        let grant = world.open("Logs").await;
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
        eventually("the end at the origin", async || far.origin.open() == 0)
            .await
            .unwrap();
        let (refused, _) = proxy.get(WIKI).await;
        assert!(refused.starts_with("HTTP/1.1 50"), "{refused}");

        // What happens meanwhile is in force once they find each other again.
        world.revoke(&marta, grant).await;
        network.gateway.find(&network.controller);
        eventually("the wiki", async || {
            let (text, _) = proxy.get(WIKI).await;
            text.ends_with(PAGE).then_some(()).ok_or(text)
        })
        .await
        .unwrap();
        world.ended_because("closed").await;
        let (locked, _) = proxy.get(LOGS).await;
        assert!(locked.starts_with("HTTP/1.1 302"), "{locked}");
        assert_eq!(far.origin.open(), 0);
        let request = world.ask("Logs").await;
        marta
            .approve(request.id, &Approve::default())
            .await
            .unwrap();
        proxy.open(QUIET).await.goes_on().await;
        let stale = world.ends().await;
        assert!(stale.iter().any(|(_, why)| why == "stale"), "{stale:?}");
    });
}
