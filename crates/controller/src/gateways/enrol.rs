//! Enrolling gateways, and what clients are told of them.

use anyhow::Context as _;
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::gateways;
use hourkey_access::identity::device::request;
use hourkey_access::identity::secret::new_secret;
use hourkey_access::resource_rows::rows;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{NetworkId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_pki::{Request, Subject as CertificateSubject};
use hourkey_protocol::device::{Gateway as Shown, Network, Networks};
use hourkey_protocol::gateway::{Certificate, Enrol, Enrolment};
use hourkey_protocol::problem::Code;
use hourkey_store::Room;
use hourkey_store::gateway::Gateway;
use serde_json::json;

/// How long a gateway's certificate is valid.
const CERTIFICATE: TimeDelta = TimeDelta::days(7);

/// Enrols the gateway whose token this is.
///
/// # Errors
/// [`Code::Unauthenticated`] for a token that is unknown, used or expired; [`Code::Malformed`].
pub async fn enrol(app: &App, call: Enrol) -> Result<Enrolment, AppError> {
    let request = request(&call.request)?;
    let key = request.fingerprint();
    let token = call.token;
    let (credential, its_digest) = new_secret();
    let (gateway, network) = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let gateway = gateways::by_token(tx, &token, now).await?;
                tx.enrol_gateway(gateway.id, its_digest, &key).await?;
                let detail = json!({ "key": key });
                gateways::record(
                    tx,
                    gateway.id,
                    AuditAction::GatewayEnrolled,
                    detail,
                    None,
                    now,
                )
                .await?;
                let network = tx.network_name(gateway.network).await?.unwrap_or_default();
                Ok((gateway, network))
            })
        })
        .await?;
    Ok(Enrolment {
        gateway: gateway.id,
        certificate: certificate(app, &gateway, &request).await?,
        name: gateway.name,
        network,
        credential,
    })
}

/// Issues a gateway's certificate anew, for the key that it enrolled with.
///
/// # Errors
/// [`Code::Malformed`]; [`Code::Forbidden`] for another key.
pub async fn renew(app: &App, gateway: &Gateway, pem: &str) -> Result<Certificate, AppError> {
    let request = request(pem)?;
    if gateway.key.as_deref() != Some(request.fingerprint().as_str()) {
        return Err(AppError::refused(
            Code::Forbidden,
            "This is not the key that the gateway enrolled with. Enrol it anew.",
        ));
    }
    certificate(app, gateway, &request).await
}

async fn certificate(
    app: &App,
    gateway: &Gateway,
    request: &Request,
) -> Result<Certificate, AppError> {
    let (host, _) = gateways::split(&gateway.address).context("a gateway's address is damaged")?;
    let subject = CertificateSubject::Gateway(gateway.id);
    let authorities = &app.authorities;
    let now = app.clock.now();
    let issued = authorities
        .gateways
        .issue(request, subject, Some(host), CERTIFICATE, now)
        .map_err(anyhow::Error::from)?;
    let (id, until) = (gateway.id, issued.expires_at);
    app.transact(Room::Kept, move |tx, _| {
        Box::pin(async move { Ok(tx.set_gateway_certificate(id, until).await?) })
    })
    .await?;
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
