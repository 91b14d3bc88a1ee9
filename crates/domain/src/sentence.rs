//! Sentences about things that have names: one wording for terminals, which get text, and for pages,
//! which lead to what is named.

use std::borrow::Cow;
use std::fmt;

use crate::ids::{GroupId, ResourceId, UserId};
use crate::text::for_terminal;

/// A sentence. Shown as text, it is one line that a terminal may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of this program.
    Words(Cow<'static, str>),
    /// What others wrote, as they wrote it: a name, or an address.
    Name {
        /// As it was written: what shows it makes it harmless.
        text: String,
        /// What is called so, where it has a page.
        of: Option<Thing>,
    },
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A person.
    User(UserId),
    /// A group.
    Group(GroupId),
    /// A resource.
    Resource(ResourceId),
}

impl Piece {
    /// A name that leads nowhere.
    pub fn name(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Name { text, of: None }
    }

    /// The name of a thing.
    pub fn of(thing: Thing, name: impl Into<String>) -> Self {
        let text = name.into();
        let of = Some(thing);
        Self::Name { text, of }
    }
}

impl From<&'static str> for Piece {
    fn from(words: &'static str) -> Self {
        Self::Words(words.into())
    }
}

/// Words of this program: never what somebody wrote.
impl From<String> for Piece {
    fn from(words: String) -> Self {
        Self::Words(words.into())
    }
}

impl Sentence {
    /// Its parts in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The same with more at its end.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }
}

impl<const N: usize> From<[Piece; N]> for Sentence {
    fn from(pieces: [Piece; N]) -> Self {
        Self(pieces.into())
    }
}

impl FromIterator<Piece> for Sentence {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(words) => out.write_str(words),
            Piece::Name { text, .. } => out.write_str(&for_terminal(text)),
        })
    }
}

/// A sentence of these parts: `say!(user, " can’t reach ", resource, ".")`.
macro_rules! say {
    ($($piece:expr),* $(,)?) => {
        $crate::sentence::Sentence::from([$($crate::sentence::Piece::from($piece)),*])
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text_a_name_is_harmless() {
        let name = Piece::of(Thing::User(UserId(4)), "A\u{202e}\nnn");
        let sentence = say!(name, " waits ", format!("{} hours", 2), ".");
        assert_eq!(sentence.to_string(), "A\\u{202e}\\nnn waits 2 hours.");
    }
}
