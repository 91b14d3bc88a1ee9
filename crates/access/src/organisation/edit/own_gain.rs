//! What a change gives its own maker, or an account that may be theirs: it does not count for a day (rule 6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::{HELD_BACK_FOR, HeldBack, Organisation, User, held_back};
use hourkey_domain::review::Role;
use hourkey_domain::sentence::{Piece, Sentence, Thing};
use hourkey_store::account::ShownLink;
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

/// What decides what is held back beside the organisation: read with it.
pub(super) struct Known {
    /// When an administrator last went.
    admin_went_at: Option<Time>,
    /// Ways into accounts that others had lately.
    ways_in: Vec<ShownLink>,
}

impl Known {
    /// # Errors
    /// The store's failure.
    pub(super) async fn read(tx: &mut dyn Read) -> Result<Self, AppError> {
        Ok(Self {
            admin_went_at: tx.admin_went_at().await?,
            ways_in: tx.shown_links(None).await?,
        })
    }

    /// Whether nobody else could save what `maker` gives themselves: the organisation has one administrator,
    /// and has had no other for a day.
    fn is_free(&self, before: &Organisation, maker: UserId, now: Time) -> bool {
        let is_admin = { before.user(maker) }.is_some_and(|user| user.roles.contains(&Role::Admin));
        let is_settled = { self.admin_went_at }.is_none_or(|at| at + HELD_BACK_FOR <= now);
        is_admin && is_settled && !before.has_other_admin(maker)
    }

    /// The accounts for which a change of `maker`'s does not count at once.
    fn accounts(&self, of: &Organisation, maker: UserId, is_free: bool) -> BTreeMap<UserId, Tie> {
        let behind = self.ways_in.iter().filter(|it| it.user == maker);
        let mut all: BTreeMap<_, _> = { behind.map(|it| (it.shown_to, Tie::Behind)) }.collect();
        if !is_free {
            let shown = { self.ways_in.iter() }.filter(|it| it.is_shown && it.shown_to == maker);
            all.extend(shown.map(|shown| (shown.user, Tie::Theirs)));
            if let Some(own) = { of.user(maker) }.and_then(|maker| maker.email.as_deref()) {
                let own = mailbox(own);
                let same = |user: &&Arc<User>| {
                    let email = user.email.as_deref().map(mailbox);
                    email.is_some_and(|it| is_same(it, own))
                };
                all.extend(of.users().filter(same).map(|user| (user.id, Tie::Theirs)));
            }
            all.insert(maker, Tie::Maker);
        }
        all.retain(|id, _| of.user(*id).is_some());
        all
    }
}

/// What an account has to do with who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// It is the one that makes it.
    Maker,
    /// It may be theirs: with their own mail address, or its link was shown to them within a day.
    Theirs,
    /// Whoever has it could sign in as them.
    Behind,
}

/// The local part without what follows a plus sign, and the domain.
fn mailbox(address: &str) -> (&str, &str) {
    let (local, domain) = address.trim().rsplit_once('@').unwrap_or((address, ""));
    (
        local.split_once('+').map_or(local, |(local, _)| local),
        domain,
    )
}

/// Whether mail to both arrives at one mailbox, as far as addresses tell: case makes no difference.
fn is_same(one: (&str, &str), other: (&str, &str)) -> bool {
    one.0.eq_ignore_ascii_case(other.0) && one.1.eq_ignore_ascii_case(other.1)
}

/// What an account gains by a change and does not count for it yet.
pub(super) struct Held {
    /// Whose it is.
    pub(super) user: UserId,
    /// What they have to do with who makes the change.
    pub(super) tie: Tie,
    /// All that is held back from it, in order of assignment.
    pub(super) all: Vec<HeldBack>,
    /// What of it did not count otherwise before.
    pub(super) new: Vec<HeldBack>,
}

/// What does not count yet for the maker of a change, for accounts that may be theirs, and for whoever could
/// sign in as them.
pub(super) fn held(
    before: &Organisation,
    after: &Organisation,
    maker: UserId,
    known: &Known,
    now: Time,
) -> Vec<Held> {
    let is_free = known.is_free(before, maker, now);
    let accounts = known.accounts(after, maker, is_free).into_iter();
    accounts
        .map(|(user, tie)| {
            let all = held_back(before, after, user, now);
            let is_known =
                |held: &&HeldBack| before.held_back_from(user).any(|known| known == *held);
            let new = all.iter().filter(|held| !is_known(held)).copied().collect();
            Held {
                user,
                tie,
                all,
                new,
            }
        })
        .filter(|held| !held.new.is_empty())
        .collect()
}

/// What the maker is told of it before they save it.
pub(super) fn sentence(held: &Held, after: &Organisation) -> Sentence {
    let name = || {
        let name = after.user_name(held.user).unwrap_or_default();
        Piece::of(Thing::User(held.user), name.to_owned())
    };
    let mut pieces: Vec<Piece> = match held.tie {
        Tie::Maker => vec!["For you it counts 24 hours later: it gives you more of ".into()],
        Tie::Theirs => vec![
            "For ".into(),
            name(),
            ", too, it counts 24 hours later: the account has your mail address, or you were shown its \
             link. It gives it more of "
                .into(),
        ],
        Tie::Behind => vec![
            "For ".into(),
            name(),
            ", who could sign in as you, it counts 24 hours later: it gives them more of ".into(),
        ],
    };
    for (place, resource) in resources(&held.new, after).into_iter().enumerate() {
        match place {
            0 => pieces.push(resource),
            1..MAX_NAMES => pieces.extend([", ".into(), resource]),
            _ => {}
        }
    }
    let unnamed = resources(&held.new, after).len().saturating_sub(MAX_NAMES);
    if unnamed > 0 {
        pieces.push(format!(" and {unnamed} more").into());
    }
    pieces.push(". The administrators are told.".into());
    pieces.into_iter().collect()
}

/// Keeps what of a change does not count yet ([`held`]), in the
/// transaction that wrote it and before anything follows from it; the other administrators are told.
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
    let known = Known::read(tx).await?;
    for held in held(before, &after, maker, &known, now) {
        keep_one(tx, &after, held, maker, now).await?;
    }
    Ok(())
}

/// Keeps that nothing counts yet of what an account has that nobody ever signed in to: the link to its first
/// password is shown to `maker`.
///
/// # Errors
/// The store's failure.
pub(crate) async fn keep_entered(
    tx: &mut dyn Write,
    of: &Organisation,
    account: UserId,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let mut without = of.clone();
    without.set_user(account, None);
    let known = Known::read(tx).await?;
    let held = held(&without, of, maker, &known, now).into_iter();
    for held in held.filter(|held| held.user == account) {
        keep_one(tx, of, held, maker, now).await?;
    }
    Ok(())
}

async fn keep_one(
    tx: &mut dyn Write,
    after: &Organisation,
    held: Held,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let Held {
        user,
        tie,
        all,
        new,
    } = held;
    tx.set_held_back(user, all).await?;
    let names: Vec<_> = { resources(&new, after).into_iter() }
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
            entity: Entity::User(user),
        },
        detail: json!({ "until": until, "resources": names }),
    };
    tx.record(entry).await?;
    let name = |user| after.user_name(user).unwrap_or_default().to_owned();
    let what = AboutAccount::GaveThemselves {
        who: name(maker),
        through: (user != maker).then(|| name(user)),
        is_behind: tie == Tie::Behind,
        resources: names.iter().take(MAX_NAMES).cloned().collect(),
        count: names.len(),
        until,
    };
    queue::admins(tx, maker, what, now).await
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
