//! Why somebody may or may not reach a resource. Reads the organisation as one value, and no table.

use hourkey_domain::Time;
use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::explain::{Explanation, Question, Target, Viewer, explain};

use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// A question as somebody asks it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The id of the resource, or its name.
    pub resource: String,
    /// The login of the person; the caller when left out.
    pub login: Option<String>,
    /// The moment; now when left out or past.
    pub at: Option<Time>,
}

/// Explains to the caller: their own access, that of those whom they review, or, as an
/// administrator, anybody's.
///
/// # Errors
/// As for an unknown id where the person or the resource is unknown, or not the caller's to see
/// (rule 1).
pub async fn explained(app: &App, caller: Caller, asked: &Asked) -> Result<Explanation, AppError> {
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let viewer = Viewer {
        user: caller.user,
        reaches_others: caller.reaches_others(),
    };
    let user = match &asked.login {
        None => Some(caller.user),
        Some(login) => organisation.user_by_login(login).map(|user| user.id),
    };
    let user = user.ok_or_else(AppError::not_found)?;
    let at = asked.at.unwrap_or(now);
    // All of them are tried: whether an id that the caller may not see exists must not show.
    let mut found = named(&organisation, &asked.resource).filter_map(|target| {
        let question = Question { user, target, at };
        explain(&organisation, viewer, &question, now).ok()
    });
    found.next().ok_or_else(AppError::not_found)
}

/// The resources that a text may mean: by its id, then by its name.
fn named<'a>(of: &'a Organisation, text: &'a str) -> impl Iterator<Item = Target> + 'a {
    let by_id = text.parse().ok();
    let by_name = of.resource_by_name(text).map(|resource| resource.id);
    by_id.into_iter().chain(by_name).map(Target::Resource)
}
