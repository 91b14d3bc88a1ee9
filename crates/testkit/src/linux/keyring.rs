//! A real Secret Service: gnome-keyring, unlocked, locked, or waiting for its person.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Proxy};

use crate::poll::eventually;
use crate::process::Process;
use crate::session::Session;

const SECRETS: &str = "org.freedesktop.secrets";
const PROMPTER: &str = "org.gnome.keyring.SystemPrompter";

/// A running gnome-keyring daemon with an unlocked login keyring. A session without one has no
/// keyring at all.
#[derive(Debug)]
pub struct Keyring {
    connection: Connection,
    daemon: Process,
}

impl Keyring {
    /// Starts the daemon, and unlocks its login keyring.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(session: &Session) -> Result<Self> {
        let mut command = session.command("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        let daemon =
            Process::start_with_input("gnome-keyring-daemon", command, &session.logs(), PASSWORD)?;
        let keyring = Self {
            connection: session.connect().await?,
            daemon,
        };
        let state = async || match keyring.is_locked().await {
            Ok(false) => Ok(()),
            Ok(true) => Err("it is locked".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        };
        keyring.daemon.ready("an unlocked keyring", state).await?;
        Ok(keyring)
    }

    /// Unlocks the login keyring, as its password dialog does.
    ///
    /// # Errors
    /// When it stays locked.
    pub async fn unlock(&self) -> Result<()> {
        let service = self
            .proxy(SERVICE, "org.freedesktop.Secret.Service")
            .await?;
        let plain = ("plain", Value::from(""));
        let answer = service.call("OpenSession", &plain).await?;
        let (_output, session): (OwnedValue, OwnedObjectPath) = answer;
        // Not in the specification: the dialog's own way.
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        let internal = self.proxy(SERVICE, interface).await?;
        let secret = (session, Vec::<u8>::new(), PASSWORD, "text/plain");
        let login = (ObjectPath::try_from(LOGIN)?, secret);
        let () = internal.call("UnlockWithMasterPassword", &login).await?;
        ensure!(!self.is_locked().await?, "the login keyring stays locked");
        Ok(())
    }

    /// Locks the login keyring. Nobody can be asked for its password: unlocking fails at once.
    ///
    /// # Errors
    /// When it stays unlocked.
    pub async fn lock(&self) -> Result<()> {
        let service = self.proxy(SERVICE, "org.freedesktop.Secret.Service");
        let collections = vec![ObjectPath::try_from(LOGIN)?];
        let answer = service.await?.call("Lock", &(collections,)).await?;
        let (_locked, _prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = answer;
        ensure!(self.is_locked().await?, "the login keyring stays unlocked");
        Ok(())
    }

    /// True when the login keyring is locked.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn is_locked(&self) -> Result<bool> {
        let login = self
            .proxy(LOGIN, "org.freedesktop.Secret.Collection")
            .await?;
        Ok(login.get_property("Locked").await?)
    }

    async fn proxy(&self, path: &'static str, interface: &'static str) -> Result<Proxy<'_>> {
        Ok(zbus::proxy::Builder::new(&self.connection)
            .destination(SECRETS)?
            .path(path)?
            .interface(interface)?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?)
    }
}

const PASSWORD: &[u8] = b"a password for the test";
const SERVICE: &str = "/org/freedesktop/secrets";
const LOGIN: &str = "/org/freedesktop/secrets/collection/login";

/// A password dialog that nobody ever answers, as on a desktop whose person is away: with it,
/// unlocking a locked keyring waits for ever.
#[derive(Debug)]
pub struct UnansweredPrompt {
    _connection: Connection,
    begun: Arc<AtomicBool>,
}

impl UnansweredPrompt {
    /// Appears on the session's bus.
    ///
    /// # Errors
    /// When the session has a prompter already.
    pub async fn start(session: &Session) -> Result<Self> {
        let begun = Arc::new(AtomicBool::new(false));
        let prompter = Prompter {
            begun: Arc::clone(&begun),
        };
        let builder = session
            .connection()?
            .serve_at("/org/gnome/keyring/Prompter", prompter)?;
        Ok(Self {
            _connection: builder.name(PROMPTER)?.build().await?,
            begun,
        })
    }

    /// Waits until the keyring has asked for its password.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn asked(&self) -> Result<()> {
        let begun = async || self.begun.load(Ordering::SeqCst);
        eventually("the keyring's question", begun).await
    }
}

struct Prompter {
    begun: Arc<AtomicBool>,
}

#[zbus::interface(name = "org.gnome.keyring.internal.Prompter")]
impl Prompter {
    // Promises to call back when it is the caller's turn, and never does.
    fn begin_prompting(&self, _callback: ObjectPath<'_>) {
        self.begun.store(true, Ordering::SeqCst);
    }

    fn perform_prompt(
        &self,
        _callback: ObjectPath<'_>,
        _kind: &str,
        _properties: std::collections::HashMap<String, OwnedValue>,
        _exchange: &str,
    ) {
    }

    fn stop_prompting(&self, _callback: ObjectPath<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKUP: [&str; 3] = ["lookup", "app", "hourkey-test"];

    /// A session whose keyring holds a secret.
    async fn with_secret() -> (Keyring, Session) {
        let session = Session::start().await.unwrap();
        let keyring = Keyring::start(&session).await.unwrap();
        let store = "printf s3cret | secret-tool store --label=test app hourkey-test";
        session.run("sh", &["-c", store]).await.unwrap();
        (keyring, session)
    }

    #[tokio::test]
    async fn keeps_secrets_while_it_is_unlocked() {
        let (keyring, session) = with_secret().await;
        assert_eq!(session.run("secret-tool", &LOOKUP).await.unwrap(), "s3cret");
        keyring.lock().await.unwrap();
        assert!(session.run("secret-tool", &LOOKUP).await.is_err());
        keyring.unlock().await.unwrap();
        assert_eq!(session.run("secret-tool", &LOOKUP).await.unwrap(), "s3cret");
    }

    #[tokio::test]
    async fn an_unanswered_prompt_makes_it_wait() {
        let (keyring, session) = with_secret().await;
        let prompt = UnansweredPrompt::start(&session).await.unwrap();
        keyring.lock().await.unwrap();
        tokio::select! {
            answer = session.run("secret-tool", &LOOKUP) => panic!("answered: {answer:?}"),
            asked = prompt.asked() => asked.unwrap(),
        }
    }

    #[tokio::test]
    async fn a_session_has_none_by_itself() {
        let session = Session::start().await.unwrap();
        assert!(session.run("secret-tool", &LOOKUP).await.is_err());
    }
}
