//! Requests, grants and notices.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::ids::{AssignmentId, GrantId, NoticeId, RequestId, ResourceId, UserId};
pub use hourkey_domain::organisation::AccessHistory;
use hourkey_domain::request::{NewRequest, Request, State as RequestState};
pub use hourkey_domain::transition::{Replaced, Undoable};
use hourkey_protocol::notice::{Notice, What};

use crate::StoreError;

/// A grant that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// The request that made it.
    pub request: RequestId,
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// Through which assignment.
    pub assignment: AssignmentId,
    /// When it runs.
    pub window: Window,
    /// `Scheduled` or `Active`.
    pub state: GrantState,
}

/// A notice that has no id yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotice {
    /// Who should be told.
    pub user: UserId,
    /// The resource it is about.
    pub resource: ResourceId,
    /// The resource's name now.
    pub resource_name: String,
    /// What happened.
    pub what: What,
}

/// Who is asked to review what whom asked for: of all notices that ask for it, one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewOf {
    /// Who is asked.
    pub reviewer: UserId,
    /// Who wants access.
    pub requester: UserId,
    /// To what.
    pub resource: ResourceId,
}

/// Everything open between users and resources that time will end or start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Pending requests.
    pub requests: Vec<Request>,
    /// Scheduled and active grants.
    pub grants: Vec<Grant>,
}

/// Which open things are meant. All fields that are set must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// For this resource.
    pub resource: Option<ResourceId>,
    /// Whose next step (lapse, start, expiry, or the end date of the assignment) is due at this
    /// time.
    pub due_at: Option<DateTime<Utc>>,
}

/// An unlock by an administrator: without a request, or by approving one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUnlock {
    /// For whom.
    pub user: UserId,
    /// What.
    pub resource: ResourceId,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: UserId,
}

/// Which decided requests are meant. All fields that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecidedFilter {
    /// Decided, or ended, at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// A text that stands in the reason, or in the name or login of the person or the name of the resource,
    /// as they are now. It is found in small and capital letters, and with a capital first.
    pub search: Option<String>,
}

/// Which requests are meant. All fields that are set must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// For this resource.
    pub resource: Option<ResourceId>,
}

/// Which requests are looked for. All fields that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSearch {
    /// Whose, and for what.
    pub of: RequestFilter,
    /// What became of them.
    pub outcome: Option<RequestOutcome>,
    /// Words that each stand in the reason, in the name or login of the person, or in the name of the
    /// resource, as they are now. They are found in small and capital letters, and with a capital first.
    pub words: Vec<String>,
    /// Made before this time.
    pub made_before: Option<DateTime<Utc>>,
    /// Which made a grant that is scheduled or runs, and ends before this time.
    pub ends_before: Option<DateTime<Utc>>,
}

impl From<RequestFilter> for RequestSearch {
    fn from(of: RequestFilter) -> Self {
        Self {
            of,
            ..Self::default()
        }
    }
}

/// What became of a request and its grant, as it is kept: what time alone ends is kept once it is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It waits for a reviewer.
    Waiting,
    /// Its grant starts later.
    Scheduled,
    /// Its grant runs.
    Granted,
    /// It gave a grant more time.
    Extended,
    /// It unlocked what had locked by disuse.
    Unlocked,
    /// Its grant came to its end.
    Ended,
    /// Its grant was given back.
    GivenBack,
    /// Its grant was revoked.
    Revoked,
    /// It was denied.
    Denied,
    /// It was cancelled.
    Cancelled,
    /// Nobody decided it in time.
    Expired,
}

impl RequestFilter {
    /// All of this user.
    #[must_use]
    pub fn of(user: UserId) -> Self {
        Self {
            user: Some(user),
            resource: None,
        }
    }
}

impl OpenFilter {
    /// All that is open between a user and a resource.
    #[must_use]
    pub fn between(user: UserId, resource: ResourceId) -> Self {
        Self {
            user: Some(user),
            resource: Some(resource),
            due_at: None,
        }
    }
}

/// Reads requests, grants and notices.
#[async_trait]
pub trait AccessRead: Send {
    /// One request.
    async fn request(&mut self, id: RequestId) -> Result<Option<Request>, StoreError>;

    /// What the resource of a request was called when it was asked for.
    async fn name_when_asked(&mut self, id: RequestId) -> Result<Option<String>, StoreError>;

    /// One grant.
    async fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError>;

    /// The newest grant that a request made (one that goes back to review may make another).
    async fn grant_of(&mut self, request: RequestId) -> Result<Option<Grant>, StoreError>;

