//! Everything that runs, from start to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use hourkey_clock::{BootClock, Clock};
use hourkey_protocol::gateway::{Certificate, Renew};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::control;
use crate::dial::Dialer;
use crate::enrol::Controller;
use crate::gate::Gate;
use crate::lease::{Lease, Pace};
use crate::listen;
use crate::state::State;
use crate::time::ServerTime;
use crate::tls::Tls;
use crate::tunnel::Tunnels;
use crate::usage::{self, Usage};

/// How often it is looked whether the certificate has to be renewed.
const LOOK: Duration = Duration::from_secs(60);

/// A certificate is renewed when less than this is left of its week.
const RENEW: TimeDelta = TimeDelta::hours(56);

/// How often names are looked up anew.
const LOOK_UP: Duration = Duration::from_secs(30);

/// Runs the gateway of a state folder until `stop` is cancelled.
///
/// # Errors
/// When it has not enrolled, its settings have a mistake, or it cannot listen.
pub async fn serve(folder: &Path, stop: CancellationToken) -> anyhow::Result<()> {
    let config = Config::load(folder)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    serve_at(Pace::default(), folder, config, listener, stop).await
}

/// [`serve`], with times and a socket of the caller's choice.
///
/// # Errors
/// As [`serve`].
pub async fn serve_at(
    pace: Pace,
    folder: &Path,
    config: Config,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let state = State::load(folder)?;
    let address: SocketAddr = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(BootClock);
    let time = Arc::new(ServerTime::new(Arc::clone(&clock)));
    let (gate, moves) = Gate::new(Lease::new(clock, pace), Arc::clone(&time));
    let tls = Arc::new(Tls::new(&state, Arc::clone(&time))?);
    let dialer = Arc::new(Dialer::new(config.hosts, address));
    let (usage, reported) = Usage::new(Arc::clone(&time));
    let controller = Controller::of(&state)?;
    tracing::info!(
        gateway.name = state.enrolment.name,
        network.name = state.enrolment.network,
        listen = %address,
        "the gateway starts"
    );
    let tunnels = Arc::new(Tunnels {
        gate: Arc::clone(&gate),
        tls: Arc::clone(&tls),
        dialer: Arc::clone(&dialer),
        usage,
    });
    tokio::spawn(tick(Arc::clone(&gate), pace, stop.clone()));
    tokio::spawn(look_up(Arc::clone(&gate), dialer, stop.clone()));
    tokio::spawn(renew(
        folder.to_owned(),
        state,
        controller.clone(),
        tls,
        time,
        stop.clone(),
    ));
    let following = control::run(
        controller.clone(),
        Arc::clone(&gate),
        moves,
        pace,
        stop.clone(),
    );
    tokio::spawn(following);
    let last = CancellationToken::new();
    let reporting = usage::run(folder, controller, reported, last.clone());
    let listening = async {
        let listened = listen::listen(listener, tunnels, stop.clone()).await;
        gate.close();
        // The flows see that they are cut, and say so.
        tokio::time::sleep(Duration::from_millis(50)).await;
        last.cancel();
        listened
    };
    let (listened, reported) = tokio::join!(listening, reporting);
    tracing::info!("the gateway stops");
    listened.and(reported)
}

/// Looks at the clock, and cuts what is due.
async fn tick(gate: Arc<Gate>, pace: Pace, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(pace.tick);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        gate.lease.tick();
        gate.reap();
    }
}

/// Keeps what exact names resolve to (rule 9).
async fn look_up(gate: Arc<Gate>, dialer: Arc<Dialer>, stop: CancellationToken) {
    loop {
        for name in gate.names() {
            let addresses = dialer.resolve(&name).await;
            gate.resolved(&name, &addresses);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_UP) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Renews the certificate in time.
async fn renew(
    folder: std::path::PathBuf,
    mut state: State,
    controller: Controller,
    tls: Arc<Tls>,
    time: Arc<ServerTime>,
    stop: CancellationToken,
) {
    loop {
        let left = state.enrolment.certificate.expires_at - time.now();
        if left < RENEW {
            match renewed(&folder, &state, &controller, &tls).await {
                Ok(fresh) => state = fresh,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the certificate could not be renewed");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn renewed(
    folder: &Path,
    state: &State,
    controller: &Controller,
    tls: &Tls,
) -> anyhow::Result<State> {
    let request = state.key()?.request()?;
    let answer = controller.post("certificate", &Renew { request }).await?;
    let certificate: Certificate = answer.json().await?;
    let fresh = state.renewed(certificate);
    tls.renew(&fresh)?;
    fresh.save(folder)?;
    tracing::info!("the certificate is renewed");
    Ok(fresh)
}
