//! Wrong wall clocks (rule 13).

use std::time::Duration;

use hourkey_testkit::poll::eventually;

use crate::connection::Connection;
use crate::origin::QUIET;
use crate::test_env::TestEnv;

const LONG_AGO: &str = "@2001-01-01 00:00:00";
const FAR_AHEAD: &str = "@2101-01-01 00:00:00";

/// A wrapper that gives a program this wall clock. The clock that counts on is not its matter.
fn faketime(wall_clock: &str) -> [&str; 5] {
    ["env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", wall_clock]
}

/// Certificates are good for a day, and grants for an hour, by the controller's time: neither a
/// gateway nor a local proxy that is decades off keeps anybody out, or lets anybody stay.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_wall_clocks_change_nothing() {
    for (at_gateway, at_entry) in [(LONG_AGO, FAR_AHEAD), (FAR_AHEAD, LONG_AGO)] {
        let mut env = TestEnv::new().await;
        env.gateway.kill().unwrap();
        env.gateway.wrap(&faketime(at_gateway));
        env.gateway.resume().await.unwrap();
        let year = &at_gateway[1..5];
        eventually("a wrong time in its log", async || {
            env.gateway.log().contains(year)
        })
        .await
        .unwrap();
        let local_proxy = env.local_proxy_by(&faketime(at_entry)).await;

        for _ in 0..2 {
            env.open("Logs").await;
            let mut connection = Connection::open(&local_proxy, QUIET).await;
            connection.goes_on().await;
            env.clock.advance(Duration::from_secs(3_601)).unwrap();
            connection.ends().await;
            env.ended_because("permit").await;
            eventually("the end at the origin", async || env.origin.open() == 0)
                .await
                .unwrap();
        }
    }
}
