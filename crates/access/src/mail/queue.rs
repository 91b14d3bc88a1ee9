//! Queues mails, in the transaction of what they tell of.

use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId, UserId};
use hourkey_domain::transition::UNDO;
use hourkey_protocol::notice::What;
use hourkey_store::Write;
use hourkey_store::access::NewNotice;
use hourkey_store::mail::{AboutAccount, MailContent, MailKind, NewMail};

use crate::error::AppError;

/// Drops what was to be mailed about a decision that is taken back (rule 12).
pub(crate) async fn forget_decision(
    tx: &mut dyn Write,
    requester: UserId,
    decided: RequestId,
) -> Result<(), AppError> {
    for mail in tx.mails_of(requester).await? {
        let MailContent::Notice { what } = &mail.new.content else {
            continue;
        };
        let is_it = match what {
            What::Approved { request, .. } | What::Denied { request, .. } => *request == decided,
            What::Unlocked { request, .. } => *request == Some(decided),
            _ => false,
        };
        if is_it {
            tx.remove_mail(mail.id).await?;
        }
    }
    Ok(())
}

/// Queues the mail that says the same as a notice, where there is one.
pub(crate) async fn notice(
    tx: &mut dyn Write,
    notice: &NewNotice,
    at: Time,
) -> Result<(), AppError> {
    let content = MailContent::Notice {
        what: notice.what.clone(),
    };
    let (user, resource) = (notice.user, notice.resource);
    let about = Some((resource, &*notice.resource_name));
    queue(tx, user, about, content, at).await
}

/// Queues the mail that says that a grant came to its end.
pub(crate) async fn ended(
    tx: &mut dyn Write,
    user: UserId,
    resource: (ResourceId, &str),
    grant: GrantId,
    at: Time,
) -> Result<(), AppError> {
    let content = MailContent::Ended { grant, at };
    queue(tx, user, Some(resource), content, at).await
}

/// Queues a mail about an account.
pub(crate) async fn account(
    tx: &mut dyn Write,
    user: UserId,
    what: AboutAccount,
    at: Time,
) -> Result<(), AppError> {
    queue(tx, user, None, MailContent::Account { what }, at).await
}

/// Queues a mail about an account for its owner and for all administrators but the one who acts.
pub(crate) async fn account_and_admins(
    tx: &mut dyn Write,
    owner: UserId,
    actor: Option<UserId>,
    what: AboutAccount,
    at: Time,
) -> Result<(), AppError> {
    accounts_and_admins(tx, &[owner], actor, what, at).await
}

/// [`account_and_admins`], for several owners.
pub(crate) async fn accounts_and_admins(
    tx: &mut dyn Write,
    owners: &[UserId],
    actor: Option<UserId>,
    what: AboutAccount,
    at: Time,
) -> Result<(), AppError> {
    let mut told = tx.administrators().await?;
    for owner in owners {
        let is_enabled = tx.user(*owner).await?.is_some_and(|owner| !owner.disabled);
        if is_enabled && !told.contains(owner) {
            told.push(*owner);
        }
    }
    for user in told.into_iter().filter(|user| Some(*user) != actor) {
        account(tx, user, what.clone(), at).await?;
    }
    Ok(())
}

/// Queues a mail for all administrators but the one who acts.
pub(crate) async fn admins(
    tx: &mut dyn Write,
    actor: UserId,
    what: AboutAccount,
    at: Time,
) -> Result<(), AppError> {
    for user in tx.administrators().await? {
        if user != actor {
            account(tx, user, what.clone(), at).await?;
        }
    }
    Ok(())
}

async fn queue(
    tx: &mut dyn Write,
    user: UserId,
    about: Option<(ResourceId, &str)>,
    content: MailContent,
    at: Time,
) -> Result<(), AppError> {
    if kind(&content).is_none() || tx.mail_settings().await?.is_none() {
        return Ok(());
    }
    let new = NewMail {
        user,
        at,
        resource: about.map(|(resource, _)| resource),
        resource_name: about.map(|(_, name)| name.to_owned()).unwrap_or_default(),
        next_at: match may_be_undone(&content) {
            true => at + UNDO,
            false => at,
        },
        content,
    };
    tx.insert_mail(new).await?;
    Ok(())
}

/// Its kind; `None` for what no mail tells: what people did themselves, what was announced before, and
/// what this version does not know.
pub(super) fn kind(content: &MailContent) -> Option<MailKind> {
    let what = match content {
        MailContent::Ended { .. } => return Some(MailKind::Ended),
        MailContent::Account { .. } => return Some(MailKind::Account),
        MailContent::Notice { what } => what,
    };
    match what {
        What::PleaseReview { .. } => Some(MailKind::Review),
        What::Approved { by: Some(_), .. } => Some(MailKind::Approved),
        What::Denied { .. } => Some(MailKind::Denied),
        // What was taken back at once was not mailed yet.
        What::Cancelled {
            cause: Cause::Undone,
            ..
        }
        | What::Revoked {
            cause: Cause::Undone,
            ..
        } => None,
        What::Cancelled { .. } | What::Lapsed { .. } => Some(MailKind::Closed),
        What::Unlocked { by: Some(_), .. } => Some(MailKind::Unlocked),
        What::Revoked { .. } => Some(MailKind::Revoked),
        What::Approved { by: None, .. }
        | What::Unlocked { by: None, .. }
        | What::Started { .. }
        | What::Unknown => None,
    }
}

fn may_be_undone(content: &MailContent) -> bool {
    match kind(content) {
        Some(MailKind::Approved | MailKind::Denied | MailKind::Unlocked) => true,
        Some(
            MailKind::Review
            | MailKind::Closed
            | MailKind::Ended
            | MailKind::Revoked
            | MailKind::Account,
        )
        | None => false,
    }
}
