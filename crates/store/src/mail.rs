//! Mail: how it is sent, what waits to be sent, and what people do not want.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::deputy::DeputyEnd;
use hourkey_domain::ids::{GrantId, MailId, ResourceId, UserId};
use hourkey_protocol::notice::What;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The server that takes our mail, and whom it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// The server's name or IP address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// The name to sign in with; `None` where the server wants none.
    pub login: Option<String>,
    /// The password, sealed by a key that the store does not hold.
    pub password: Option<Vec<u8>>,
    /// The sender's mail address.
    pub sender: String,
    /// The sender's name, possibly empty.
    pub sender_name: String,
    /// Certificates in PEM that are trusted beside the system's, possibly empty.
    pub authorities: String,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// Starts in the clear; TLS is required before anything is said (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None.
    Clear,
}

/// How sending goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailStatus {
    /// When the server took a mail last.
    pub sent_at: Option<DateTime<Utc>>,
    /// What the server said last, or why it could not be asked.
    pub said: String,
    /// What keeps all mail waiting.
    pub trouble: Option<MailTrouble>,
}

/// Why no mail at all goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTrouble {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// When the server is asked again.
    pub next_at: DateTime<Utc>,
}

/// A kind of mail: what people choose among.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    /// Somebody's request waits for a reviewer.
    Review,
    /// A request was approved.
    Approved,
    /// A request was denied.
    Denied,
    /// A request expired, or the system cancelled it.
    Closed,
    /// What had locked is open again.
    Unlocked,
    /// Access came to its end.
    Ended,
    /// Access was revoked.
    Revoked,
    /// Something about the reader's own account, or about another one that administrators must know.
    Account,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Review,
        Self::Approved,
        Self::Denied,
        Self::Closed,
        Self::Unlocked,
        Self::Ended,
        Self::Revoked,
        Self::Account,
    ];

    /// Its name in the store, in forms and in the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Closed => "closed",
            Self::Unlocked => "unlocked",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
            Self::Account => "account",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl MailSecurity {
    /// Its name in the store, in forms and in the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Clear => "clear",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let all = [Self::StartTls, Self::Tls, Self::Clear];
        all.into_iter().find(|security| security.as_str() == name)
    }
}

/// What a mail tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailContent {
    /// The same as a notice.
    Notice {
        /// What it says.
        what: What,
    },
    /// A grant came to its end: clients count to it by themselves, without a notice.
    Ended {
        /// The grant.
        grant: GrantId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Something about an account.
    Account {
        /// What.
        what: AboutAccount,
    },
}

/// What is told about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum AboutAccount {
    /// It is there: a link sets its first password. The link is made when the mail is sent, and kept
    /// nowhere.
    Invited {
        /// Who added it.
        by: UserId,
        /// Their name.
        by_name: String,
        /// The address that it goes to, and to no other.
        to: String,
    },
    /// A link sets a new password; made likewise.
    PasswordLink {
        /// Who wants that.
        by: UserId,
        /// Their name.
        by_name: String,
        /// The address that it goes to, and to no other.
        to: String,
    },
    /// A link that sets its password was shown to an administrator.
    LinkShown {
        /// Whose account.
        of: String,
        /// To whom.
        to: String,
    },
    /// Links that set its password go to another address from now on.
    AddressMoved {
        /// Whose account.
        of: String,
        /// Who moved it.
        by: String,
        /// True where there is none from now on: links are shown to administrators.
        is_removed: bool,
        /// Where this mail goes in place of the reader's own address: where the links went before.
        to: Option<String>,
    },
    /// Its second factor was taken away: a password alone opens it now.
    TwoStepReset {
        /// Whose account.
        of: String,
        /// Who did it; nobody where it was done on the controller's host.
        by: Option<String>,
    },
    /// Its owner, or whoever was signed in as them, changed how it is opened.
    TwoStepChanged {
        /// What was done.
        change: TwoStepChange,
    },
    /// Somebody gave themselves more access: it does not count for them yet (rule 6).
    GaveThemselves {
        /// Who.
        who: String,
        /// The account that gained it, where it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        through: Option<String>,
        /// True where that one could sign in as them, rather than they as that one.
        #[serde(default)]
        is_behind: bool,
        /// Names of some of the resources.
        resources: Vec<String>,
        /// How many there are.
        count: usize,
        /// From when it counts.
        until: DateTime<Utc>,
    },
    /// An administrator cannot administer any more: their account was disabled or removed, or lost the
    /// role.
    AdminWent {
        /// Who.
        of: String,
        /// Who did it; nobody where it was done on the controller's host.
        by: Option<String>,
    },
    /// A reviewer has a deputy.
    DeputyNamed {
        /// On whose behalf.
        principal: String,
        /// Who decides for them.
        deputy: String,
        /// The administrator who named the deputy; `None` for the reviewer themselves.
        by: Option<String>,
        /// From here on.
        from: DateTime<Utc>,
        /// Up to this moment.
        until: DateTime<Utc>,
    },
    /// A deputyship ended before its time.
    DeputyEnded {
        /// On whose behalf it was.
        principal: String,
        /// Who decided for them.
        deputy: String,
        /// Who ended it, or made the change that did; `None` for the system.
        by: Option<String>,
        /// Why.
        why: DeputyEnd,
    },
}

