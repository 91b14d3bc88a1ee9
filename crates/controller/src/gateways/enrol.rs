//! Adding, enrolling and removing gateways.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::device::request;
use hourkey_access::identity::secret::{digest, new_secret};
use hourkey_access::resource_rows::rows;
use hourkey_domain::Time;
use hourkey_domain::address::Host;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{GatewayId, NetworkId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_pki::{Request, Subject as CertificateSubject};
use hourkey_protocol::device::{Gateway as Shown, Network, Networks};
use hourkey_protocol::gateway::{Certificate, Enrol, Enrolment};
use hourkey_protocol::problem::Code;
use hourkey_store::gateway::{Gateway, NewGateway};
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Store, StoreError, Write, transact};
use serde_json::{Value, json};

/// How long a token waits for its gateway.
pub const TOKEN: TimeDelta = TimeDelta::hours(24);

/// How long a gateway's certificate is valid.
const CERTIFICATE: TimeDelta = TimeDelta::days(7);

/// Adds a gateway of a network, and returns the token that enrols it: once, within [`TOKEN`].
///
/// # Errors
/// A sentence for the terminal.
pub async fn add(
    store: &Arc<dyn Store>,
    name: &str,
    network: &str,
    address: &str,
    now: Time,
) -> anyhow::Result<String> {
    check_address(address)?;
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        bail!("a gateway needs a name, on one line");
    }
    let (token, its_digest) = new_secret();
    let (name, network, address) = (name.to_owned(), network.to_owned(), address.to_owned());
    transact(store, Room::Usual, move |tx| {
        Box::pin(async move {
            let networks = tx.organisation().await?.networks;
            let known = networks.iter().find(|it| it.name == network);
            let Some(known) = known else {
                let names: Vec<_> = networks.iter().map(|it| it.name.as_str()).collect();
                bail!(
                    "there is no network {network:?}; there are: {}",
                    names.join(", ")
                );
            };
            let new = NewGateway {
                name: name.clone(),
                network: known.id,
                address: address.clone(),
            };
            let id = match tx.insert_gateway(new).await {
                Err(StoreError::Duplicate(_)) => bail!("there is a gateway {name:?} already"),
                added => added?,
            };
            tx.set_gateway_token(id, its_digest, now + TOKEN).await?;
            let detail = json!({ "name": name, "network": network, "address": address });
            record(tx, id, AuditAction::GatewayAdded, detail, now).await?;
            anyhow::Ok(())
        })
    })
    .await?;
    Ok(token)
}

/// Removes a gateway: it is fed nothing any more, and cuts everything.
///
/// # Errors
/// A sentence for the terminal.
pub async fn remove(store: &Arc<dyn Store>, name: &str, now: Time) -> anyhow::Result<()> {
    let name = name.to_owned();
    transact(store, Room::Kept, move |tx| {
        Box::pin(async move {
            let gateways = tx.gateways().await?;
            let found = gateways.into_iter().find(|it| it.name == name);
            let gateway = found.with_context(|| format!("there is no gateway {name:?}"))?;
            tx.remove_gateway(gateway.id).await?;
            let detail = json!({ "name": name });
            record(tx, gateway.id, AuditAction::GatewayRemoved, detail, now).await?;
            anyhow::Ok(())
        })
    })
    .await
}

/// Enrols the gateway whose token this is.
///
/// # Errors
/// [`Code::Unauthenticated`] for a token that is unknown, used or expired; [`Code::Malformed`].
pub async fn enrol(app: &App, call: Enrol) -> Result<Enrolment, AppError> {
    let request = request(&call.request)?;
    let key = request.fingerprint();
    let token = digest(&call.token);
    let (credential, its_digest) = new_secret();
    let (gateway, network) = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let found = tx.gateway_by_token(token, now).await?;
                let gateway = found.ok_or_else(|| {
                    AppError::refused(
                        Code::Unauthenticated,
                        "This token is unknown, was used already, or has expired. Make another: \
                         hourkey-controller gateway add.",
                    )
                })?;
                tx.enrol_gateway(gateway.id, its_digest, &key).await?;
                let detail = json!({ "key": key });
                record(tx, gateway.id, AuditAction::GatewayEnrolled, detail, now).await?;
                let network = tx.network_name(gateway.network).await?.unwrap_or_default();
                Ok((gateway, network))
            })
        })
        .await?;
    Ok(Enrolment {
        gateway: gateway.id,
        certificate: certificate(app, &gateway, &request)?,
        name: gateway.name,
        network,
        credential,
    })
}