    /// Pending requests and scheduled or active grants, by stored state, in order of id.
    async fn open(&mut self, filter: OpenFilter) -> Result<Open, StoreError>;

    /// When the next lapse, start, expiry or assignment end of anything open is due, a notice is to
    /// be told anew, or the next session ends by itself.
    async fn next_deadline(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// The requests that are looked for, newest first, ids below `before`, at most `limit`.
    async fn newest_requests(
        &mut self,
        search: &RequestSearch,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Request>, StoreError>;

    /// When an administrator last unlocked each resource for each user; in no order. An approved request
    /// counts when whoever approved it is an administrator now.
    async fn last_unlocks(&mut self, filter: RequestFilter) -> Result<Vec<LastUnlock>, StoreError>;

    /// The approved extensions of scheduled and active grants, in order of id.
    async fn live_extensions(&mut self, filter: RequestFilter) -> Result<Vec<Request>, StoreError>;

    /// Requests of all users that were decided or ended, newest first, ids below `before`.
    async fn decided_requests(
        &mut self,
        filter: &DecidedFilter,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Request>, StoreError>;

    /// What happened between a user and each resource (or just one of them).
    async fn access_history(
        &mut self,
        user: UserId,
        resource: Option<ResourceId>,
    ) -> Result<Vec<(ResourceId, AccessHistory)>, StoreError>;

    /// What happened between any user and any resource, where something did.
    async fn all_access_history(
        &mut self,
    ) -> Result<Vec<((UserId, ResourceId), AccessHistory)>, StoreError>;

    /// The requests with these ids, in order of id.
    async fn requests(&mut self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError>;

    /// The decision of a request, while it may be taken back.
    async fn undoable(&mut self, request: RequestId) -> Result<Option<Undoable>, StoreError>;

    /// The grants with these ids, in order of id.
    async fn grants(&mut self, ids: &[GrantId]) -> Result<Vec<Grant>, StoreError>;

    /// How many grants a user had for a resource that started at or after `since`.
    async fn grants_since(
        &mut self,
        user: UserId,
        resource: ResourceId,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError>;

    /// A user's notices with their sequence numbers above `after_seq`, newest first, at most
    /// `limit`.
    async fn notices(
        &mut self,
        user: UserId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError>;

    /// The notice that asks for a review, if there is one.
    async fn review_notice(&mut self, of: ReviewOf) -> Result<Option<Notice>, StoreError>;

    /// The notices that are due to be told anew at `now`, those about one request together.
    async fn review_notices_due(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ReviewOf, Notice)>, StoreError>;
}

/// Writes requests and grants. Each change is recorded by [`crate::log::LogWrite::record`].
#[async_trait]
pub trait AccessWrite: AccessRead {
    /// Keeps a new pending request.
    async fn insert_request(&mut self, new: NewRequest) -> Result<RequestId, StoreError>;

    /// Keeps what a decision replaced, in place of an earlier one of the same request.
    async fn put_undoable(&mut self, decision: Undoable) -> Result<(), StoreError>;

    /// Forgets what a decision replaced.
    async fn remove_undoable(&mut self, request: RequestId) -> Result<(), StoreError>;

    /// Sets what became of a request.
    async fn set_request_state(
        &mut self,
        id: RequestId,
        state: RequestState,
    ) -> Result<(), StoreError>;

    /// Keeps a new grant.
    async fn insert_grant(&mut self, new: NewGrant) -> Result<GrantId, StoreError>;

    /// Sets where a grant stands.
    async fn set_grant_state(&mut self, id: GrantId, state: GrantState) -> Result<(), StoreError>;

    /// Sets when a grant runs: a scheduled one may be shortened when it starts (rule 7), a running one
    /// extended (rule 5).
    async fn set_grant_window(&mut self, id: GrantId, window: Window) -> Result<(), StoreError>;

    /// Keeps a notice; it carries the sequence number of the change recorded last in this
    /// transaction.
    async fn insert_notice(
        &mut self,
        new: NewNotice,
        at: DateTime<Utc>,
    ) -> Result<NoticeId, StoreError>;

    /// [`AccessWrite::insert_notice`] for one that asks for a review, in place of those that did.
    async fn replace_review_notice(
        &mut self,
        requester: UserId,
        new: NewNotice,
        at: DateTime<Utc>,
    ) -> Result<NoticeId, StoreError>;

    /// Has a notice that asks for a review say something else, which is due to be told anew at
    /// `again_at`, or earlier if it was.
    async fn postpone_review_notice(
        &mut self,
        id: NoticeId,
        what: What,
        again_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Removes what asks for a review.
    async fn remove_review_notices(&mut self, of: ReviewOf) -> Result<(), StoreError>;
}
