//! What people type, checked before anything else happens.

use hourkey_domain::length::Length;
use hourkey_domain::reason::Text;
use hourkey_protocol::problem::Code;

use crate::error::AppError;

/// A reason or comment, kept as typed.
///
/// # Errors
/// [`Code::TextTooLong`] above 2,000 characters.
pub fn text(typed: &str) -> Result<Text, AppError> {
    Text::new(typed).map_err(|_| {
        let count = typed.chars().count();
        AppError::refused(
            Code::TextTooLong,
            format!("This text has {count} characters; at most 2,000 are kept. Shorten it."),
        )
    })
}

/// A comment that must say something.
///
/// # Errors
/// [`Code::BlankText`], [`Code::TextTooLong`].
pub fn needed_text(typed: &str) -> Result<Text, AppError> {
    let text = text(typed)?;
    if text.is_blank() {
        return Err(AppError::refused(
            Code::BlankText,
            "The requester reads why, so a comment is needed here. Write one.",
        ));
    }
    Ok(text)
}

/// A length in seconds, where one was given.
///
/// # Errors
/// [`Code::BadLength`] outside 1 minute to 365 days.
pub fn length(seconds: Option<u64>) -> Result<Option<Length>, AppError> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    Length::from_seconds(seconds).map(Some).map_err(|_| {
        AppError::refused(
            Code::BadLength,
            format!(
                "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and {seconds} \
                 seconds is outside of that."
            ),
        )
    })
}
