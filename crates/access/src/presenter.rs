//! Requests and grants as people see them: with names, and as time alone has made them.

use std::collections::HashMap;

use chrono::{Offset as _, Utc};
use hourkey_domain::Time;
use hourkey_domain::format::{dated, endpoint};
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{AssignmentId, GrantId, GroupId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::request::{Purpose, Request, State as RequestState};
use hourkey_protocol::access::{
    Grant as ShownGrant, GrantStatus, Person, Principal, Request as Shown, RequestStatus,
};
use hourkey_store::{Read, StoreError};

use crate::error::AppError;

/// One request, which must exist.
pub async fn request(tx: &mut dyn Read, id: RequestId, now: Time) -> Result<Shown, AppError> {
    let Some(request) = tx.request(id).await? else {
        return Err(missing("request", id));
    };
    Show::new(tx, now).request(request).await
}

/// One grant, which must exist.
pub(crate) async fn grant(
    tx: &mut dyn Read,
    id: GrantId,
    now: Time,
) -> Result<ShownGrant, AppError> {
    let Some(grant) = tx.grant(id).await? else {
        return Err(missing("grant", id));
    };
    Show::new(tx, now).grant(grant).await
}

/// The length, where there is one that was asked for.
pub(super) fn length(purpose: Purpose, length: Length) -> Option<Length> {
    match purpose {
        Purpose::Grant | Purpose::Extension(_) => Some(length),
        Purpose::Unlock => None,
    }
}

/// When access would end if a request were approved now, while it waits.
pub(crate) async fn ends_at(
    tx: &mut dyn Read,
    request: Request,
    now: Time,
) -> Result<Option<Time>, AppError> {
    let Ok(pending) = request.pending(now) else {
        return Ok(None);
    };
    let terms = pending.request().terms;
    let Some(live) = tx.effective_assignment(terms.assignment).await? else {
        return Ok(None);
    };
    let running = match terms.purpose.extends() {
        Some(grant) => tx.grant(grant).await?.map(|grant| grant.window),
        None => None,
    };
    Ok(pending.ends_at(running, &live, now))
}

/// Says when access would end if a request were approved now: for an answer that is looked at, and not
/// kept.
pub(super) async fn with_end(
    tx: &mut dyn Read,
    shown: Shown,
    now: Time,
) -> Result<Shown, AppError> {
    let ends_at = match tx.request(shown.id).await? {
        Some(request) => ends_at(tx, request, now).await?,
        None => None,
    };
    Ok(Shown { ends_at, ..shown })
}

/// What became of it before somebody came too late, and that they changed nothing.
pub(super) fn too_late(told: &str, at: Option<Time>) -> String {
    let when = at.map(|at| format!(" That was on {} UTC.", dated(at, Utc.fix())));
    format!("{told}{} Nothing was changed.", when.unwrap_or_default())
}

fn missing(what: &str, id: impl std::fmt::Display) -> AppError {
    StoreError::Corrupt(format!("no {what} {id}")).into()
}

/// Puts names to ids, each looked up once.
pub struct Show<'t> {
    tx: &'t mut (dyn Read + 't),
    now: Time,
    /// Who asked, when it is they who look.
    requester: Option<UserId>,
    people: HashMap<UserId, Person>,
    resources: HashMap<ResourceId, (String, String)>,
    groups: HashMap<GroupId, String>,
    /// When assignments end that grants rest on.
    untils: HashMap<AssignmentId, Option<Time>>,
}

