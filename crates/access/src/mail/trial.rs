//! A test mail, sent at once and outside the queue, so that an administrator sees what the server says.

use std::time::Duration;

use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_store::Room;
use hourkey_store::mail::{MailSettings, MailStatus};
use serde_json::json;

use super::delivery::{Timings, connect};
use super::fate::link;
use super::message::{Frame, Recipient, message};
use super::settings::{check_admin, must_administer, record};
use super::smtp::SendError;
use super::wording::Words;
use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;

/// Shorter than for the queue: somebody waits in front of a page.
const TIMINGS: Timings = Timings {
    connect: Duration::from_secs(8),
    mail: Duration::from_secs(10),
    content: Duration::from_secs(10),
};

/// What came of a test mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The server took it.
    Sent {
        /// For this address.
        to: String,
        /// What it said.
        said: String,
    },
    /// It was not sent; says why, and what to do.
    Failed(String),
}

/// Sends a test mail to the administrator who asks for it.
///
/// # Errors
/// As [`super::settings::save`].
pub async fn send(app: &App, user: UserId) -> Result<Trial, AppError> {
    app.budgets.change(user, app.clock.now())?;
    check_admin(app, user).await?;
    let mut tx = app.store.read().await?;
    let settings = tx.mail_settings().await?;
    let organisation = tx.organisation_name().await?;
    let me = Actor::load(&mut *tx, user, app.clock.now()).await?.user;
    drop(tx);
    let Some(settings) = settings else {
        return Ok(Trial::Failed("Save the settings first.".to_owned()));
    };
    let Some(address) = me.email else {
        return Ok(Trial::Failed(
            "No mail address is known for you. Set yours, and try again.".to_owned(),
        ));
    };
    let to = Recipient {
        name: me.name,
        address,
    };
    let trial = match try_send(app, &settings, &organisation, &to, &me.login).await {
        Ok(said) => Trial::Sent {
            to: to.address,
            said,
        },
        Err(why) => Trial::Failed(why),
    };
    let kept = trial.clone();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            must_administer(&Actor::load(tx, user, now).await?)?;
            let detail = match kept {
                Trial::Sent { to, said } => {
                    // What kept mail waiting is over.
                    let status = MailStatus {
                        sent_at: Some(now),
                        said: said.clone(),
                        trouble: None,
                    };
                    tx.set_mail_status(status).await?;
                    json!({ "to": to, "sent": true, "said": said })
                }
                Trial::Failed(why) => json!({ "sent": false, "said": why }),
            };
            record(tx, now, user, AuditAction::MailTested, detail).await
        })
    })
    .await?;
    Ok(trial)
}

async fn try_send(
    app: &App,
    settings: &MailSettings,
    organisation: &str,
    to: &Recipient,
    login: &str,
) -> Result<String, String> {
    let now = app.clock.now();
    let page = link(app, "/settings/mail", login);
    let frame = Frame {
        settings,
        config: &app.config,
        organisation,
        to,
        id: format!("test.{:016x}", rand::random::<u64>()),
        now,
        link: &page,
        choices: &link(app, "/mail", login),
    };
    let words = Words {
        title: "Test mail from Hourkey".to_owned(),
        sentences: vec!["Mail from Hourkey reaches you.".to_owned()],
        quote: None,
        link: "Mail settings",
        about_link: "",
    };
    let message = message(&frame, &words)?;
    let mut connection = connect(app, settings, TIMINGS).await?;
    match connection
        .send(message.envelope(), &message.formatted())
        .await
    {
        Ok(said) => {
            connection.close().await;
            Ok(said)
        }
        Err(SendError::Server(why) | SendError::Later(why) | SendError::Never(why)) => Err(why),
    }
}
