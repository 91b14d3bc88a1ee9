//! Every ingress of the local proxy, and every end that a connection can come to: the other side
//! learns it soon, what is half-closed goes on, nothing stays open, and the audit log names the
//! cause.

use std::time::{Duration, Instant};

use hourkey_testkit::poll::eventually;

use crate::ingress::{Caller, HOST, INGRESSES, Ingress, Ingresses};
use crate::scripted_server::{DONE, ScriptedServer};
use crate::test_env::TestEnv;

/// How soon the other side should learn of an end; a busy machine is given [`BUSY_TIMEOUT`].
const END_TIMEOUT: Duration = Duration::from_secs(1);
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionEnd {
    CallerLeavesWaiting,
    CallerLeavesSending,
    CallerLeavesReceiving,
    CallerLeavesWithOneByteUnread,
    CallerIsDoneSending,
    OriginCloses,
    OriginResets,
    OriginStallsAndCallerLeaves,
}

const ENDS: [ConnectionEnd; 8] = [
    ConnectionEnd::CallerLeavesWaiting,
    ConnectionEnd::CallerLeavesSending,
    ConnectionEnd::CallerLeavesReceiving,
    ConnectionEnd::CallerLeavesWithOneByteUnread,
    ConnectionEnd::CallerIsDoneSending,
    ConnectionEnd::OriginCloses,
    ConnectionEnd::OriginResets,
    ConnectionEnd::OriginStallsAndCallerLeaves,
];

/// The setup of one row of the table.
struct TestSetup {
    env: TestEnv,
    server: ScriptedServer,
    ingresses: Ingresses,
}

impl TestSetup {
    async fn new() -> Self {
        let server = ScriptedServer::start().await;
        let env = TestEnv::with(&[(HOST, server.address())]).await;
        env.open("Database").await;
        let ingresses = Ingresses::new(&env, None).await;
        Self {
            env,
            server,
            ingresses,
        }
    }

    async fn request(&self, ingress: Ingress, method: &str, path: &str, more: &str) -> Caller {
        let caller = self.ingresses.open(&self.env, None, ingress).await;
        caller
            .requests(&self.server, ingress, [method, path, more])
            .await
    }

    /// The origin has no connection any more; how long that took.
    async fn origin_is_free(&self, since: Instant) -> Duration {
        eventually("the end at the origin", async || self.server.open() == 0)
            .await
            .unwrap();
        since.elapsed()
    }

    /// Waits until so many more connections have ended than before, and returns why.
    async fn causes(&self, before: usize, count: usize) -> Vec<String> {
        eventually("the ends in the audit log", async || {
            let ends = self.env.ends().await;
            match ends.len() >= before + count {
                true => Ok(ends[before..].iter().map(|(_, why)| why.clone()).collect()),
                false => Err(format!("{ends:?}")),
            }
        })
        .await
        .unwrap()
    }
}