/// Issues a gateway's certificate anew, for the key that it enrolled with.
///
/// # Errors
/// [`Code::Malformed`]; [`Code::Forbidden`] for another key.
pub fn renew(app: &App, gateway: &Gateway, pem: &str) -> Result<Certificate, AppError> {
    let request = request(pem)?;
    if gateway.key.as_deref() != Some(request.fingerprint().as_str()) {
        return Err(AppError::refused(
            Code::Forbidden,
            "This is not the key that the gateway enrolled with. Enrol it anew.",
        ));
    }
    certificate(app, gateway, &request)
}

fn certificate(app: &App, gateway: &Gateway, request: &Request) -> Result<Certificate, AppError> {
    let (host, _) = split(&gateway.address).context("a gateway's address is damaged")?;
    let subject = CertificateSubject::Gateway(gateway.id);
    let authorities = &app.authorities;
    let now = app.clock.now();
    let issued = authorities
        .gateways
        .issue(request, subject, Some(host), CERTIFICATE, now)
        .map_err(anyhow::Error::from)?;
    Ok(Certificate {
        certificate: issued.certificate,
        expires_at: issued.expires_at,
        devices_authority: authorities.devices.certificate().to_owned(),
    })
}

/// The networks of what a person sees, with the gateways that have enrolled.
///
/// # Errors
/// The store's failure.
pub async fn networks(app: &App, user: UserId) -> Result<Networks, AppError> {
    let gateways = app.store.read().await?.gateways().await?;
    let organisation = app.organisation().await?;
    let rows = rows(&organisation, user, None, app.clock.now());
    let mut seen: Vec<NetworkId> = rows.iter().map(|row| row.network).collect();
    seen.sort_unstable();
    seen.dedup();
    let seen = seen.into_iter();
    Ok(Networks {
        networks: seen
            .map(|id| network(&organisation, &gateways, id))
            .collect(),
        authority: app.authorities.gateways.certificate().to_owned(),
    })
}

fn network(organisation: &Organisation, gateways: &[Gateway], id: NetworkId) -> Network {
    let here = gateways
        .iter()
        .filter(|gateway| gateway.network == id && gateway.key.is_some());
    let gateways = here.map(|gateway| Shown {
        id: gateway.id,
        name: gateway.name.clone(),
        address: gateway.address.clone(),
        key: gateway.key.clone(),
    });
    let named = organisation.network(id);
    Network {
        id,
        name: named.map(|it| it.name.clone()).unwrap_or_default(),
        gateways: gateways.collect(),
    }
}

async fn record(
    tx: &mut dyn Write,
    gateway: GatewayId,
    action: AuditAction,
    detail: Value,
    at: Time,
) -> Result<(), StoreError> {
    let entry = Entry {
        at,
        actor: None,
        action,
        subject: Subject::Gateway { gateway },
        detail,
    };
    tx.record(entry).await.map(|_| ())
}

/// Host and port of an address; the host of an IPv6 address without its brackets.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some((host, port))
}

fn check_address(address: &str) -> anyhow::Result<()> {
    let host = split(address).map(|(host, _)| host.parse::<Host>());
    if !matches!(host, Some(Ok(_))) {
        bail!(
            "{address:?} is no address of a gateway: write where clients reach it, as \
             gw.example.org:8443"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["gw.corp.example:8443", "10.0.0.1:443", "[fd00::1]:8443"] {
            assert!(check_address(good).is_ok(), "{good}");
        }
        for bad in ["gw.corp.example", "gw:0", "gw:70000", ":8443", "a b:1", ""] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
        assert_eq!(split("[fd00::1]:8443"), Some(("fd00::1", 8443)));
    }
}
