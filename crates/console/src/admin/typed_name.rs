//! What goes for good, goes once its name was typed: nobody removes the wrong thing by one click.

use axum::http::StatusCode;
use icu_normalizer::ComposingNormalizer;
use maud::{Markup, html};

use crate::form::{Field, Fields, FormError};
use crate::layout::plain;

/// The field in which it is typed.
pub(super) const TYPED_NAME: &str = "typed_name";

/// The field for it.
pub(super) fn field(name: &str, typed: &Fields, wrong: &FormError) -> Markup {
    html! {
        label for=(TYPED_NAME) { "Type " b { bdi { (plain(name)) } } " to remove it" }
        input.field #(TYPED_NAME) name=(TYPED_NAME) value=(typed.get(TYPED_NAME)) dir="auto"
            maxlength="400" autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=[wrong.invalid(Field::TypedName)]
            aria-describedby=[wrong.described_by(Field::TypedName, "")];
    }
}

/// Whether it was typed, as people see it: marks that nobody sees and other ways to write the same letters
/// make no difference.
///
/// # Errors
/// The sentence that says what to type.
pub(super) fn check(name: &str, typed: &Fields) -> Result<(), FormError> {
    let seen = |text: &str| plain(&ComposingNormalizer::new_nfc().normalize(text));
    if seen(typed.get(TYPED_NAME)) == seen(name) {
        return Ok(());
    }
    let name = plain(name);
    Err(FormError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!(
            "Nothing was removed. Type “{name}” into the field, as it is written here, to remove it."
        ),
        Field::TypedName,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(name: &str, typed: &str) -> bool {
        check(name, &Fields::default().with(TYPED_NAME, typed)).is_ok()
    }

    #[test]
    fn a_name_is_typed_as_it_is_seen() {
        for (name, typed) in [
            ("Payroll", "Payroll"),
            ("Payroll", "  Payroll \u{a0}"),
            ("Pay  roll", "Pay roll"),
            // One letter, and a letter with an accent.
            ("Café", "Cafe\u{301}"),
            ("Cafe\u{301}", "Café"),
            // What steers the direction is not seen, and no keyboard has it.
            ("\u{202e}Payroll\u{200f}", "Payroll"),
            ("\u{202e}Payroll\u{200f}", "\u{202e}Payroll\u{200f}"),
            ("דוד", "\u{200f}דוד"),
        ] {
            assert!(is_taken(name, typed), "{name:?} {typed:?}");
        }
        for (name, typed) in [
            ("Payroll", ""),
            ("Payroll", "payroll"),
            ("Payroll", "Payroll 2"),
            ("Payroll 2", "Payroll"),
            ("Payroll", "yes"),
        ] {
            assert!(!is_taken(name, typed), "{name:?} {typed:?}");
        }
        // As much of it as is shown.
        let long = "ü".repeat(350);
        assert!(is_taken(&long, &long));
        assert!(is_taken(&long, &plain(&long)));
    }
}