/// What was done to a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum TwoStepChange {
    /// It was set up.
    SetUp,
    /// It was turned off: a password alone opens the account.
    TurnedOff,
    /// New recovery codes take the place of the old ones.
    NewCodes,
    /// A recovery code was used in place of a code.
    RecoveryCodeUsed {
        /// How many are left.
        left: u64,
    },
}

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMail {
    /// To whom. Their address is looked up when it is sent.
    pub user: UserId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The resource it is about, where it is about one.
    pub resource: Option<ResourceId>,
    /// The resource's name then.
    pub resource_name: String,
    /// What happened.
    pub content: MailContent,
    /// It is not sent before this.
    pub next_at: DateTime<Utc>,
}

/// A mail that waits, or that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// Its id: a person's mails are sent in this order.
    pub id: MailId,
    /// What is to be sent, and when it is tried next.
    pub new: NewMail,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub failed_since: Option<DateTime<Utc>>,
    /// Why it failed last, possibly empty.
    pub failure: String,
    /// Whether it was given up: it is not tried again by itself, and nothing waits for it.
    pub dead: bool,
}

/// How many mails there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// That wait.
    pub waiting: u64,
    /// That were given up.
    pub dead: u64,
}

/// Reads mail.
#[async_trait]
pub trait MailRead: Send {
    /// Who decided since then which server sees the mails; in order of id.
    async fn server_choosers(&mut self, since: DateTime<Utc>) -> Result<Vec<UserId>, StoreError>;

    /// How mail is sent; `None` while that is not set up.
    async fn mail_settings(&mut self) -> Result<Option<MailSettings>, StoreError>;

    /// How sending goes, since it was set up.
    async fn mail_status(&mut self) -> Result<MailStatus, StoreError>;

    /// One mail.
    async fn mail(&mut self, id: MailId) -> Result<Option<Mail>, StoreError>;

    /// A person's mails that wait or were given up, in order of id.
    async fn mails_of(&mut self, user: UserId) -> Result<Vec<Mail>, StoreError>;

    /// Of each person the first mail that waits, where it is due at `now`; the longest due first, at
    /// most `limit`.
    async fn mails_due(&mut self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Mail>, StoreError>;

    /// When the next of [`MailRead::mails_due`] is due.
    async fn next_mail_at(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Mails that wait for something that happened before a moment, the oldest first, at most `limit`.
    async fn waiting_mails(
        &mut self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Mail>, StoreError>;

    /// Mails that were given up, the newest first, at most `limit`.
    async fn dead_mails(&mut self, limit: u32) -> Result<Vec<Mail>, StoreError>;

    /// How many mails there are.
    async fn mail_counts(&mut self) -> Result<MailCounts, StoreError>;

    /// Which kinds a person does not want, in order.
    async fn unwanted_mail(&mut self, user: UserId) -> Result<Vec<MailKind>, StoreError>;
}

/// Writes mail.
#[async_trait]
pub trait MailWrite: MailRead {
    /// Notes who decided which server sees the mails.
    async fn note_server_choosers(
        &mut self,
        by: &[UserId],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Sets how mail is sent, and forgets how it went before; `None` also removes all mails.
    async fn set_mail_settings(&mut self, settings: Option<MailSettings>)
    -> Result<(), StoreError>;

    /// Sets how sending goes. Does nothing while mail is not set up.
    async fn set_mail_status(&mut self, status: MailStatus) -> Result<(), StoreError>;

    /// Keeps a mail until it is sent.
    async fn insert_mail(&mut self, new: NewMail) -> Result<MailId, StoreError>;

    /// Sets when a mail is tried next, what became of the attempts before, and whether it is given up.
    /// Does nothing where it is gone.
    async fn set_mail(&mut self, mail: Mail) -> Result<(), StoreError>;

    /// Forgets a mail that was sent, or that nobody needs; true where there was one.
    async fn remove_mail(&mut self, id: MailId) -> Result<bool, StoreError>;

    /// Has one mail that failed, or all that did, tried again at `now` as if it had never failed, also
    /// those that were given up. Answers how many there were.
    async fn retry_mail(
        &mut self,
        id: Option<MailId>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Sets which kinds a person does not want.
    async fn set_unwanted_mail(
        &mut self,
        user: UserId,
        kinds: Vec<MailKind>,
    ) -> Result<(), StoreError>;
}
