//! Listening, with TLS or without, until the controller is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hourkey_access::app::App;
use hourkey_access::background;
use hourkey_access::config::{Config, Tls};

use super::router::router;
use super::running;

/// Calls that are being answered may take this long after the controller was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A connection has to send its first call within this.
const FIRST_CALL: Duration = Duration::from_secs(30);

/// A connection is closed when the head of its next call is not there after this: longer than
/// clients keep idle connections, so that they close them first.
const NEXT_CALL: Duration = Duration::from_secs(120);

/// Over HTTP/2, a peer that left without a word is noticed by pings that far apart.
const PING: Duration = Duration::from_secs(30);

/// Serves until SIGINT or SIGTERM: then streams end at once, and calls within 5 seconds. With TLS,
/// SIGHUP reads the certificate anew.
///
/// # Errors
/// What is wrong with the settings, or why it cannot listen, as a sentence.
pub async fn serve(app: App) -> anyhow::Result<()> {
    check(&app.config)?;
    let wanted = app.config.listen;
    let listener = TcpListener::bind(wanted).with_context(|| {
        format!(
            "cannot listen on {wanted}: stop the program that uses this address, or choose \
             another one"
        )
    })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let tls = match &app.config.tls {
        Some(tls) => Some(certificate(tls).await?),
        None => None,
    };

    let published = running::publish(&app.config.data, &app.config.public_url);
    if let Ok(None) = published {
        tracing::warn!("another controller runs on this data folder");
    }
    // Without it, commands fall back to the settings.
    let _published = published.inspect_err(|error| {
        tracing::warn!(error = %error, "cannot tell commands the public address");
    });

    let background = background::start(&app);
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(app.clone(), handle.clone()));
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(
        server.address = %address,
        public.url = %app.config.public_url,
        "listening on {scheme}://{address}",
    );
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(tls) => {
            if let Some(files) = app.config.tls.clone() {
                tokio::spawn(reload_on_signal(files, tls.clone()));
            }
            let mut server = axum_server::from_tcp_rustls(listener, tls)?;
            let http = server.http_builder();
            http.http1().header_read_timeout(NEXT_CALL);
            http.http2().keep_alive_interval(PING);
            server
                .handle(handle)
                .first_request_timeout(FIRST_CALL)
                .serve(service)
                .await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?;
            let http = server.http_builder();
            http.http1().header_read_timeout(NEXT_CALL);
            http.http2().keep_alive_interval(PING);
            server
                .handle(handle)
                .first_request_timeout(FIRST_CALL)
                .serve(service)
                .await?;
        }
    }
    background.ended(GRACE).await;
    tracing::info!("stopped");
    Ok(())
}

/// Passwords and tokens must not cross a network in the clear.
fn check(config: &Config) -> anyhow::Result<()> {
    let listen = config.listen;
    if config.tls.is_none() && config.trusted_proxy.is_none() && !listen.ip().is_loopback() {
        bail!(
            "{listen} can be reached from other machines, and without TLS everybody on the way \
             could read passwords. Set a certificate and key (tls), or name the proxy in front \
             that speaks TLS (trusted_proxy), or listen on 127.0.0.1."
        );
    }
    if config.tls.is_some() && !config.is_secure() {
        bail!(
            "the controller speaks TLS, but its public_url is {}: write it with https://.",
            config.public_url
        );
    }
    Ok(())
}

async fn certificate(tls: &Tls) -> anyhow::Result<RustlsConfig> {
    // The one provider of the workspace; installing it a second time changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Tls { certificates, key } = tls;
    RustlsConfig::from_pem_file(certificates, key).await.with_context(|| {
        format!(
            "cannot use the certificate {} with the key {}: both must be readable PEM files that \
             belong together",
            certificates.display(),
            key.display(),
        )
    })
}

/// Tells streams and background work first, then waits for calls.
async fn stop_on_signal(app: App, handle: Handle<SocketAddr>) {
    signalled().await;
    tracing::info!("stopping");
    app.stop.send_replace(true);
    handle.graceful_shutdown(Some(GRACE));
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return interrupted().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        () = interrupted() => {}
    }
}

#[cfg(not(unix))]
async fn signalled() {
    interrupted().await;
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No way to be told: run until killed.
        std::future::pending::<()>().await;
    }
}

/// Certificates are renewed while the controller runs.
#[cfg(unix)]
async fn reload_on_signal(files: Tls, tls: RustlsConfig) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    while hangup.recv().await.is_some() {
        match certificate(&files).await {
            Ok(fresh) => {
                tls.reload_from_config(Arc::clone(&fresh.get_inner()));
                tracing::info!("read the certificate anew");
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the certificate stays the old one"
                );
            }
        }
    }
}

#[cfg(not(unix))]
async fn reload_on_signal(_: Tls, _: RustlsConfig) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: &str, public_url: &str) -> Config {
        Config {
            data: "data".into(),
            listen: listen.parse().unwrap(),
            public_url: public_url.parse().unwrap(),
            tls: None,
            trusted_proxy: None,
            device_flow: false,
            request_lapse: hourkey_domain::request::DEFAULT_LAPSE,
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine_or_behind_a_named_proxy() {
        let open = config("0.0.0.0:8080", "http://hourkey.test");
        let refused = check(&open).unwrap_err().to_string();
        assert!(refused.contains("could read passwords"), "{refused}");
        assert!(check(&config("127.0.0.1:8080", "http://127.0.0.1:8080")).is_ok());
        assert!(check(&config("[::1]:8080", "http://[::1]:8080")).is_ok());

        let proxy = Some("10.0.0.1".parse().unwrap());
        assert!(
            check(&Config {
                trusted_proxy: proxy,
                ..open.clone()
            })
            .is_ok()
        );

        let tls = Some(Tls {
            certificates: "c.pem".into(),
            key: "k.pem".into(),
        });
        let refused = check(&Config {
            tls: tls.clone(),
            ..open
        })
        .unwrap_err()
        .to_string();
        assert!(refused.contains("https://"), "{refused}");
        assert!(
            check(&Config {
                tls,
                ..config("0.0.0.0:443", "https://hourkey.test")
            })
            .is_ok()
        );
    }
}