impl<'t> Show<'t> {
    /// Shows what is read in this transaction, at this time.
    pub fn new(tx: &'t mut (dyn Read + 't), now: Time) -> Self {
        let (people, resources, groups) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self {
            tx,
            now,
            requester: None,
            people,
            resources,
            groups,
            untils: HashMap::new(),
        }
    }

    /// For the requester's own eyes: name and address may have changed since they saw the resource
    /// last (rule 1), so they are told neither once they do not see it any more.
    pub fn for_requester(self, user: UserId) -> Self {
        Self {
            requester: Some(user),
            ..self
        }
    }

    /// A request with its grant.
    pub async fn request(&mut self, request: Request) -> Result<Shown, AppError> {
        let request = match request.pending(self.now) {
            Ok(pending) => pending.request().clone(),
            Err(settled) => settled,
        };
        let grant = self.grant_of(&request).await?;
        // What clients keep is without ends that move with the time.
        let ends_at = match (request.terms.purpose.extends(), request.starts_at) {
            (None, None) => None,
            _ => ends_at(self.tx, request.clone(), self.now).await?,
        };
        let grant = match grant {
            Some(grant) => Some(self.grant(grant).await?),
            None => None,
        };
        // An extension lapses with its grant.
        let ended = grant
            .as_ref()
            .filter(|_| request.terms.purpose.extends().is_some());
        let lapses_at = ended.map_or(request.lapses_at, |it| it.expires_at.min(request.lapses_at));
        let (resource_name, resource_address) = self.resource(&request).await?;
        Ok(Shown {
            id: request.id,
            requester: self.person(request.user).await?,
            resource: request.resource,
            resource_name,
            resource_address,
            group_name: self.group(request.terms.group).await?,
            reason: request.reason.into(),
            purpose: request.terms.purpose,
            asked: length(request.terms.purpose, request.asked),
            approval: request.terms.approval,
            starts_at: request.starts_at,
            created_at: request.created_at,
            lapses_at,
            status: self.status(request.state, request.terms.purpose).await?,
            grant,
            ends_at,
        })
    }

    /// The grant that a request extends, or the one that it made; one that went back to review has
    /// lost what it made before.
    async fn grant_of(&mut self, request: &Request) -> Result<Option<Grant>, AppError> {
        Ok(match (request.terms.purpose.extends(), &request.state) {
            (Some(grant), _) => self.tx.grant(grant).await?,
            (None, RequestState::Approved { .. }) => self.tx.grant_of(request.id).await?,
            (
                None,
                RequestState::Pending
                | RequestState::Denied { .. }
                | RequestState::Cancelled { .. }
                | RequestState::Lapsed { .. },
            ) => None,
        })
    }

    /// A grant.
    pub(crate) async fn grant(&mut self, grant: Grant) -> Result<ShownGrant, AppError> {
        let grant = grant.at(self.now);
        let expires_at = grant.ends_at(self.until(grant.assignment).await?);
        let status = match grant.state {
            GrantState::Scheduled => GrantStatus::Scheduled,
            GrantState::Active => GrantStatus::Active,
            GrantState::Expired { at } => GrantStatus::Expired { at },
            GrantState::Released { at } => GrantStatus::Released { at },
            GrantState::Revoked {
                at,
                by,
                on_behalf_of,
                cause,
                comment,
            } => {
                let by = self.maybe_decider(by, on_behalf_of).await?;
                GrantStatus::Revoked {
                    at,
                    by,
                    cause,
                    comment: comment.into(),
                }
            }
        };
        Ok(ShownGrant {
            id: grant.id,
            request: grant.request,
            starts_at: grant.window.starts_at,
            expires_at,
            status,
        })
    }

    async fn status(
        &mut self,
        state: RequestState,
        purpose: Purpose,
    ) -> Result<RequestStatus, AppError> {
        Ok(match state {
            RequestState::Pending => RequestStatus::Pending,
            RequestState::Approved {
                at,
                by,
                on_behalf_of,
                length,
                comment,
            } => {
                let by = self.maybe_decider(by, on_behalf_of).await?;
                RequestStatus::Approved {
                    at,
                    by,
                    length: self::length(purpose, length),
                    comment: comment.into(),
                }
            }
            RequestState::Denied {
                at,
                by,
                on_behalf_of,
                comment,
            } => {
                let by = self.decider(by, on_behalf_of).await?;
                RequestStatus::Denied {
                    at,
                    by,
                    comment: comment.into(),
                }
            }
            RequestState::Cancelled { at, by, cause } => {
                let by = self.maybe_person(by).await?;
                RequestStatus::Cancelled { at, by, cause }
            }
            RequestState::Lapsed { at } => RequestStatus::Lapsed { at },
        })
    }

    async fn maybe_person(&mut self, id: Option<UserId>) -> Result<Option<Person>, AppError> {
        match id {
            Some(id) => self.person(id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn maybe_decider(
        &mut self,
        id: Option<UserId>,
        on_behalf_of: Option<UserId>,
    ) -> Result<Option<Person>, AppError> {
        match id {
            Some(id) => self.decider(id, on_behalf_of).await.map(Some),
            None => Ok(None),
        }
    }

    /// Who decided, and for whom.
    async fn decider(
        &mut self,
        id: UserId,
        on_behalf_of: Option<UserId>,
    ) -> Result<Person, AppError> {
        let principal = match on_behalf_of {
            Some(principal) => Some(self.principal(principal).await?),
            None => None,
        };
        Ok(Person {
            on_behalf_of: principal,
            ..self.person(id).await?
        })
    }

    /// Somebody on whose behalf a deputy decides.
    pub(crate) async fn principal(&mut self, id: UserId) -> Result<Principal, AppError> {
        let Person { id, name, .. } = self.person(id).await?;
        Ok(Principal { id, name })
    }

    /// A person.
    pub(crate) async fn person(&mut self, id: UserId) -> Result<Person, AppError> {
        if let Some(person) = self.people.get(&id) {
            return Ok(person.clone());
        }
        let Some((login, name)) = self.tx.user_name(id).await? else {
            return Err(missing("user", id));
        };
        let person = Person {
            id,
            login,
            name,
            on_behalf_of: None,
        };
        self.people.insert(id, person.clone());
        Ok(person)
    }

    /// Name and address; of a resource that the requester does not see, what it was called when
    /// they asked, and no address.
    async fn resource(&mut self, request: &Request) -> Result<(String, String), AppError> {
        let id = request.resource;
        if let Some(resource) = self.resources.get(&id) {
            return Ok(resource.clone());
        }
        if !self.is_seen(id).await? {
            let name = self.tx.name_when_asked(request.id).await?;
            return Ok((name.unwrap_or_default(), String::new()));
        }
        let Some((resource, _)) = self.tx.resource(id).await? else {
            return Err(missing("resource", id));
        };
        let address = endpoint(&resource.address.to_string(), &resource.ports);
        let resource = (resource.name, address);
        self.resources.insert(id, resource.clone());
        Ok(resource)
    }

    async fn is_seen(&mut self, id: ResourceId) -> Result<bool, AppError> {
        let Some(requester) = self.requester else {
            return Ok(true);
        };
        let reachable = self.tx.reachable(requester, Some(id)).await?;
        let mut assignments = reachable.iter().flat_map(|found| &found.assignments);
        Ok(assignments.any(|assignment| assignment.is_valid(self.now)))
    }

    /// When an assignment itself ends.
    async fn until(&mut self, id: AssignmentId) -> Result<Option<Time>, AppError> {
        if let Some(until) = self.untils.get(&id) {
            return Ok(*until);
        }
        let until = self.tx.assignment(id).await?.and_then(|own| own.until);
        self.untils.insert(id, until);
        Ok(until)
    }

    async fn group(&mut self, id: GroupId) -> Result<String, AppError> {
        if let Some(name) = self.groups.get(&id) {
            return Ok(name.clone());
        }
        let Some(name) = self.tx.group_name(id).await? else {
            return Err(missing("group", id));
        };
        self.groups.insert(id, name.clone());
        Ok(name)
    }
}
