//! Why somebody may or may not reach a resource. Reads the organisation as one value, and no table.

use hourkey_domain::Time;
use hourkey_domain::ids::GatewayId;
use hourkey_domain::naming::meant_among;
use hourkey_domain::organisation::Resource;
use hourkey_domain::organisation::explain::{Explanation, Question, Target, Viewer, explain};
use hourkey_protocol::problem::Code;

use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// A question as somebody asks it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The id of the resource, its name, alias or address.
    pub resource: String,
    /// The login of the person; the caller when left out.
    pub login: Option<String>,
    /// The moment; now when left out or past.
    pub at: Option<Time>,
}

/// Explains to the caller: their own access, that of those whom they review, or, as an
/// administrator or auditor, anybody's; with the moment that was now. Which gateways are connected now is known to who serves them.
///
/// # Errors
/// As for an unknown id where the person or the resource is unknown, or not the caller's to see
/// (rule 1); [`Code::Malformed`] where several that they see may be meant.
pub async fn explained(
    app: &App,
    caller: Caller,
    asked: &Asked,
    is_connected: impl Fn(GatewayId) -> bool,
) -> Result<(Explanation, Time), AppError> {
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
    let explained = |resource: &Resource| {
        let target = Target::Resource(resource.id);
        let question = Question { user, target, at };
        explain(&organisation, viewer, &question, now).ok()
    };
    let resources = organisation.resources().map(|resource| &**resource);
    let resources: Vec<_> = resources.collect();
    // Whether one that the caller may not see is called so must not show.
    let mut found = meant_among(&resources, &asked.resource, Resource::called, explained);
    match (found.pop(), found.as_slice()) {
        (None, _) => Err(AppError::not_found()),
        (Some((_, explanation)), []) => {
            let connected = explanation.with_connected(&organisation, now, is_connected);
            Ok((connected, now))
        }
        (Some(last), others) => {
            let several = others.iter().chain([&last]);
            let names = several.map(|(one, _)| format!("{} (id {})", one.name, one.id));
            let names: Vec<_> = names.collect();
            let detail = format!(
                "{} may mean any of these; give the id: {}",
                asked.resource,
                names.join(", ")
            );
            Err(AppError::refused(Code::Malformed, detail))
        }
    }
}
