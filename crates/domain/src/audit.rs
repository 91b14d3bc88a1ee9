//! What the audit log says was done.

/// Declares the actions with their names in the log.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $action:ident = $name:literal,)+) => {
        /// What was done, as an entry of the audit log says it. `docs/admin/audit.md` lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[doc = $doc])+ $action,)+
        }

        impl AuditAction {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$action,)+];

            /// The name in the log: dotted, and stable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)+
                }
            }

            /// What it means, as a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$action => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

actions! {
    /// Somebody asked for access, more of it, or an unlock.
    RequestMade = "request.made",
    /// A reviewer approved a request, or it was approved immediately.
    RequestApproved = "request.approved",
    /// A reviewer denied a request.
    RequestDenied = "request.denied",
    /// Its requester or the system cancelled a request.
    RequestCancelled = "request.cancelled",
    /// A request expired: nobody decided in time.
    RequestLapsed = "request.lapsed",
    /// An approved request went back to review: its reviewer lost that role before the start.
    RequestReopened = "request.reopened",
    /// A request went to the fallback reviewers: nobody else can approve it.
    RequestSentToFallback = "request.sent_to_fallback",
    /// Reviewers were told again of a request that was asked for again within a minute.
    RequestToldAgain = "request.told_again",
    /// A scheduled grant started.
    GrantStarted = "grant.started",
    /// A grant came to its end.
    GrantExpired = "grant.expired",
    /// Its user gave a grant back.
    GrantReleased = "grant.released",
    /// A person or the system revoked a grant.
    GrantRevoked = "grant.revoked",
    /// A reviewer took a decision back at once.
    RequestUndone = "request.undone",
    /// An administrator unlocked a resource for somebody, without a request.
    ResourceUnlocked = "resource.unlocked",
    /// A reviewer has a deputy, who decides on their behalf for a span of time.
    DeputyNamed = "deputy.named",
    /// The time of a deputy began.
    DeputyStarted = "deputy.started",
    /// A deputy no longer decides for a reviewer: the time is over, or somebody or a change ended it.
    DeputyEnded = "deputy.ended",
    /// An administrator asked reviewers to decide a request.
    ReviewersAsked = "request.reviewers_asked",
    /// A connection through a gateway started.
    ConnectionStarted = "connection.started",
    /// A connection was in use for another hour.
    ConnectionUsed = "connection.used",
    /// A connection ended, or was cut.
    ConnectionEnded = "connection.ended",
    /// A person signed in: a session started.
    SessionStarted = "session.started",
    /// A session ended: by its person, a command, or time.
    SessionEnded = "session.ended",
    /// A computer got a certificate for its key.
    DeviceEnrolled = "device.enrolled",
    /// A computer was removed.
    DeviceEnded = "device.ended",
    /// A link to choose a new password was made.
    PasswordLinkMade = "password.link_made",
    /// An administrator had a link to choose a new password mailed to its account.
    PasswordLinkMailed = "password.link_mailed",
    /// A link to choose a new password was shown to the administrator who made it.
    PasswordLinkShown = "password.link_shown",
    /// A link to an account's password was mailed where others may read it, who chose its address or the mail
    /// server: for a day the account decides nothing that they ask for.
    AccountBarred = "account.barred",
    /// An account decides again what somebody asks for who was shown a link to its password, or set up
    /// where such links go.
    AccountDecidesAgain = "account.decides_again",
    /// A password was set.
    PasswordSet = "password.set",
    /// A person confirmed who they are, in a session that was signed in longer ago.
    SessionConfirmed = "session.confirmed",
    /// A person set up two-step sign-in.
    SecondFactorSetUp = "second_factor.set_up",
    /// A person turned two-step sign-in off.
    SecondFactorTurnedOff = "second_factor.turned_off",
    /// An administrator or a command reset a person's two-step sign-in.
    SecondFactorReset = "second_factor.reset",
    /// A person made new recovery codes.
    RecoveryCodesMade = "second_factor.codes_made",
    /// A person signed in with a recovery code, which is used up.
    RecoveryCodeUsed = "second_factor.code_used",
    /// The organisation changed of whom it requires two-step sign-in.
    SignInSettingsChanged = "organisation.sign_in_changed",
    /// The organisation got its first administrator.
    OrganisationSetUp = "organisation.set_up",
    /// The organisation was renamed.
    OrganisationRenamed = "organisation.renamed",
    /// The groups of fallback reviewers changed.
    FallbackReviewersChanged = "organisation.fallback_reviewers_changed",
    /// The access periods to choose from changed, or the longest.
    PeriodsChanged = "organisation.periods_changed",
    /// A change gives its own maker more, an account that may be theirs, or somebody who could sign in as them
    /// (the entry's subject): that does not count for 24 hours.
    OwnGainHeldBack = "own_gain.held_back",
    /// What somebody gave themselves, or an account that may be theirs, counts from now on.
    OwnGainCounts = "own_gain.counts",
    /// A user was added.
    UserAdded = "user.added",
    /// A user's name, mail address or roles changed.
    UserChanged = "user.changed",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A user was enabled again.
    UserEnabled = "user.enabled",
    /// A user was removed.
    UserRemoved = "user.removed",
    /// A group was added.
    GroupAdded = "group.added",
    /// A group's members changed.
    GroupChanged = "group.changed",
    /// A group was removed.
    GroupRemoved = "group.removed",
    /// A network was added.
    NetworkAdded = "network.added",
    /// A network was renamed.
    NetworkChanged = "network.changed",
    /// A network was removed.
    NetworkRemoved = "network.removed",
    /// A resource was added.
    ResourceAdded = "resource.added",
    /// A resource's destination, settings, approvers or description changed.
    ResourceChanged = "resource.changed",
    /// A resource was removed.
    ResourceRemoved = "resource.removed",
    /// A group got access to a resource.
    AssignmentAdded = "assignment.added",
    /// A group's access to a resource changed: its end date or its own settings.
    AssignmentChanged = "assignment.changed",
    /// A group lost its access to a resource.
    AssignmentRemoved = "assignment.removed",
    /// A gateway was added to a network.
    GatewayAdded = "gateway.added",
    /// Another token that enrols a gateway was made.
    GatewayTokenMade = "gateway.token_made",
    /// A gateway enrolled with its link.
    GatewayEnrolled = "gateway.enrolled",
    /// A gateway was removed.
    GatewayRemoved = "gateway.removed",
    /// What a gateway asked for, summed up over some time.
    GatewayAsked = "gateway.asked",
    /// How mail is sent changed, or it was switched off.
    MailSettingsChanged = "mail.settings_changed",
    /// An administrator sent a test mail.
    MailTested = "mail.tested",
    /// An administrator had mails tried again.
    MailRetried = "mail.retried",
    /// An administrator discarded a mail.
    MailDiscarded = "mail.discarded",
    /// A person chose which mails they get.
    MailChosen = "mail.chosen",
    /// Somebody downloaded the summary of a resource, a group or a person.
    SummaryDownloaded = "summary.downloaded",
    /// Somebody downloaded everybody's requests, or those they searched for.
    RequestsDownloaded = "requests.downloaded",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_each_action_with_its_meaning() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin/audit.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let listed: Vec<_> = documentation
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let actions = AuditAction::ALL.iter();
        let expected: Vec<_> = actions
            .map(|action| format!("| `{}` | {} |", action.as_str(), action.meaning()))
            .collect();
        assert_eq!(listed, expected);
    }
}
