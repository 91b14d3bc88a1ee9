//! Keeps one change: the new state, its audit and change-log entry, and who is told (rule 12).

use hourkey_domain::Time;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{GrantId, ResourceId, UserId};
use hourkey_domain::request::Request;
use hourkey_protocol::notice::What;
use hourkey_store::access::NewNotice;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{StoreError, Write};
use serde_json::{Value, json};

use super::show;
use crate::failure::Failure;

/// Who did what: the same for all entries of one act.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Who acts; `None` for the system.
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

impl Act {
    /// An entry about a request and, where there is one, its grant.
    pub async fn record(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        request: &Request,
        grant: Option<GrantId>,
        detail: Value,
    ) -> Result<(), Failure> {
        let subject = Subject::Access {
            user: request.user,
            resource: request.resource,
            request: request.id,
            grant,
        };
        let entry = Entry {
            at: self.at,
            actor: self.by,
            action,
            subject,
            detail,
        };
        tx.record(entry).await?;
        Ok(())
    }

    /// A request's new state.
    pub async fn request(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        before: &Request,
        after: &Request,
    ) -> Result<(), Failure> {
        tx.set_request_state(after.id, after.state.clone()).await?;
        let detail = json!({ "from": before.state, "to": after.state });
        self.record(tx, action, after, None, detail).await
    }

    /// A grant's new state and window.
    pub async fn grant(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        before: &Grant,
        after: &Grant,
    ) -> Result<(), Failure> {
        if before.window != after.window {
            tx.set_grant_window(after.id, after.window).await?;
        }
        tx.set_grant_state(after.id, after.state.clone()).await?;
        let subject = Subject::Access {
            user: after.user,
            resource: after.resource,
            request: after.request,
            grant: Some(after.id),
        };
        let detail = json!({
            "from": before.state,
            "to": after.state,
            "starts_at": after.window.starts_at,
            "expires_at": after.window.expires_at,
        });
        tx.record(Entry {
            at: self.at,
            actor: self.by,
            action,
            subject,
            detail,
        })
        .await?;
        Ok(())
    }

    /// A notice for one person, with the change recorded last.
    pub async fn tell(
        self,
        tx: &mut dyn Write,
        user: UserId,
        resource: ResourceId,
        what: What,
    ) -> Result<(), Failure> {
        let Some((known, _)) = tx.resource(resource).await? else {
            return Err(StoreError::Corrupt(format!("no resource {resource}")).into());
        };
        let notice = NewNotice {
            user,
            resource,
            resource_name: known.name,
            what,
        };
        tx.insert_notice(notice, self.at).await?;
        Ok(())
    }

    /// A notice for everybody who may decide the request.
    pub async fn ask_for_review(
        self,
        tx: &mut dyn Write,
        request: &Request,
    ) -> Result<(), Failure> {
        let requester = name(tx, request.user).await?;
        for reviewer in tx.reviewers_of(request.resource).await? {
            if reviewer == request.user {
                continue;
            }
            let what = What::PleaseReview {
                request: request.id,
                requester: requester.clone(),
                reason: request.reason.as_str().to_owned(),
                asked: show::length(request.terms.purpose, request.asked),
            };
            self.tell(tx, reviewer, request.resource, what).await?;
        }
        Ok(())
    }
}

/// A person's display name.
pub async fn name(tx: &mut dyn Write, user: UserId) -> Result<String, Failure> {
    let Some((_, name)) = tx.user_name(user).await? else {
        return Err(StoreError::Corrupt(format!("no user {user}")).into());
    };
    Ok(name)
}
