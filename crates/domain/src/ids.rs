//! Identifiers. Positive, given by the store, never reused (rule 7); but for [`GroupId::EVERYONE`].

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A person.
    UserId,
    /// A group of users.
    GroupId,
    /// Where resources live.
    NetworkId,
    /// A private destination.
    ResourceId,
    /// A group's access to a resource.
    AssignmentId,
    /// An access request.
    RequestId,
    /// A grant.
    GrantId,
    /// Something one person should be told.
    NoticeId,
    /// A mail to one person.
    MailId,
    /// A signed-in browser or client.
    SessionId,
    /// One installed client, with a key of its own.
    DeviceId,
    /// What lets granted traffic into a network.
    GatewayId,
}

impl GroupId {
    /// The built-in group of all people. Not 0, which stands for what has no id yet.
    pub const EVERYONE: Self = Self(-1);
}
