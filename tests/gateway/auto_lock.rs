//! What auto-locks, end to end: used through a gateway, locked once it is not, and unlocked.

use std::time::Duration;

use hourkey_domain::lock::LockState;
use hourkey_protocol::access::NewUnlock;
use hourkey_testkit::poll::eventually;

use crate::connection::Connection;
use crate::faults::get;
use crate::origin::PAGE;
use crate::test_env::TestEnv;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn a_use_keeps_it_open_and_disuse_locks_it() {
    let env = TestEnv::new().await;
    let opened = locks_at(&env).await.unwrap();
    let local_proxy = env.local_proxy().await;
    let name = "archive.corp.example";
    assert!(get(&local_proxy, name).await.unwrap().ends_with(PAGE));
    // The clock goes on in between, so that a use is seen to count. The gateway hears of it with
    // the next ping.
    env.clock.advance(Duration::from_secs(3_600)).unwrap();
    eventually("a later lock", async || {
        assert!(get(&local_proxy, name).await.unwrap().ends_with(PAGE));
        let then = locks_at(&env).await.ok_or("locked")?;
        let later = then - opened;
        (later.num_minutes() >= 59)
            .then_some(())
            .ok_or(later.to_string())
    })
    .await
    .unwrap();

    env.clock.advance(DAY).unwrap();
    assert_eq!(locks_at(&env).await, None);
    eventually("a redirect instead of the page", async || {
        let text = get(&local_proxy, name).await.unwrap();
        let redirected = text.starts_with("HTTP/1.1 302");
        redirected.then_some(()).ok_or(text)
    })
    .await
    .unwrap();

    let root = env.session("root").await;
    let unlock = NewUnlock {
        login: "ada".to_owned(),
        resource: env.resource("Archive").await.id,
        comment: String::new(),
    };
    root.unlock(&unlock).await.unwrap();
    eventually("the page", async || {
        let text = get(&local_proxy, name).await.unwrap();
        text.ends_with(PAGE).then_some(()).ok_or(text)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_carries_nothing_keeps_nothing_open() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let idle = Connection::to(&local_proxy, "archive.corp.example:80").await;
    let idle = idle.unwrap();
    eventually("its start to count", async || {
        let touched = env.resource("Archive").await.last_touched;
        touched.ok_or("not reported yet")
    })
    .await
    .unwrap();
    let until = locks_at(&env).await;
    let (ended, archive) = (env.ends().await.len(), env.resource("Archive").await.id);

    // It is closed most of the day later, as the gateway's other connections show.
    env.clock.advance(DAY * 5 / 6).unwrap();
    let wiki = "wiki.corp.example";
    let before = until.unwrap();
    eventually("a use of the wiki, most of the day later", async || {
        assert!(get(&local_proxy, wiki).await.unwrap().ends_with(PAGE));
        let touched = env.resource("Wiki").await.last_touched.ok_or("never")?;
        let left = before - touched;
        (left.num_hours() < 5)
            .then_some(())
            .ok_or("the clock of before")
    })
    .await
    .unwrap();
    let of_archive = async || {
        let ends = env.ends().await.into_iter().skip(ended);
        ends.filter(|(resource, _)| *resource == archive.0).count()
    };
    assert_eq!(of_archive().await, 0);
    drop(idle);
    eventually("its end", async || {
        let ends = of_archive().await;
        (ends == 1).then_some(()).ok_or(ends)
    })
    .await
    .unwrap();
    assert_eq!(locks_at(&env).await, until);
}

/// When the archive locks for Ada; `None` once it has.
async fn locks_at(env: &TestEnv) -> Option<hourkey_domain::Time> {
    match env.resource("Archive").await.lock {
        LockState::Open { locks_at } => locks_at,
        _ => None,
    }
}
