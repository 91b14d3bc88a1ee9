//! Reasons and comments: kept as typed, bounded, never blank where one is needed (rule 10).

use serde::{Deserialize, Serialize};

use crate::text::is_unsafe;

/// The longest reason or comment, in characters (rule 10).
pub const MAX_CHARS: usize = 2_000;

/// Free text as a person typed it, at most [`MAX_CHARS`] characters. May be empty.
///
/// Its `Debug` tells the length only: what people write about their work belongs in no log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

/// More than [`MAX_CHARS`] characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most 2,000 characters")]
pub struct TooLong;

impl Text {
    /// Keeps `text` as it is.
    ///
    /// # Errors
    /// [`TooLong`] above [`MAX_CHARS`] characters.
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        (text.chars().count() <= MAX_CHARS)
            .then_some(Self(text))
            .ok_or(TooLong)
    }

    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when nothing in it can be seen: only white space, control or invisible characters.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(is_invisible)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} characters)", self.0.chars().count())
    }
}

impl TryFrom<String> for Text {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// White space, all that [`is_unsafe`] leaves out, the joiners and variation selectors that it
/// keeps, and characters whose glyph is blank: the Braille blank, the blank note head, the Khitan
/// filler, and the controls and blanks of Egyptian hieroglyphs.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || is_unsafe(c)
        || matches!(c,
            '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{13430}'..='\u{13442}' | '\u{16fe4}' | '\u{1d159}' | '\u{e0100}'..='\u{e01ef}')
}
