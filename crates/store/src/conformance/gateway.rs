//! Gateways: their tokens and credentials.

use std::sync::Arc;

use hourkey_domain::ids::{GatewayId, NetworkId};

use super::sample::at;
use super::{refuse, write};
use crate::gateway::{Gateway, NewGateway};
use crate::{Store, StoreError};

fn new(network: NetworkId) -> NewGateway {
    NewGateway {
        name: "gw-1".to_owned(),
        network,
        address: "gw.corp.example:8443".to_owned(),
    }
}

/// A gateway with the token `[1; 32]`, good until the tenth second.
async fn added(store: &Arc<dyn Store>) -> Gateway {
    let network = write!(store, |tx| tx.insert_network("corp").await);
    let id = write!(store, |tx| {
        let id = tx.insert_gateway(new(network)).await?;
        tx.set_gateway_token(id, [1; 32], at(10)).await?;
        Ok(id)
    });
    let NewGateway { name, address, .. } = new(network);
    Gateway {
        id,
        name,
        network,
        address,
        key: None,
        certificate_until: None,
    }
}

/// The token finds its gateway until it expires or is used; then the credential does.
pub async fn a_gateway_enrols_once(store: Arc<dyn Store>) {
    let gateway = added(&store).await;
    let id = gateway.id;
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.gateway_by_token([1; 32], at(9)).await.unwrap(),
        Some(gateway.clone())
    );
    assert_eq!(read.gateway_by_token([1; 32], at(10)).await.unwrap(), None);
    assert_eq!(read.gateway_by_token([2; 32], at(9)).await.unwrap(), None);
    assert_eq!(
        read.gateways().await.unwrap(),
        std::slice::from_ref(&gateway)
    );
    drop(read);

    let key = "cd".repeat(32);
    let kept = key.clone();
    write!(store, |tx| {
        tx.enrol_gateway(id, [3; 32], &kept).await?;
        tx.set_gateway_certificate(id, at(20)).await
    });
    let enrolled = Gateway {
        key: Some(key),
        certificate_until: Some(at(20)),
        ..gateway
    };
    let mut read = store.read().await.unwrap();
    assert_eq!(read.gateway_by_token([1; 32], at(9)).await.unwrap(), None);
    assert_eq!(
        read.gateway_by_credential([3; 32]).await.unwrap(),
        Some(enrolled.clone())
    );
    assert_eq!(read.gateway(id).await.unwrap(), Some(enrolled));
    assert_eq!(read.gateway_by_credential([1; 32]).await.unwrap(), None);
}

/// What is removed has no token and no credential, and gives its name free.
pub async fn a_removed_gateway_is_unknown(store: Arc<dyn Store>) {
    let gateway = added(&store).await;
    let (id, network) = (gateway.id, gateway.network);
    let error = refuse!(store, |tx| tx.insert_gateway(new(network)).await);
    assert!(
        matches!(&error, StoreError::Duplicate(rule) if rule == "gateway.name"),
        "{error}"
    );
    write!(store, |tx| {
        tx.enrol_gateway(id, [3; 32], &"cd".repeat(32)).await?;
        tx.set_gateway_token(id, [4; 32], at(10)).await?;
        tx.remove_gateway(id).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.gateway(id).await.unwrap(), None);
    assert_eq!(read.gateways().await.unwrap(), []);
    assert_eq!(read.gateway_by_token([4; 32], at(0)).await.unwrap(), None);
    assert_eq!(read.gateway_by_credential([3; 32]).await.unwrap(), None);
    drop(read);
    let again = write!(store, |tx| tx.insert_gateway(new(network)).await);
    assert!(again > id);

    let unknown = GatewayId(99);
    for error in [
        refuse!(store, |tx| tx.remove_gateway(id).await),
        refuse!(store, |tx| tx
            .set_gateway_token(unknown, [5; 32], at(0))
            .await),
        refuse!(store, |tx| tx.insert_gateway(new(NetworkId(99))).await),
    ] {
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
    }
}
