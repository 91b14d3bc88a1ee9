//! Connections, and what follows from them.

use std::sync::Arc;

use hourkey_domain::ids::{DeviceId, GatewayId};
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::Ended;

use super::sample::{Sample, at, sample};
use super::write;
use crate::Store;
use crate::account::NewSession;
use crate::device::NewDevice;
use crate::gateway::NewGateway;
use crate::usage::{Connection, End, Kept};

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
    for (report, expected) in [
        (&open, Kept::New),
        (&open, Kept::Known),
        (&ended, Kept::Ended),
        (&open, Kept::Known),
        (&later, Kept::Known),
    ] {
        let report = report.clone();
        let kept = write!(store, |tx| tx.keep_connection(report).await);
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

/// The last use is the newest start or end, per user and resource.
pub async fn the_last_use_is_the_newest(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (gateway, device) = connected(&store, &sample).await;
    let connection = |id: &str, start, end: Option<i64>| Connection {
        gateway,
        id: id.repeat(16),
        user: sample.member,
        device,
        resource: sample.resource,
        started_at: at(start),
        end: end.map(|end| End {
            at: at(end),
            why: Ended::Closed,
            sent: 0,
            received: 0,
        }),
    };
    let last = async || {
        let mut read = store.read().await.unwrap();
        read.last_used(sample.member, None).await.unwrap()
    };
    assert_eq!(last().await, []);
    for (report, expected) in [
        (connection("01", 50, None), 50),
        (connection("02", 10, Some(20)), 50),
        (connection("01", 50, Some(70)), 70),
    ] {
        write!(store, |tx| tx.keep_connection(report).await);
        assert_eq!(last().await, [(sample.resource, at(expected))]);
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.last_used(sample.reviewer, None).await.unwrap(), []);
    let resource = Some(sample.resource);
    let one = read.last_used(sample.member, resource).await.unwrap();
    assert_eq!(one.len(), 1);
}