/// Brings one connection to one end; returns how long the other side took to learn it, and the
/// causes that the audit log may name.
async fn play(
    setup: &TestSetup,
    ingress: Ingress,
    end: ConnectionEnd,
) -> (Duration, &'static [&'static str]) {
    let leaves: &[&str] = match ingress {
        // Its input ends as by a half-close, which the origin may answer by closing.
        Ingress::Command => &["client", "closed"],
        Ingress::Http
        | Ingress::Connect
        | Ingress::Socks
        | Ingress::Forward
        | Ingress::ForwardHttp => &["client"],
    };
    match end {
        ConnectionEnd::CallerLeavesWaiting => {
            let caller = setup.request(ingress, "GET", "/hold", "").await;
            let left = Instant::now();
            caller.leaves();
            (setup.origin_is_free(left).await, leaves)
        }
        ConnectionEnd::CallerLeavesSending => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = setup.request(ingress, "POST", "/sink", more).await;
            caller.says(&vec![b'x'; 1 << 20]).await;
            let left = Instant::now();
            caller.leaves();
            (setup.origin_is_free(left).await, leaves)
        }
        ConnectionEnd::CallerLeavesReceiving => {
            let mut caller = setup.request(ingress, "GET", "/stream", "").await;
            caller.hears(200).await;
            let left = Instant::now();
            caller.leaves();
            (setup.origin_is_free(left).await, &["client"])
        }
        ConnectionEnd::CallerLeavesWithOneByteUnread => {
            let mut caller = setup.request(ingress, "GET", "/hold", "").await;
            caller.says(b"G").await;
            let left = Instant::now();
            caller.leaves();
            (setup.origin_is_free(left).await, leaves)
        }
        ConnectionEnd::CallerIsDoneSending => {
            // A request is whole without it, and the origin is not told.
            let path = if ingress.is_by_request() {
                "/late"
            } else {
                "/end"
            };
            let mut caller = setup
                .request(ingress, "GET", path, "Connection: close\r\n")
                .await;
            caller.is_done().await;
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order, "{ingress:?}");
            assert!(heard.ends_with("done"), "{ingress:?}: {heard}");
            if !ingress.is_by_request() {
                assert_eq!(heard, DONE, "{ingress:?}");
            }
            // The origin answers when it likes.
            (Duration::ZERO, &["closed"])
        }
        ConnectionEnd::OriginCloses => {
            let mut caller = setup
                .request(ingress, "GET", "/done", "Connection: close\r\n")
                .await;
            let closed = Instant::now();
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order && heard.ends_with("done"), "{ingress:?}");
            (closed.elapsed(), &["closed"])
        }
        ConnectionEnd::OriginResets => {
            let mut caller = setup.request(ingress, "GET", "/reset", "").await;
            let (_, in_order) = caller.hears_the_rest().await;
            // A pipe cannot be reset: the command says so.
            assert!(!in_order || ingress == Ingress::Command, "{ingress:?}");
            if let Some((code, said)) = caller.came_to().await {
                assert_eq!(code, 1);
                assert!(said.contains("broken off by the destination"), "{said}");
            }
            (Duration::ZERO, &["destination"])
        }
        ConnectionEnd::OriginStallsAndCallerLeaves => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = setup.request(ingress, "POST", "/stall", more).await;
            caller.says_as_much_as_is_taken().await;
            let left = Instant::now();
            caller.leaves();
            (setup.origin_is_free(left).await, &["client"])
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_learnt_on_the_other_side() {
    let setup = TestSetup::new().await;
    let mut slow = Vec::new();
    for end in ENDS {
        for ingress in INGRESSES {
            let before = setup.env.ends().await.len();
            let (took, causes) = play(&setup, ingress, end).await;
            println!(
                "{end:?} by {ingress:?}: learnt after {} ms",
                took.as_millis()
            );
            if took > END_TIMEOUT {
                slow.push((end, ingress, took));
            }
            assert!(took < BUSY_TIMEOUT, "{end:?} by {ingress:?}: {took:?}");
            setup.origin_is_free(Instant::now()).await;
            let found = setup.causes(before, 1).await;
            assert_eq!(found.len(), 1, "{end:?} by {ingress:?}: {found:?}");
            assert!(
                causes.contains(&found[0].as_str()),
                "{end:?} by {ingress:?}: {found:?}, not {causes:?}"
            );
        }
    }
    // A machine that is busy may be late once or twice.
    assert!(slow.len() <= 3, "{slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_access_and_a_killed_gateway_end_every_way() {
    let mut setup = TestSetup::new().await;
    let marta = setup.env.session("marta").await;
    let before = setup.env.ends().await.len();
    let running = streams(&setup).await;
    let grant = match setup.env.resource("Database").await.lock {
        hourkey_domain::lock::LockState::Granted { grant, .. } => grant,
        other => panic!("{other:?}"),
    };
    setup.env.revoke(&marta, grant).await;
    let revoked = Instant::now();
    are_cut(running, "Your access to Database has ended").await;
    println!(
        "access ended: cut after {} ms",
        revoked.elapsed().as_millis()
    );
    setup.origin_is_free(revoked).await;
    let causes = setup.causes(before, INGRESSES.len()).await;
    assert_eq!(causes, ["permit"; INGRESSES.len()]);

    let before = setup.env.ends().await.len();
    let request = setup.env.ask("Database").await;
    marta
        .approve(request.id, &hourkey_protocol::access::Approve::default())
        .await
        .unwrap();
    let running = streams(&setup).await;
    setup.env.gateway.kill().unwrap();
    let killed = Instant::now();
    are_cut(running, "The gateway was lost").await;
    println!(
        "gateway killed: cut after {} ms",
        killed.elapsed().as_millis()
    );
    setup.origin_is_free(killed).await;
    setup.env.gateway.resume().await.unwrap();
    let causes = setup.causes(before, INGRESSES.len()).await;
    assert_eq!(causes, ["lost"; INGRESSES.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_has_said_all_is_told_all() {
    let setup = TestSetup::new().await;
    let upload = vec![b'x'; 5_000_000];
    let mut taken = 0;
    for ingress in [
        Ingress::Connect,
        Ingress::Socks,
        Ingress::Forward,
        Ingress::Command,
    ] {
        let mut caller = setup.request(ingress, "GET", "/takes", "").await;
        caller.hears(DONE.len()).await;
        caller.says(&upload).await;
        caller.is_done().await;
        let (_, in_order) = caller.hears_the_rest().await;
        assert!(in_order, "{ingress:?}");
        taken += upload.len();
        eventually("all of it", async || match setup.server.taken() {
            found if found == taken => Ok(()),
            found => Err(format!("{ingress:?}: {found} of {taken} bytes")),
        })
        .await
        .unwrap();
        if let Some((code, said)) = caller.came_to().await {
            assert_eq!(code, 0, "{said}");
        }
    }
}

/// A destination may close a connection that waits for the next request just as that comes. A
/// request that may be made again is; another goes by a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn requests_do_not_meet_a_destination_that_just_closes() {
    let setup = TestSetup::new().await;
    for method in ["GET", "POST"] {
        let more = "Content-Length: 0\r\n";
        let mut caller = setup.request(Ingress::Http, method, "/once", more).await;
        caller.hears(DONE.len()).await;
        // No condition but time itself: a second after an answer, its destination may have closed.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let more = "Content-Length: 0\r\nConnection: close\r\n";
        let mut caller = caller
            .requests(&setup.server, Ingress::Http, [method, "/done", more])
            .await;
        let (heard, in_order) = caller.hears_the_rest().await;
        assert!(in_order && heard.ends_with("done"), "{method}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_proxy_passes_no_half_for_the_whole() {
    let setup = TestSetup::new().await;
    let more = "Transfer-Encoding: chunked\r\n";
    let mut callers = Vec::new();
    for ingress in [Ingress::Http, Ingress::Connect, Ingress::Socks] {
        let mut upload = setup.request(ingress, "POST", "/sink", more).await;
        upload.says(b"5\r\nhello\r\n").await;
        callers.push(upload);
        callers.push(setup.request(ingress, "GET", "/hold", "").await);
    }
    setup.ingresses.stop();
    setup.origin_is_free(Instant::now()).await;
    assert_eq!(setup.server.resets(), callers.len());
}

/// A connection by each way that receives.
async fn streams(setup: &TestSetup) -> Vec<(Ingress, Caller)> {
    let mut running = Vec::new();
    for ingress in INGRESSES {
        let mut caller = setup.request(ingress, "GET", "/stream", "").await;
        caller.hears(200).await;
        running.push((ingress, caller));
    }
    running
}

/// All of them end, and not as if they were whole; the command says why.
async fn are_cut(running: Vec<(Ingress, Caller)>, why: &str) {
    for (ingress, mut caller) in running {
        let (_, in_order) = caller.hears_the_rest().await;
        assert!(!in_order || ingress == Ingress::Command, "{ingress:?}");
        if let Some((code, said)) = caller.came_to().await {
            assert_eq!(code, 1);
            assert!(said.contains(why), "{said}");
        }
    }
}
