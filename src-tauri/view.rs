//! What passes between the engine and the window: view models one way, commands the other.
//!
//! Plain data only, so that the window could become a process of its own. The TypeScript twins in
//! `ui/src/view/` are generated from these types by the test below, which fails when they were
//! out of date.
//! All times are milliseconds since the Unix epoch by the **server's** clock.

use serde::Serialize;
use ts_rs::TS;

use crate::intent::{Intent, Tab};

/// A view model that the engine pushes. Each is whole, never a difference.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "view", content = "value", rename_all = "camelCase")]
pub enum ViewUpdate {
    /// Who is signed in, and how well the engine is connected.
    Session(Session),
    /// Every resource the person may see, in display order.
    Resources(Vec<Resource>),
    /// The notices kept, newest first.
    Inbox(Vec<InboxItem>),
    /// Requests that wait for this person's review, oldest first; `None` when they review nothing.
    Reviews(Option<Vec<Review>>),
    /// Requests that waited for their review lately and were decided, by anybody.
    Decided(Vec<Decided>),
    /// What the settings tab shows.
    Settings(Settings),
    /// The engine asks the window to show this tab.
    Show(Tab),
}

/// Sign-in and connection.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// What the window may show.
    pub state: SessionState,
    /// The server's time now; the window counts on from here by its own monotonic clock. The
    /// engine pushes this at least once a minute while a window is open.
    #[ts(type = "number")]
    pub now: i64,
    /// Things that are missing on this machine, each with what to do about it.
    pub warnings: Vec<Warning>,
}

/// Where the engine stands.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum SessionState {
    /// Nobody is signed in.
    SignedOut {
        /// The controller's address as last used, or empty.
        controller: String,
        /// Why the last attempt failed, as a sentence a person can act on.
        error: Option<String>,
    },
    /// The browser is open on the sign-in page and the engine waits for it.
    SigningIn {
        /// The controller's address.
        controller: String,
    },
    /// Signed in; the first snapshot is on its way.
    Loading {
        /// The controller's address.
        controller: String,
    },
    /// Connected, and everything shown is current.
    Live {
        /// Who is signed in.
        account: Account,
    },
    /// What is shown was true at `since`; the engine keeps trying.
    Offline {
        /// Who is signed in.
        account: Account,
        /// When the controller was last heard.
        #[ts(type = "number")]
        since: i64,
        /// What is wrong, as a sentence.
        why: String,
    },
}

/// Who is signed in where.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The person's display name.
    pub name: String,
    /// The name they sign in with.
    pub login: String,
    /// The organisation's name.
    pub organisation: String,
    /// The controller's address.
    pub controller: String,
}

/// Something that is missing on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Stable name, for example `keyring`, `tray` or `notifications`.
    pub id: String,
    /// What is missing, and what that means.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
    /// What the system said, for whoever looks into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub details: Option<String>,
}

/// One row of the resources tab.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Resource id.
    #[ts(type = "number")]
    pub id: i64,
    /// Display name.
    pub name: String,
    /// Address and port as a person would type it, for example `payroll-db.corp:5432`.
    pub address: String,
    /// Alias, where there is one (searched, and shown beside the address).
    pub alias: Option<String>,
    /// Network and tags (searched only).
    pub keywords: String,
    /// What it is. Absent where nobody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub description: Option<String>,
    /// How to use it, possibly of several lines, while it is open or granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub how_to_use: Option<String>,
    /// The lock state.
    pub lock: Lock,
    /// True where Open in browser makes sense (a web address).
    pub opens: bool,
    /// True where a port of this computer can lead to it (one host and port, and no web address).
    pub forwards: bool,
    /// The port of this computer that does: `127.0.0.1:PORT`.
    pub forwarded: Option<String>,
}

