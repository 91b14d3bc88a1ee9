//! Of whom the organisation requires a second factor: set by administrators, read by auditors.

use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Read, Room, StoreError};
use serde_json::json;

pub use hourkey_store::second_factor::TwoStepFor;

use crate::app::App;
use crate::error::AppError;

/// What administrators and auditors see.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// Of whom it is required.
    pub of: TwoStepFor,
    /// Those whose roles decide about others, by name, and whether they have a second factor.
    pub people: Vec<(UserId, String, bool)>,
    /// Whether who looks may change it.
    pub administers: bool,
}

/// Whether somebody with these roles decides about others: of them it can be required.
fn decides(roles: &[Role]) -> bool {
    roles.iter().any(|role| match role {
        Role::Admin | Role::Operator | Role::AccessReviewer => true,
        Role::Member | Role::Auditor => false,
    })
}

/// Whether a second factor is required of this person.
///
/// # Errors
/// The store's failure.
pub async fn is_required(tx: &mut dyn Read, user: &User) -> Result<bool, StoreError> {
    Ok(decides(&user.roles) && tx.two_step_for().await? == TwoStepFor::Roles)
}

/// Whether a second factor is required of this person, and they have none.
///
/// # Errors
/// The store's failure.
pub async fn owes(tx: &mut dyn Read, user: &User) -> Result<bool, StoreError> {
    Ok(is_required(tx, user).await? && tx.second_factor(user.id).await?.is_none())
}

/// What is required, and who has it.
///
/// # Errors
/// As for an unknown page, for who neither administers nor audits.
pub async fn look(app: &App, user: UserId) -> Result<Requirement, AppError> {
    let mut tx = app.store.read().await?;
    let administers = may_look(&mut *tx, user).await?;
    let of = tx.two_step_for().await?;
    let with = tx.with_second_factor().await?;
    drop(tx);
    let organisation = app.organisation().await?;
    let deciding = organisation.users().filter(|one| !one.disabled);
    let deciding = deciding.filter(|one| decides(&one.roles));
    let mut people: Vec<_> = deciding
        .map(|one| (one.id, one.name.clone(), with.contains(&one.id)))
        .collect();
    people.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    Ok(Requirement {
        of,
        people,
        administers,
    })
}

/// Sets of whom it is required. `seen` is what stood there when the form was opened.
///
/// # Errors
/// As [`look`]; [`Code::Forbidden`] for auditors; [`Code::AlreadyDecided`] where somebody else has changed
/// it since.
pub async fn save(
    app: &App,
    user: UserId,
    seen: TwoStepFor,
    of: TwoStepFor,
) -> Result<(), AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            if !may_look(tx, user).await? {
                return Err(AppError::refused(
                    Code::Forbidden,
                    "Only administrators change how people sign in.",
                ));
            }
            let before = tx.two_step_for().await?;
            if before != seen {
                return Err(AppError::refused(
                    Code::AlreadyDecided,
                    "Somebody else has changed this since you opened the page. Nothing was saved. Open \
                     the page again to see theirs.",
                ));
            }
            if before == of {
                return Ok(());
            }
            tx.set_two_step_for(of).await?;
            let entry = Entry {
                at: now,
                actor: Some(user),
                action: AuditAction::SignInSettingsChanged,
                // What clients are told of others may change for each of them.
                subject: Subject::Organisation {
                    entity: Entity::Any,
                },
                detail: json!({ "two_step_for": { "from": before.as_str(), "to": of.as_str() } }),
            };
            tx.record(entry).await?;
            Ok(())
        })
    })
    .await
}

/// Whether they may change it; for who may not even look there is no such page.
async fn may_look(tx: &mut dyn Read, user: UserId) -> Result<bool, AppError> {
    let roles = tx.user(user).await?.filter(|user| !user.disabled);
    let roles = roles.map(|user| user.roles).unwrap_or_default();
    match (roles.contains(&Role::Admin), roles.contains(&Role::Auditor)) {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(AppError::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_required_of_those_who_decide_about_others() {
        let of = |role| decides(&[Role::Member, role]);
        assert!(of(Role::Admin) && of(Role::Operator) && of(Role::AccessReviewer));
        assert!(!of(Role::Auditor) && !of(Role::Member));
    }
}
