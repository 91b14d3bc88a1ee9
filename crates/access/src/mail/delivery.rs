//! Sends what is due, one mail after another over one connection, and keeps what could not be sent.
//!
//! A mail is forgotten only after the server has taken it: a controller that is killed in between sends
//! it again, under the same Message-ID.

use std::time::Duration;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_store::mail::{AboutAccount, Mail, MailContent, MailSettings, MailStatus, MailTrouble};
use hourkey_store::{Room, Write};
use lettre::Message;
use tokio::sync::watch;

use super::fate::{self, Fate};
use super::message::host;
use super::password;
use super::smtp::{Connection, SendError};
use crate::app::App;
use crate::clock::sleep_until;
use crate::error::AppError;
use crate::shutdown::stopped;

pub use super::smtp::Timings;

/// What failed is tried again after this, and then after twice as long each time.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);

/// The longest wait between two tries.
const LAST_RETRY: TimeDelta = TimeDelta::hours(1);

/// A mail that fails for this long is given up.
const GIVE_UP: TimeDelta = TimeDelta::days(3);

/// How many people's mails are looked up at a time.
const BATCH: u32 = 20;

/// After the store failed, it is asked again after this.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Sends mail until the controller shuts down; then it ends after the mail that is being sent. Sleeps up to
/// the next mail that is due; a change of the store wakes it.
pub async fn run(app: App, timings: Timings) {
    let mut changed = app.store.changed();
    let mut stop = app.stop.subscribe();
    if let Err(failure) = look_again(&app).await {
        failure.log();
    }
    let delivery = Delivery {
        stop: app.stop.subscribe(),
        app: app.clone(),
        timings,
    };
    while !*stop.borrow() {
        changed.mark_unchanged();
        let next = match delivery.deliver().await {
            Ok(next) => next,
            Err(failure) => {
                failure.log();
                tokio::select! {
                    () = tokio::time::sleep(STORE_RETRY) => continue,
                    () = stopped(&mut stop) => return,
                }
            }
        };
        let due = async {
            match next {
                Some(next) => sleep_until(&*app.clock, next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            alive = changed.changed() => if alive.is_err() { return },
            () = stopped(&mut stop) => return,
        }
    }
}

/// A start may mend what kept mail waiting: the server is asked at once.
async fn look_again(app: &App) -> Result<(), AppError> {
    app.transact(Room::Kept, |tx, now| {
        Box::pin(async move { ask_server_again(tx, now).await })
    })
    .await?;
    Ok(())
}

/// Has the server asked now, whatever it said before; true where something kept all mail waiting.
pub(super) async fn ask_server_again(tx: &mut dyn Write, now: Time) -> Result<bool, AppError> {
    let mut status = tx.mail_status().await?;
    let Some(trouble) = &mut status.trouble else {
        return Ok(false);
    };
    trouble.next_at = now;
    trouble.attempts = 0;
    tx.set_mail_status(status).await?;
    Ok(true)
}

/// Whether a mail goes where its reader got mail before.
fn goes_to_an_old_address(mail: &Mail) -> bool {
    let content = &mail.new.content;
    matches!(
        content,
        MailContent::Account {
            what: AboutAccount::AddressMoved { to: Some(_), .. }
        }
    )
}

/// What became of one mail at the server.
enum Sent {
    Taken(String),
    Failed { why: String, for_good: bool },
}

struct Delivery {
    app: App,
    timings: Timings,
    stop: watch::Receiver<bool>,
}

impl Delivery {
    /// Sends all that is due, and returns when to come back.
    async fn deliver(&self) -> Result<Option<Time>, AppError> {
        let mut open: Option<(MailSettings, Connection)> = None;
        let next = self.batches(&mut open).await;
        if let Some((_, connection)) = open {
            connection.close().await;
        }
        next
    }

    async fn batches(
        &self,
        open: &mut Option<(MailSettings, Connection)>,
    ) -> Result<Option<Time>, AppError> {
        loop {
            let now = self.app.clock.now();
            let mut tx = self.app.store.read().await?;
            let Some(settings) = tx.mail_settings().await? else {
                return Ok(None);
            };
            let trouble = tx.mail_status().await?.trouble;
            if let Some(trouble) = trouble.filter(|trouble| trouble.next_at > now) {
                return Ok(Some(trouble.next_at));
            }
            let due = tx.mails_due(now, BATCH).await?;
            if due.is_empty() {
                return Ok(tx.next_mail_at().await?);
            }
            drop(tx);
            if open.as_ref().is_some_and(|(with, _)| *with != settings) {
                *open = None;
            }
            for mail in due {
                if *self.stop.borrow() {
                    return Ok(None);
                }
                match fate::decide(&self.app, &settings, &mail).await? {
                    Fate::Unneeded => self.forget(&mail).await?,
                    Fate::Undeliverable(why) => {
                        let for_good = true;
                        self.record(mail, Sent::Failed { why, for_good }).await;
                    }
                    Fate::Send(message) => match self.send(open, &settings, &message).await {
                        // What goes to the new address does not wait for the old one.
                        Ok(Sent::Failed { why, .. }) if goes_to_an_old_address(&mail) => {
                            let for_good = true;
                            self.record(mail, Sent::Failed { why, for_good }).await;
                        }
                        Ok(sent) => self.record(mail, sent).await,
                        Err(why) => {
                            self.trouble(why).await?;
                            break;
                        }
                    },
                }
            }
        }
    }

    /// Hands a mail over; an error is what keeps all of them waiting.
    async fn send(
        &self,
        open: &mut Option<(MailSettings, Connection)>,
        settings: &MailSettings,
        message: &Message,
    ) -> Result<Sent, String> {
        if open.is_none() {
            let connection = connect(&self.app, settings, self.timings).await?;
            *open = Some((settings.clone(), connection));
        }
        let Some((_, connection)) = open else {
            return Err("There is no connection.".to_owned());
        };
        let sent = connection
            .send(message.envelope(), &message.formatted())
            .await;
        let failed = match sent {
            Ok(said) => return Ok(Sent::Taken(said)),
            Err(failed) => failed,
        };
        *open = None;
        match failed {
            SendError::Server(why) => Err(why),
            SendError::Later(why) => Ok(Sent::Failed {
                why,
                for_good: false,
            }),
            SendError::Never(why) => Ok(Sent::Failed {
                why,
                for_good: true,
            }),
        }
    }

    async fn forget(&self, mail: &Mail) -> Result<(), AppError> {
        let id = mail.id;
        self.app
            .transact(Room::Kept, move |tx, _| {
                Box::pin(async move {
                    tx.remove_mail(id).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Records what became of a mail. What was sent and is not recorded would be sent again, so this does
    /// not go on before the store has it.
    async fn record(&self, mail: Mail, sent: Sent) {
        let id = mail.id;
        let (said, left) = match sent {
            Sent::Taken(said) => {
                tracing::debug!(mail.id = id.0, "sent a mail");
                (said, None)
            }
            Sent::Failed { why, for_good } => {
                let mail = failed(mail, &why, for_good, self.app.clock.now());
                tracing::warn!(
                    mail.id = id.0,
                    mail.attempts = mail.attempts,
                    mail.dead = mail.dead,
                    error = why,
                    "could not send a mail"
                );
                (why, Some(mail))
            }
        };
        let mut stop = self.stop.clone();
        loop {
            let (said, left) = (said.clone(), left.clone());
            let done = self.app.transact(Room::Kept, move |tx, now| {
                Box::pin(async move {
                    let sent_at = match left {
                        Some(failed) => {
                            tx.set_mail(failed).await?;
                            tx.mail_status().await?.sent_at
                        }
                        None => {
                            tx.remove_mail(id).await?;
                            Some(now)
                        }
                    };
                    let trouble = None;
                    let status = MailStatus {
                        sent_at,
                        said,
                        trouble,
                    };
                    Ok(tx.set_mail_status(status).await?)
                })
            });
            let Err(failure) = done.await else { return };
            failure.log();
            tokio::select! {
                () = tokio::time::sleep(STORE_RETRY) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// Records what keeps all mail waiting, and when the server is asked again.
    async fn trouble(&self, why: String) -> Result<(), AppError> {
        tracing::warn!(error = why, "mail has to wait");
        self.app
            .transact(Room::Kept, move |tx, now| {
                Box::pin(async move {
                    let before = tx.mail_status().await?;
                    let (since, attempts) = match before.trouble {
                        Some(trouble) => (trouble.since, trouble.attempts.saturating_add(1)),
                        None => (now, 1),
                    };
                    let trouble = MailTrouble {
                        since,
                        attempts,
                        next_at: now + wait(attempts),
                    };
                    let status = MailStatus {
                        said: why,
                        trouble: Some(trouble),
                        ..before
                    };
                    Ok(tx.set_mail_status(status).await?)
                })
            })
            .await
    }
}

/// A connection to the server of these settings.
///
/// # Errors
/// A sentence: what keeps all mail waiting, and what to do.
pub(super) async fn connect(
    app: &App,
    settings: &MailSettings,
    timings: Timings,
) -> Result<Connection, String> {
    let password = password::opened(&app.config.data, settings).map_err(|error| {
        tracing::error!(
            error = format!("{error:#}"),
            "the mail password cannot be opened"
        );
        "The password that is stored cannot be opened. Type it again in the mail settings."
            .to_owned()
    })?;
    let myself = host(&app.config.public_url);
    Connection::open(settings, password.as_deref(), myself, timings).await
}

/// The mail after another failure.
fn failed(mail: Mail, why: &str, for_good: bool, now: Time) -> Mail {
    let since = mail.failed_since.unwrap_or(now);
    let attempts = mail.attempts.saturating_add(1);
    let mut new = mail.new;
    new.next_at = now + wait(attempts);
    Mail {
        new,
        attempts,
        failed_since: Some(since),
        failure: why.to_owned(),
        dead: for_good || now - since >= GIVE_UP,
        ..mail
    }
}

/// How long to wait after so many failures: up to a quarter less, so that what failed together is not
/// tried together.
fn wait(attempts: u32) -> TimeDelta {
    let doubled = 1_i32 << attempts.saturating_sub(1).min(10);
    let longest = (FIRST_RETRY * doubled).min(LAST_RETRY);
    let milliseconds = longest.num_milliseconds();
    TimeDelta::milliseconds(rand::random_range(milliseconds * 3 / 4..=milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        for (attempts, longest) in [(1, 30), (2, 60), (5, 480), (8, 3_600), (1_000, 3_600)] {
            for _ in 0..100 {
                let wait = wait(attempts).num_milliseconds();
                assert!((longest * 750..=longest * 1_000).contains(&wait), "{wait}");
            }
        }
    }
}
