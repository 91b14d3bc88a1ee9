//! Signing in and out, and the session that every other command starts from.

use std::sync::Arc;

use hourkey_client::config::{Config, ConfigError, Folders, StoreKind};
use hourkey_client::device::{Device, key_entry};
use hourkey_client::local_proxy::ProxyFiles;
use hourkey_client::secrets::{File, Keyring, SecretStore};
use hourkey_client::session::{self, Session, SessionConfig, SignOutError};
use hourkey_client::sign_in as client;
use hourkey_clock::BootClock;
use hourkey_protocol::controller_url;
use hourkey_protocol::oauth::CLI_CLIENT;
use url::Url;

use crate::args::SignIn;
use crate::exit::{CommandError, Exit, not_signed_in};
use crate::print;
use crate::text::visible;

/// The session of the person who is signed in.
pub(crate) async fn session() -> Result<Session, CommandError> {
    let settings = Settings::find()?;
    let controller = settings.controller().ok_or_else(not_signed_in)?.clone();
    let config = settings.session_config(&controller, settings.config.cli.store)?;
    Session::resume(config)
        .await
        .map_err(CommandError::failed)?
        .ok_or_else(not_signed_in)
}

/// This device, for connections of the person who is signed in.
pub(crate) async fn device() -> Result<Device, CommandError> {
    let session = session().await?;
    let store = Settings::find()?.device_key(session.controller());
    Ok(Device::new(session, store, label()))
}

/// The files of the local proxies of the person who is signed in.
pub(crate) fn proxy_files(controller: &Url) -> Result<ProxyFiles, CommandError> {
    let folders = Settings::find()?.folders;
    Ok(ProxyFiles::of(&folders.state, CLI_CLIENT, controller))
}

/// What this client calls itself.
fn label() -> String {
    format!("Hourkey CLI on {}", gethostname::gethostname().display())
}

/// `hourkey sign-in`. Prints who is signed in.
pub(crate) async fn sign_in(how: SignIn, json: bool) -> Result<(), CommandError> {
    let settings = Settings::find()?;
    let usage = |message: String| CommandError::new(Exit::Usage, message);
    let controller = match (&how.controller, settings.controller()) {
        (Some(text), _) => controller_url::parse(text).map_err(|error| usage(error.to_string()))?,
        (None, Some(known)) => known.clone(),
        (None, None) => {
            let message =
                "Which controller? For example: hourkey sign-in https://hourkey.example.com";
            return Err(usage(message.to_owned()));
        }
    };
    let store = how.store.map_or(settings.config.cli.store, StoreKind::from);
    let config = settings.session_config(&controller, store)?;
    // Here and below, before the person goes to the browser: what cannot be kept is of no use to the
    // next command.
    config.store.load().await.map_err(CommandError::failed)?;
    let stays = settings.controller() == Some(&controller) && settings.config.cli.store == store;
    if stays
        && let Ok(Some(session)) = Session::resume(config.clone()).await
        && let Ok(me) = session.me().await
    {
        print::note("You are signed in already. To be somebody else, run: hourkey sign-out");
        return welcome(&me, &controller, json);
    }
    config.store.check().await.map_err(CommandError::failed)?;
    let config_file = settings.folders.config_file();
    hourkey_client::file::check(&config_file).map_err(|error| {
        let path = config_file.clone();
        CommandError::failed(ConfigError::Unwritable { path, error })
    })?;
    let label = label();
    let session = if how.device {
        client::by_device(config, &label, |device| {
            print::note(format_args!(
                "On another machine, go to {} and type the code {}",
                visible(&device.verification_uri),
                visible(&device.user_code)
            ));
        })
        .await?
    } else {
        client::through_browser(config, &label, |url| {
            print::note(format_args!(
                "Sign in in your browser. If it does not open, go to:\n{url}"
            ));
            // The address stands above, should this fail.
            let _ = open::that_detached(url.as_str());
        })
        .await?
    };
    if let Some(error) = session.unsaved() {
        let _ = session.sign_out().await;
        return Err(CommandError::failed(error));
    }
    // Read anew: the person may have taken minutes, and the desktop app writes there too.
    Config::change(&config_file, |config| {
        config.cli.controller = Some(controller.clone());
        config.cli.store = store;
    })
    .map_err(CommandError::failed)?;
    welcome(&session.me().await?, &controller, json)
}

fn welcome(
    me: &hourkey_protocol::account::Me,
    controller: &Url,
    json: bool,
) -> Result<(), CommandError> {
    if json {
        return print::json(me);
    }
    print::line(format_args!(
        "Signed in to {} at {} as {} ({}).",
        visible(&me.organisation),
        controller.origin().ascii_serialization(),
        visible(&me.name),
        visible(&me.login)
    ))
}

/// `hourkey sign-out`.
pub(crate) async fn sign_out(json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let signed_out = session.sign_out().await;
    // Worth nothing without the session; what stays of it does no harm.
    let _ = Settings::find()?
        .device_key(session.controller())
        .clear()
        .await;
    proxy_files(session.controller())?.forget().await;
    signed_out.map_err(|error| {
        let message = error.to_string();
        match error {
            SignOutError::Revoke(cause) => {
                CommandError::new(CommandError::from(cause).exit, message)
            }
            SignOutError::Clear(_) => CommandError::failed(message),
        }
    })?;
    if json {
        return Ok(());
    }
    print::line("Signed out.")
}

/// The settings and where they are.
struct Settings {
    folders: Folders,
    config: Config,
}

impl Settings {
    fn find() -> Result<Self, CommandError> {
        let folders = Folders::find().map_err(CommandError::failed)?;
        let config = Config::load(&folders.config_file()).map_err(CommandError::failed)?;
        Ok(Self { folders, config })
    }

    /// The CLI's controller, or else the one of the desktop app.
    fn controller(&self) -> Option<&Url> {
        let own = self.config.cli.controller.as_ref();
        own.or(self.config.controller.as_ref())
    }

    /// The key of this device, kept beside the sign-in.
    fn device_key(&self, controller: &Url) -> Arc<dyn SecretStore> {
        self.secret(&key_entry(CLI_CLIENT), controller, self.config.cli.store)
    }

    fn secret(&self, entry: &str, controller: &Url, store: StoreKind) -> Arc<dyn SecretStore> {
        match store {
            StoreKind::Keyring => Arc::new(Keyring::of(entry, controller)),
            StoreKind::File => Arc::new(File::of(&self.folders.state, entry, controller)),
        }
    }

    fn session_config(
        &self,
        controller: &Url,
        store: StoreKind,
    ) -> Result<SessionConfig, CommandError> {
        Ok(SessionConfig {
            http: session::http().map_err(CommandError::failed)?,
            controller: controller.clone(),
            client_id: CLI_CLIENT,
            store: self.secret(CLI_CLIENT, controller, store),
            clock: Arc::new(BootClock),
            lock_file: Some(self.folders.state.join("cli.lock")),
        })
    }
}
