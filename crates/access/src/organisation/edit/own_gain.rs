//! What a change gives its own maker: it does not count for them for a day (rule 6).

use std::collections::BTreeSet;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::{HELD_BACK_FOR, HeldBack, Organisation, User, held_back};
use hourkey_domain::review::Role;
use hourkey_domain::sentence::{Piece, Sentence, Thing};
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::mail::AboutAccount;
use hourkey_store::{Read, Write};
use serde_json::json;

use crate::directory;
use crate::error::AppError;
use crate::mail::queue;
use crate::reconcile::reconcile;

/// Names of resources are listed up to this many.
const MAX_NAMES: usize = 5;

/// What does not count for the maker of a change yet, in order of assignment. Nothing new, where nobody else
/// could save it: the organisation has one administrator, and has had no other for a day (`admin_went_at`).
pub(super) fn held(
    before: &Organisation,
    after: &Organisation,
    maker: UserId,
    admin_went_at: Option<Time>,
    now: Time,
) -> Vec<HeldBack> {
    let is_admin = { before.user(maker) }.is_some_and(|user| user.roles.contains(&Role::Admin));
    let is_settled = admin_went_at.is_none_or(|at| at + HELD_BACK_FOR <= now);
    if is_admin && is_settled && !before.has_other_admin(maker) {
        return after.held_back_from(maker).copied().collect();
    }
    held_back(before, after, maker, now)
}

/// What of it did not count otherwise before.
pub(super) fn new(held: &[HeldBack], before: &Organisation, maker: UserId) -> Vec<HeldBack> {
    let is_known = |held: &HeldBack| before.held_back_from(maker).any(|known| known == held);
    held.iter()
        .filter(|held| !is_known(held))
        .copied()
        .collect()
}

/// What its maker is told before they save it: of their own gain, or of that of somebody who could sign in as
/// them.
pub(super) fn sentence(
    held: &[HeldBack],
    after: &Organisation,
    gainer: Option<&User>,
) -> Option<Sentence> {
    let named = resources(held, after);
    let (first, rest) = named.split_first()?;
    let mut pieces = match gainer {
        None => vec!["For you it counts 24 hours later: it gives you more of ".into()],
        Some(user) => vec![
            "For ".into(),
            Piece::of(Thing::User(user.id), user.name.clone()),
            ", who could sign in as you, it counts 24 hours later: it gives them more of ".into(),
        ],
    };
    pieces.push(first.clone());
    for other in rest.iter().take(MAX_NAMES - 1) {
        pieces.extend([", ".into(), other.clone()]);
    }
    let unnamed = rest.len().saturating_sub(MAX_NAMES - 1);
    if unnamed > 0 {
        pieces.push(format!(" and {unnamed} more").into());
    }
    pieces.push(". The administrators are told.".into());
    Some(pieces.into_iter().collect())
}

/// Who may be the person that made a change: its maker, and whoever could sign in as them.
///
/// # Errors
/// The store's failure.
pub(super) async fn behind(tx: &mut dyn Read, maker: UserId) -> Result<Vec<UserId>, AppError> {
    let shown = tx.shown_links(Some(maker)).await?;
    let others = shown.iter().map(|shown| shown.shown_to);
    Ok([maker].into_iter().chain(others).collect())
}

/// Keeps what of a change does not count yet for whoever may have made it, in the transaction that wrote it and
/// before anything follows from it; the other administrators are told.
///
/// # Errors
/// The store's failure.
pub(super) async fn keep(
    tx: &mut dyn Write,
    before: &Organisation,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let after = directory::advanced(tx, before).await?;
    let admin_went_at = tx.admin_went_at().await?;
    for gainer in behind(tx, maker).await? {
        let held = held(before, &after, gainer, admin_went_at, now);
        let new = new(&held, before, gainer);
        if new.is_empty() {
            continue;
        }
        tx.set_held_back(gainer, held).await?;
        let names: Vec<_> = { resources(&new, &after).into_iter() }
            .filter_map(|piece| match piece {
                Piece::Name { text, .. } => Some(text),
                Piece::Words(_) => None,
            })
            .collect();
        let until = now + HELD_BACK_FOR;
        let entry = Entry {
            at: now,
            actor: Some(maker),
            action: AuditAction::OwnGainHeldBack,
            subject: Subject::Organisation {
                entity: Entity::User(gainer),
            },
            detail: json!({ "until": until, "resources": names }),
        };
        tx.record(entry).await?;
        let name = |user| after.user_name(user).unwrap_or_default().to_owned();
        let what = AboutAccount::GaveThemselves {
            who: name(gainer),
            by: Some(name(maker)).filter(|_| gainer != maker),
            resources: names.iter().take(MAX_NAMES).cloned().collect(),
            count: names.len(),
            until,
        };
        queue::admins(tx, gainer, what, now).await?;
    }
    Ok(())
}

/// Ends what has been held back for long enough: from now on it counts. `known` is the organisation as
/// it was a moment ago.
///
/// # Errors
/// The store's failure.
pub(crate) async fn end_due(
    tx: &mut dyn Write,
    known: &Organisation,
    now: Time,
) -> Result<(), AppError> {
    let all = tx.held_back(None).await?;
    let due = all.iter().filter(|held| held.until <= now);
    let users: BTreeSet<_> = due.map(|held| held.user).collect();
    if users.is_empty() {
        return Ok(());
    }
    let before = directory::advanced(tx, known).await?;
    for user in users {
        let left = { all.iter() }.filter(|held| held.user == user && now < held.until);
        tx.set_held_back(user, left.copied().collect()).await?;
        let entry = Entry {
            at: now,
            actor: None,
            action: AuditAction::OwnGainCounts,
            subject: Subject::Organisation {
                entity: Entity::User(user),
            },
            detail: json!({}),
        };
        tx.record(entry).await?;
    }
    reconcile(tx, &before, None, now).await?;
    Ok(())
}

/// The resources, each once.
fn resources(held: &[HeldBack], of: &Organisation) -> Vec<Piece> {
    let own = held
        .iter()
        .filter_map(|held| of.assignment(held.assignment));
    let all: BTreeSet<_> = own.map(|own| own.resource).collect();
    let all = all.into_iter().filter_map(|id| of.resource(id));
    all.map(|it| Piece::of(Thing::Resource(it.id), it.name.clone()))
        .collect()
}
