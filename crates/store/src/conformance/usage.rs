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
        let goes_on = match kept {
            ReportOutcome::New | ReportOutcome::Used => vec![(gateway, 1)],
            ReportOutcome::Unchanged | ReportOutcome::Ended => continue,
        };
        let open = store.read().await.unwrap().open_connections().await;
        assert_eq!(open.unwrap(), goes_on);
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.open_connections().await.unwrap(), []);
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

/// The count of unused days starts when the member came into the group, or when the assignment came
/// to auto-lock first, whatever is later: no row is kept for each of them.
pub async fn counts_start_with_the_member_and_the_assignment(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (member, reviewer) = (sample.member, sample.reviewer);
    let noted = async |minute| write!(store, |tx| tx.start_counts(at(minute)).await);
    let from = async |user| {
        let mut read = store.read().await.unwrap();
        let found = read.reachable(user, Some(sample.resource)).await.unwrap();
        let own = found.first().and_then(|found| found.assignments.first());
        own.and_then(|own| own.counts_from)
    };
    let set = async |mode| {
        let assignment = sample.assignment;
        write!(store, |tx| {
            let mut assignment = tx.assignment(assignment).await?.unwrap();
            assignment.own.mode = mode;
            tx.update_assignment(assignment).await
        });
    };
    noted(1).await;
    assert_eq!(from(member).await, None, "nothing auto-locks");
    set(Some(Mode::AutoLock)).await;
    assert_eq!(from(member).await, None, "nobody noted it");
    noted(2).await;
    noted(3).await;
    assert_eq!(from(member).await, Some(at(2)));

    let group = sample.group;
    write!(store, |tx| {
        let mut group = tx.group(group).await?.unwrap();
        group.members.push(reviewer);
        tx.update_group(group).await
    });
    noted(4).await;
    assert_eq!(from(reviewer).await, Some(at(4)), "a member who came");
    assert_eq!(from(member).await, Some(at(2)), "one who stayed");

    // A count that ran out stays so, whatever the mode was in between.
    set(Some(Mode::Standing)).await;
    noted(5).await;
    set(Some(Mode::AutoLock)).await;
    noted(6).await;
    assert_eq!(from(member).await, Some(at(2)), "not anew");

    let other = sample.other_resource;
    write!(store, |tx| {
        let (mut resource, _) = tx.resource(other).await?.unwrap();
        resource.settings.mode = Mode::AutoLock;
        tx.update_resource(resource).await
    });
    noted(7).await;
    let mut read = store.read().await.unwrap();
    let by_resource = read.assignments_of(other).await.unwrap();
    assert_eq!(by_resource.first().unwrap().auto_locks_since, Some(at(7)));
    let resource = sample.resource;

    let mut read = store.read().await.unwrap();
    let joined = read.joined(group).await.unwrap();
    assert_eq!(joined.of(member), Some(at(1)));
    assert_eq!(joined.of(reviewer), Some(at(4)));
    let whole = read.organisation().await.unwrap();
    let of_all = whole.joined.iter().find(|(id, _)| *id == group);
    assert_eq!(of_all, Some(&(group, joined)));
    let assignments = read.assignments_of(resource).await.unwrap();
    let to_it = whole
        .assignments
        .into_iter()
        .filter(|own| own.resource == resource);
    assert_eq!(assignments, to_it.collect::<Vec<_>>());
    assert_eq!(assignments.first().unwrap().auto_locks_since, Some(at(2)));
    assert_eq!(history(&store, member).await, [], "no row is kept");
}

/// An unlock starts the count of one user and resource again.
pub async fn an_unlock_restarts_a_count(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (user, resource) = (sample.member, sample.resource);
    for minute in [9, 12] {
        write!(store, |tx| tx
            .restart_count(user, resource, Some(at(minute)))
            .await);
        let found = history(&store, user).await;
        let [(of, known)] = found.as_slice() else {
            panic!("one history: {found:?}");
        };
        assert_eq!((*of, known.last_used()), (resource, Some(at(minute))));
    }
    assert_eq!(history(&store, sample.reviewer).await, []);
}

async fn history(store: &Arc<dyn Store>, user: UserId) -> Vec<(ResourceId, AccessHistory)> {
    let mut read = store.read().await.unwrap();
    read.access_history(user, None).await.unwrap()
}

/// Connections that started while it was unlocked by mistake count for nothing, whenever they are reported;
/// others do, and all are kept.
pub async fn what_is_forgotten_restarts_no_count(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (gateway, device) = connected(&store, &sample).await;
    let (user, resource) = (sample.member, sample.resource);
    let used = async |digit: char, started: i64, until: i64| {
        let connection = Connection {
            gateway,
            id: digit.to_string().repeat(32),
            user,
            device,
            resource,
            started_at: at(started),
            end: None,
        };
        write!(store, |tx| tx
            .record_connection(connection, at(until))
            .await);
        let found = history(&store, user).await;
        found.first().and_then(|(_, history)| history.used_at)
    };
    for (before, first) in [(None, '1'), (Some(at(2)), '2')] {
        assert_eq!(used(first, 10, 11).await, Some(at(11)));
        write!(store, |tx| tx
            .forget_uses((user, resource), (at(10), at(12)), before)
            .await);
        let found = history(&store, user).await;
        let kept = found.first().and_then(|(_, history)| history.used_at);
        assert_eq!(kept, before);
        // Its end, and one that was not known yet.
        assert_eq!(used(first, 10, 20).await, before);
        assert_eq!(used('3', 12, 14).await, before);
        write!(store, |tx| tx
            .forget_uses((user, resource), (at(10), at(9)), None)
            .await);
    }
    assert_eq!(used('4', 13, 15).await, Some(at(15)));
    let mut read = store.read().await.unwrap();
    let all = read.connections(user, resource, at(0), at(60), 9).await;
    assert_eq!(all.unwrap().len(), 4);
}
