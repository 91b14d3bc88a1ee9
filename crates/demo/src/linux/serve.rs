//! The demo on a display that is there: a controller and the app in this person's own session.

use std::process::ExitCode;
use std::sync::Arc;

use super::private_services::{GRAFANA, HANDBOOK, Private, STAGING};
use anyhow::{Context, Result, bail};
use hourkey_client::secrets::Keyring;
use hourkey_client::session::{Session, SessionConfig, http};
use hourkey_client::sign_in::through_browser;
use hourkey_clock::BootClock;
use hourkey_protocol::oauth::DESKTOP_CLIENT;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::test_user::TestUser;
use rand::distr::{Alphanumeric, SampleString as _};
use tempfile::TempDir;
use url::Url;

/// Who the app is signed in as.
const LOGIN: &str = "ada";

/// Runs until it is interrupted, or the app is quit.
pub(crate) async fn serve() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let password = Alphanumeric.sample_string(&mut rand::rng(), 12);
    let mut controller = Controller::start(SAMPLE).await?;
    let people = controller.run(&["user", "list"]).await?;
    for login in people
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        controller.set_password(login, &password).await?;
    }
    let signed_in = sign_in(controller.url(), &password).await?;
    println!(
        "\nThe controller runs at {}, with a sample organisation:\n",
        controller.url()
    );
    for line in people.lines() {
        println!("    {line}");
    }
    println!("\nEverybody's password is: {password}\n");
    match &signed_in {
        None => println!(
            "The desktop app is signed in as {LOGIN}: look for the key in the tray. Authenticate… \
             opens the browser: sign in there as {LOGIN} too, and review as marta in a private window."
        ),
        Some(why) => println!(
            "{why}\nThe desktop app therefore starts signed out: choose Sign in… in the tray or \
             window, and sign in as {LOGIN}."
        ),
    }
    let (private, missing) = Private::start_what_is_there(&controller).await?;
    println!(
        "Private servers stand behind two gateways. In Settings, set up browsers or paste the \
         proxy script URL into one. Then try, as {LOGIN}:\n\n    \
         http://{HANDBOOK}/\n    https://{GRAFANA}/  (its certificate is nobody's: go on)"
    );
    for why in &missing {
        println!("    {why}");
    }
    if missing.is_empty() {
        println!(
            "    Payroll database: Forward to this computer in its submenu, then\n        \
             psql -h 127.0.0.1 -p 15432 -U hourkey postgres\n    \
             Staging SSH: hourkey sign-in {}, then\n        \
             ssh -o ProxyCommand='hourkey connect %h %p' {}",
            controller.url(),
            private.ssh_options()?.join(" ") + " " + STAGING
        );
    }
    println!("\nCtrl-C, or Quit in the tray, ends the demo.\n");

    let folder = TempDir::new()?;
    let ended = run_app(&controller, &folder).await;
    // Whatever became of the app, its key does not stay in the person's keyring.
    if signed_in.is_none() {
        sign_out(controller.url()).await?;
    }
    private.stop().await?;
    controller.stop().await?;
    ended
}

/// Runs the app on settings of its own, in the person's session.
async fn run_app(controller: &Controller, folder: &TempDir) -> Result<()> {
    let config = folder.path().join("config");
    desktop::write_settings(&config, controller.url())?;
    let mut app = tokio::process::Command::new(desktop::binary()?)
        .env("HOURKEY_CONFIG_DIR", &config)
        .env("HOURKEY_STATE_DIR", folder.path().join("state"))
        .kill_on_drop(true)
        .spawn()
        .context("the desktop app cannot be started")?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        status = app.wait() => match status? {
            status if status.success() => Ok(()),
            status => bail!("the desktop app ended with {status}"),
        },
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

/// Signs the app in before it starts: what it finds in the keyring is its own refresh token.
/// Returns a sentence when the keyring takes none.
async fn sign_in(controller: &Url, password: &str) -> Result<Option<String>> {
    let (sender, opened) = tokio::sync::oneshot::channel();
    let open = |url: &Url| {
        // The listener waits for the answer, whoever listens here.
        let _ = sender.send(url.clone());
    };
    let browser = async {
        let url = opened.await.context("the sign-in did not start")?;
        TestUser::with_password(LOGIN, password.to_owned())?
            .let_in(&url)
            .await
    };
    let session = through_browser(home(controller)?, "Hourkey demo", open);
    let (session, ()) = tokio::try_join!(async { Ok(session.await?) }, browser)?;
    Ok(session.unsaved().map(|error| error.to_string()))
}

async fn sign_out(controller: &Url) -> Result<()> {
    if let Some(session) = Session::resume(home(controller)?).await? {
        session.sign_out().await?;
    }
    Ok(())
}

fn home(controller: &Url) -> Result<SessionConfig> {
    Ok(SessionConfig {
        http: http()?,
        controller: controller.clone(),
        client_id: DESKTOP_CLIENT,
        store: Arc::new(Keyring::of(DESKTOP_CLIENT, controller)),
        clock: Arc::new(BootClock),
        lock_file: None,
    })
}
