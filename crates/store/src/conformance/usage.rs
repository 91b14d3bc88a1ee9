//! Connections, and what follows from them.

use std::sync::Arc;

use hourkey_domain::ids::{DeviceId, GatewayId, ResourceId, UserId};
use hourkey_domain::settings::Mode;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::Ended;

use super::sample::{Sample, at, sample};
use super::write;
use crate::Store;
use crate::access::AccessHistory;
use crate::account::NewSession;
use crate::device::NewDevice;
use crate::gateway::NewGateway;
use crate::usage::{Connection, End, ReportOutcome};

/// A gateway and a device of the sample's member.
async fn connected(store: &Arc<dyn Store>, sample: &Sample) -> (GatewayId, DeviceId) {
    let (network, user) = (sample.network, sample.member);
    write!(store, |tx| {
        let gateway = tx
            .insert_gateway(NewGateway {
                name: "gw-1".to_owned(),
                network,
                address: "gw.corp.example:8443".to_owned(),
            })
            .await?;
        let session = tx
            .insert_session(NewSession {
                user,
                kind: SessionKind::Desktop,
                label: "Hourkey".to_owned(),
                created_at: at(0),
                ends_at: at(60),
                cookie: None,
            })
            .await?;
        let device = tx
            .insert_device(NewDevice {
                session,
                name: "laptop".to_owned(),
                key: "ab".repeat(32),
                created_at: at(0),
            })
            .await?;
        Ok((gateway, device))
    })
}

/// A connection is kept at its start and at its end, each once, however often it is reported.
pub async fn a_connection_is_kept_once(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (gateway, device) = connected(&store, &sample).await;
    let open = Connection {
        gateway,
        id: "0a".repeat(16),
        user: sample.member,
        device,
        resource: sample.resource,
        started_at: at(10),
        end: None,
    };
    let end = End {
        at: at(20),
        why: Ended::Permit,
        sent: 3,
        received: u64::from(u32::MAX) + 1,
    };
    let ended = Connection {
        end: Some(end),
        ..open.clone()
    };
    let later = Connection {
        end: Some(End { at: at(30), ..end }),
        ..open.clone()
    };
    for (report, used_at, expected) in [
        (&open, 10, ReportOutcome::New),
        (&open, 10, ReportOutcome::Unchanged),
        (&open, 15, ReportOutcome::Used),
        (&open, 12, ReportOutcome::Unchanged),
        (&ended, 20, ReportOutcome::Ended),
        (&open, 25, ReportOutcome::Unchanged),
        (&later, 30, ReportOutcome::Unchanged),
    ] {
        let report = report.clone();
        let kept = write!(store, |tx| tx.record_connection(report, at(used_at)).await);
        assert_eq!(kept, expected);
    }
    let mut read = store.read().await.unwrap();
    let (user, resource) = (sample.member, sample.resource);
    let found = read.connections(user, resource, at(0), at(99), 9).await;
    assert_eq!(found.unwrap(), [ended]);
    for (from, until) in [(at(21), at(99)), (at(0), at(10))] {
        let found = read.connections(user, resource, from, until, 9).await;
        assert_eq!(found.unwrap(), [], "before or after");
    }
}

/// The last use is the newest one reported, per user and resource.
pub async fn the_last_use_is_the_newest(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (gateway, device) = connected(&store, &sample).await;
    let connection = |id: &str, start| Connection {
        gateway,
        id: id.repeat(16),
        user: sample.member,
        device,
        resource: sample.resource,
        started_at: at(start),
        end: None,
    };
    assert_eq!(history(&store, sample.member).await, []);
    for (report, used, expected) in [
        (connection("01", 50), 50, 50),
        (connection("02", 10), 20, 50),
        (connection("01", 50), 70, 70),
    ] {
        write!(store, |tx| tx.record_connection(report, at(used)).await);
        let known = AccessHistory {
            used_at: Some(at(expected)),
            ..AccessHistory::default()
        };
        assert_eq!(
            history(&store, sample.member).await,
            [(sample.resource, known)]
        );
        assert_eq!(known.last_used(), Some(at(expected)));
    }
    assert_eq!(history(&store, sample.reviewer).await, []);
}

/// Unused days are counted from when a resource was first assigned under auto-lock, from the last
/// unlock, or from the last use: whatever is the latest.
pub async fn unused_days_are_counted_from_the_latest(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let count = |minute| {
        let store = Arc::clone(&store);
        async move { write!(store, |tx| tx.start_counts(at(minute)).await) }
    };
    count(1).await;
    assert_eq!(
        history(&store, sample.member).await,
        [],
        "nothing auto-locks"
    );
    write!(store, |tx| {
        let organisation = tx.organisation().await?;
        for mut assignment in organisation.assignments {
            if assignment.id == sample.assignment {
                assignment.own.mode = Some(Mode::AutoLock);
                tx.update_assignment(assignment).await?;
            }
        }
        Ok(())
    });
    count(2).await;
    count(3).await;
    let counted = async || {
        let found = history(&store, sample.member).await;
        found
            .iter()
            .map(|(resource, history)| (*resource, history.last_used()))
            .collect::<Vec<_>>()
    };
    assert_eq!(counted().await, [(sample.resource, Some(at(2)))]);
    let (user, resource) = (sample.member, sample.resource);
    write!(store, |tx| tx.restart_count(user, resource, at(9)).await);
    count(10).await;
    assert_eq!(counted().await, [(sample.resource, Some(at(9)))]);
    assert_eq!(history(&store, sample.reviewer).await, []);
}

async fn history(store: &Arc<dyn Store>, user: UserId) -> Vec<(ResourceId, AccessHistory)> {
    let mut read = store.read().await.unwrap();
    read.access_history(user, None).await.unwrap()
}