/// What one person sees of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Lock {
    /// Open without a grant: always, or until it locks for lack of use.
    Open {
        /// When it locks if it stays unused.
        #[ts(type = "number | null")]
        locks_at: Option<i64>,
    },
    /// A grant runs.
    Granted {
        /// The grant.
        #[ts(type = "number")]
        grant: i64,
        /// When it started.
        #[ts(type = "number")]
        started_at: i64,
        /// When it ends.
        #[ts(type = "number")]
        expires_at: i64,
        /// Who approved it, and their word: `Approved by Rosa: “Only the replica.”` Absent where
        /// nobody had to.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        approved: Option<String>,
        /// The request for more time that waits.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        extension: Option<i64>,
    },
    /// A grant starts later.
    Scheduled {
        /// The grant.
        #[ts(type = "number")]
        grant: i64,
        /// When it starts.
        #[ts(type = "number")]
        starts_at: i64,
        /// As of one that runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        approved: Option<String>,
    },
    /// A request waits for its reviewer.
    Pending {
        /// The request.
        #[ts(type = "number")]
        request: i64,
        /// When it was asked.
        #[ts(type = "number")]
        since: i64,
        /// When it lapses.
        #[ts(type = "number")]
        lapses_at: i64,
    },
    /// Locked.
    Locked {
        /// True where the person opens it themselves with a reason, false where a reviewer decides.
        automatic: bool,
        /// It was open, and locked because the person did not use it.
        unused: bool,
        /// It opens for nobody: it is disabled.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[ts(optional, as = "Option<bool>")]
        disabled: bool,
        /// The last request was denied at this time (within the last day).
        #[ts(type = "number | null")]
        denied_at: Option<i64>,
        /// What was decided against the person within the last day.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        decision: Option<Decision>,
    },
}

/// What was last decided against the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// A grant was revoked; otherwise a request was denied.
    pub revoked: bool,
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// Who did what and why: `Denied by Rosa: “Use the copy.”`
    pub sentence: String,
    /// When it opens by a reason again, where a revocation switched that off.
    #[ts(type = "number | null")]
    pub automatic_at: Option<i64>,
}

/// A request that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The request.
    #[ts(type = "number")]
    pub id: i64,
    /// What became of it: `Rosa approved it for 2 hours.`
    pub sentence: String,
}

/// One kept notice.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InboxItem {
    /// Stable key.
    pub key: String,
    /// Which icon and colour: the notice's kind.
    pub kind: InboxKind,
    /// Headline, the same words as the notification's.
    pub title: String,
    /// Second line, possibly empty.
    pub body: String,
    /// When it happened.
    #[ts(type = "number")]
    pub at: i64,
    /// What a click does, if anything.
    pub action: Option<Intent>,
    /// The action's label.
    pub action_label: Option<String>,
    /// The person has not read it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub unread: bool,
}

/// Kinds of notices as far as their look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum InboxKind {
    /// Approved.
    Approved,
    /// Denied.
    Denied,
    /// Ends soon.
    Ending,
    /// Ended.
    Ended,
    /// Revoked.
    Revoked,
    /// Cancelled by the system, or lapsed.
    Cancelled,
    /// Somebody waits for a review.
    Review,
}

/// A request in the review queue.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The request.
    #[ts(type = "number")]
    pub id: i64,
    /// Who asks.
    pub requester: String,
    /// For what.
    pub resource: String,
    /// As a member of which group.
    pub group: String,
    /// The reason as typed.
    pub reason: String,
    /// Length asked for, in seconds; `None` for an unlock, which has none.
    #[ts(type = "number | null")]
    pub seconds: Option<u32>,
    /// When the grant ends for which more time is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub extends: Option<i64>,
    /// When it would end if it were approved at the moment of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub extended_until: Option<i64>,
    /// When access should start; absent for at approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub starts_at: Option<i64>,
    /// When access ends at the latest, however long is approved. Absent where only its length limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub ends_by: Option<i64>,
    /// For whom the person decides as a deputy. Absent in their own right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub on_behalf_of: Option<String>,
    /// Whom an administrator asked to decide it. Absent where nobody was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub asked_reviewers: Vec<String>,
    /// When it was asked.
    #[ts(type = "number")]
    pub since: i64,
    /// When it lapses.
    #[ts(type = "number")]
    pub lapses_at: i64,
    /// How often the requester had this resource in the last 30 days.
    #[ts(type = "number")]
    pub recent_grants: u32,
    /// False while its requester could have signed in as this person: it is shown, and somebody else decides.
    pub may_decide: bool,
}

/// The settings tab.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Start Hourkey at login; `None` where this system offers no such thing.
    pub start_at_login: Option<bool>,
    /// Show native notifications.
    pub notifications: bool,
    /// Where the refresh token is kept, as a sentence.
    pub secret_store: String,
    /// Browsers are set up to reach resources through the app; `None` where that is done by hand.
    pub browsers: Option<bool>,
    /// How programs reach resources through the app; `None` while they cannot.
    pub local_proxy: Option<LocalProxy>,
    /// The app's version.
    pub version: String,
    /// The folder of the log files.
    pub log_folder: String,
}

/// How programs reach resources through the app.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LocalProxy {
    /// As an HTTP or SOCKS5 proxy.
    pub proxy: String,
    /// For browsers: the address of the automatic proxy configuration.
    pub pac: String,
}

#[cfg(test)]
mod tests;
