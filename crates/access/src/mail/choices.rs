//! Which mails people get: their own choice, but for what others wait for.

use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::mail::MailKind;
use serde_json::json;

use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;

/// What people choose among, in the order in which it is shown. Mails that ask for a review are not
/// among them: somebody waits for the answer.
pub const CHOICES: [MailKind; 6] = [
    MailKind::Approved,
    MailKind::Denied,
    MailKind::Closed,
    MailKind::Unlocked,
    MailKind::Ended,
    MailKind::Revoked,
];

/// What somebody has chosen.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Which kinds they do not want.
    pub unwanted: Vec<MailKind>,
    /// Their mail address, where one is known.
    pub address: Option<String>,
    /// Whether mail is sent at all.
    pub is_set_up: bool,
    /// Whether they review anything.
    pub reviews: bool,
}

/// What this person has chosen.
///
/// # Errors
/// As [`Actor::load`].
pub async fn of(app: &App, user: UserId) -> Result<Choices, AppError> {
    let mut tx = app.store.read().await?;
    let actor = Actor::load(&mut *tx, user, app.clock.now()).await?;
    Ok(Choices {
        unwanted: tx.unwanted_mail(user).await?,
        is_set_up: tx.mail_settings().await?.is_some(),
        reviews: actor.reach.is_some(),
        address: actor.user.email,
    })
}

/// Sets which kinds of mail this person wants, among [`CHOICES`].
///
/// # Errors
/// As [`Actor::load`], or [`hourkey_protocol::problem::Code::RateLimited`].
pub async fn choose(app: &App, user: UserId, wanted: Vec<MailKind>) -> Result<(), AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            Actor::load(tx, user, now).await?;
            let unwanted = CHOICES.iter().filter(|kind| !wanted.contains(kind));
            let unwanted: Vec<MailKind> = unwanted.copied().collect();
            let before = tx.unwanted_mail(user).await?;
            if before == unwanted {
                return Ok(());
            }
            let names = |kinds: &[MailKind]| kinds.iter().map(|it| it.as_str()).collect::<Vec<_>>();
            let detail = json!({ "unwanted": { "from": names(&before), "to": names(&unwanted) } });
            tx.set_unwanted_mail(user, unwanted).await?;
            tx.record(Entry {
                at: now,
                actor: Some(user),
                action: AuditAction::MailChosen,
                subject: Subject::Account { user },
                detail,
            })
            .await?;
            Ok(())
        })
    })
    .await
}
