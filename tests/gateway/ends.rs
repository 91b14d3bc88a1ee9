//! Every way into the local proxy, and every end that a connection can come to: the other side
//! learns it soon, what is half-closed goes on, nothing stays open, and the audit log names the
//! cause.

use std::time::{Duration, Instant};

use hourkey_testkit::poll::eventually;

use crate::puppet::{DONE, Puppet};
use crate::ways::{Caller, HOST, WAYS, Way, Ways};
use crate::world::World;

/// How soon the other side should learn of an end; a busy machine is given [`BUSY_TIMEOUT`].
const SOON: Duration = Duration::from_secs(1);
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    CallerLeavesWaiting,
    CallerLeavesSending,
    CallerLeavesReceiving,
    CallerLeavesWithOneByteUnread,
    CallerIsDoneSending,
    OriginCloses,
    OriginResets,
    OriginStallsAndCallerLeaves,
}

const ENDS: [End; 8] = [
    End::CallerLeavesWaiting,
    End::CallerLeavesSending,
    End::CallerLeavesReceiving,
    End::CallerLeavesWithOneByteUnread,
    End::CallerIsDoneSending,
    End::OriginCloses,
    End::OriginResets,
    End::OriginStallsAndCallerLeaves,
];

/// What a row of the table needs.
struct Stage {
    world: World,
    puppet: Puppet,
    ways: Ways,
}

impl Stage {
    async fn new() -> Self {
        let puppet = Puppet::start().await;
        let world = World::with(&[(HOST, puppet.address())]).await;
        world.open("Database").await;
        let ways = Ways::new(&world, None).await;
        Self {
            world,
            puppet,
            ways,
        }
    }

    async fn request(&self, way: Way, method: &str, path: &str, more: &str) -> Caller {
        let caller = self.ways.open(&self.world, None, way).await;
        caller
            .requests(&self.puppet, way, [method, path, more])
            .await
    }

    /// The origin has no connection any more; how long that took.
    async fn origin_is_free(&self, since: Instant) -> Duration {
        eventually("the end at the origin", async || self.puppet.open() == 0)
            .await
            .unwrap();
        since.elapsed()
    }

