//! Where people find a resource that they see.

use serde::{Deserialize, Serialize};

use crate::lock::LockState;

/// Where those who see a resource find it. Whether they see it is rule 1's alone: a hidden one can be
/// asked for and used like any other, by its page or by going there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// In lists, before all others that do not run: it is opened in the browser by one click.
    Shortcut,
    /// In no list but while something of one's own runs or waits there.
    Hidden,
    /// In lists. Also what a newer controller says that this version does not know.
    #[default]
    #[serde(other)]
    Shown,
}

impl Visibility {
    /// All of them, in the order that forms have.
    pub const ALL: [Self; 3] = [Self::Shown, Self::Shortcut, Self::Hidden];

    /// Its word in files and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Shortcut => "shortcut",
            Self::Hidden => "hidden",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// True where nobody has said otherwise.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// True where lists have it, of somebody who sees this lock.
    #[must_use]
    pub fn is_listed(self, lock: LockState) -> bool {
        match (self, lock) {
            (Self::Shown | Self::Shortcut, _) => true,
            (
                Self::Hidden,
                LockState::Granted { .. } | LockState::Scheduled { .. } | LockState::Pending { .. },
            ) => true,
            (Self::Hidden, LockState::Open { .. } | LockState::Locked { .. }) => false,
        }
    }
}