    /// Waits until so many more connections have ended than before, and returns why.
    async fn causes(&self, before: usize, count: usize) -> Vec<String> {
        eventually("the ends in the audit log", async || {
            let ends = self.world.ends().await;
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
async fn play(stage: &Stage, way: Way, end: End) -> (Duration, &'static [&'static str]) {
    let leaves: &[&str] = match way {
        // Its input ends as by a half-close, which the origin may answer by closing.
        Way::Command => &["client", "closed"],
        Way::Http | Way::Connect | Way::Socks | Way::Forward | Way::ForwardHttp => &["client"],
    };
    match end {
        End::CallerLeavesWaiting => {
            let caller = stage.request(way, "GET", "/hold", "").await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerLeavesSending => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = stage.request(way, "POST", "/sink", more).await;
            caller.says(&vec![b'x'; 1 << 20]).await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerLeavesReceiving => {
            let mut caller = stage.request(way, "GET", "/stream", "").await;
            caller.hears(200).await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, &["client"])
        }
        End::CallerLeavesWithOneByteUnread => {
            let mut caller = stage.request(way, "GET", "/hold", "").await;
            caller.says(b"G").await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerIsDoneSending => {
            // A request is whole without it, and the origin is not told.
            let path = if way.is_by_request() { "/late" } else { "/end" };
            let mut caller = stage
                .request(way, "GET", path, "Connection: close\r\n")
                .await;
            caller.is_done().await;
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order, "{way:?}");
            assert!(heard.ends_with("done"), "{way:?}: {heard}");
            if !way.is_by_request() {
                assert_eq!(heard, DONE, "{way:?}");
            }
            // The origin answers when it likes.
            (Duration::ZERO, &["closed"])
        }
        End::OriginCloses => {
            let mut caller = stage
                .request(way, "GET", "/done", "Connection: close\r\n")
                .await;
            let closed = Instant::now();
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order && heard.ends_with("done"), "{way:?}");
            (closed.elapsed(), &["closed"])
        }
        End::OriginResets => {
            let mut caller = stage.request(way, "GET", "/reset", "").await;
            let (_, in_order) = caller.hears_the_rest().await;
            // A pipe cannot be reset: the command says so.
            assert!(!in_order || way == Way::Command, "{way:?}");
            if let Some((code, said)) = caller.came_to().await {
                assert_eq!(code, 1);
                assert!(said.contains("broken off by the destination"), "{said}");
            }
            (Duration::ZERO, &["destination"])
        }
        End::OriginStallsAndCallerLeaves => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = stage.request(way, "POST", "/stall", more).await;
            caller.says_as_much_as_is_taken().await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, &["client"])
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_learnt_on_the_other_side() {
    let stage = Stage::new().await;
    let mut slow = Vec::new();
    for end in ENDS {
        for way in WAYS {
            let before = stage.world.ends().await.len();
            let (took, causes) = play(&stage, way, end).await;
            println!("{end:?} by {way:?}: learnt after {} ms", took.as_millis());
            if took > SOON {
                slow.push((end, way, took));
            }
            assert!(took < BUSY_TIMEOUT, "{end:?} by {way:?}: {took:?}");
            stage.origin_is_free(Instant::now()).await;
            let found = stage.causes(before, 1).await;
            assert_eq!(found.len(), 1, "{end:?} by {way:?}: {found:?}");
            assert!(
                causes.contains(&found[0].as_str()),
                "{end:?} by {way:?}: {found:?}, not {causes:?}"
            );
        }
    }
    // A machine that is busy may be late once or twice.
    assert!(slow.len() <= 3, "{slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_access_and_a_killed_gateway_end_every_way() {
    let mut stage = Stage::new().await;
    let marta = stage.world.session("marta").await;
    let before = stage.world.ends().await.len();
    let running = streams(&stage).await;
    let grant = match stage.world.resource("Database").await.lock {
        hourkey_domain::lock::LockState::Granted { grant, .. } => grant,
        other => panic!("{other:?}"),
    };
    stage.world.revoke(&marta, grant).await;
    let revoked = Instant::now();
    are_cut(running, "Your access to Database has ended").await;
    println!(
        "access ended: cut after {} ms",
        revoked.elapsed().as_millis()
    );
    stage.origin_is_free(revoked).await;
    let causes = stage.causes(before, WAYS.len()).await;
    assert_eq!(causes, ["permit"; WAYS.len()]);

    let before = stage.world.ends().await.len();
    let request = stage.world.ask("Database").await;
    marta
        .approve(request.id, &hourkey_protocol::access::Approve::default())
        .await
        .unwrap();
    let running = streams(&stage).await;
    stage.world.gateway.kill().unwrap();
    let killed = Instant::now();
    are_cut(running, "The gateway was lost").await;
    println!(
        "gateway killed: cut after {} ms",
        killed.elapsed().as_millis()
    );
    stage.origin_is_free(killed).await;
    stage.world.gateway.resume().await.unwrap();
    let causes = stage.causes(before, WAYS.len()).await;
    assert_eq!(causes, ["lost"; WAYS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_has_said_all_is_told_all() {
    let stage = Stage::new().await;
    let upload = vec![b'x'; 5_000_000];
    let mut taken = 0;
    for way in [Way::Connect, Way::Socks, Way::Forward, Way::Command] {
        let mut caller = stage.request(way, "GET", "/takes", "").await;
        caller.hears(DONE.len()).await;
        caller.says(&upload).await;
        caller.is_done().await;
        let (_, in_order) = caller.hears_the_rest().await;
        assert!(in_order, "{way:?}");
        taken += upload.len();
        eventually("all of it", async || match stage.puppet.taken() {
            found if found == taken => Ok(()),
            found => Err(format!("{way:?}: {found} of {taken} bytes")),
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
    let stage = Stage::new().await;
    for method in ["GET", "POST"] {
        let more = "Content-Length: 0\r\n";
        let mut caller = stage.request(Way::Http, method, "/once", more).await;
        caller.hears(DONE.len()).await;
        // No condition but time itself: a second after an answer, its destination may have closed.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let more = "Content-Length: 0\r\nConnection: close\r\n";
        let mut caller = caller
            .requests(&stage.puppet, Way::Http, [method, "/done", more])
            .await;
        let (heard, in_order) = caller.hears_the_rest().await;
        assert!(in_order && heard.ends_with("done"), "{method}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_proxy_passes_no_half_for_the_whole() {
    let stage = Stage::new().await;
    let more = "Transfer-Encoding: chunked\r\n";
    let mut callers = Vec::new();
    for way in [Way::Http, Way::Connect, Way::Socks] {
        let mut upload = stage.request(way, "POST", "/sink", more).await;
        upload.says(b"5\r\nhello\r\n").await;
        callers.push(upload);
        callers.push(stage.request(way, "GET", "/hold", "").await);
    }
    stage.ways.stop();
    stage.origin_is_free(Instant::now()).await;
    assert_eq!(stage.puppet.resets(), callers.len());
}

/// A connection by each way that receives.
async fn streams(stage: &Stage) -> Vec<(Way, Caller)> {
    let mut running = Vec::new();
    for way in WAYS {
        let mut caller = stage.request(way, "GET", "/stream", "").await;
        caller.hears(200).await;
        running.push((way, caller));
    }
    running
}

/// All of them end, and not as if they were whole; the command says why.
async fn are_cut(running: Vec<(Way, Caller)>, why: &str) {
    for (way, mut caller) in running {
        let (_, in_order) = caller.hears_the_rest().await;
        assert!(!in_order || way == Way::Command, "{way:?}");
        if let Some((code, said)) = caller.came_to().await {
            assert_eq!(code, 1);
            assert!(said.contains(why), "{said}");
        }
    }
}
