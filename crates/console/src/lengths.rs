//! Choosing a length: a few to click, and a field for every other one. Works without the script.

use hourkey_domain::length::{BadLength, Length, OutOfRange};
use maud::{Markup, html};

use super::form::{Field, Fields, FormError};

/// What was chosen, or typed, before.
#[derive(Clone, Debug, Default)]
pub(super) struct LengthInput {
    /// Seconds, `other`, or nothing yet.
    pub(super) choice: String,
    /// What stands in the free field.
    pub(super) other: String,
}

impl LengthInput {
    /// From a form whose fields carry this suffix.
    pub(super) fn read(fields: &Fields, suffix: &str) -> Self {
        Self {
            choice: fields.get(&format!("length{suffix}")).to_owned(),
            other: fields.get(&format!("other{suffix}")).to_owned(),
        }
    }

    /// As if this length had been chosen, of those up to `longest`.
    pub(super) fn of(length: Length, longest: Length) -> Self {
        match choices(longest).contains(&length) {
            true => Self {
                choice: length.seconds().to_string(),
                other: String::new(),
            },
            false => Self {
                choice: "other".to_owned(),
                other: length.to_string(),
            },
        }
    }

    /// The length meant; `None` when nothing was chosen.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn length(&self) -> Result<Option<Length>, String> {
        let length = match (self.choice.as_str(), self.other.trim()) {
            ("", "") => return Ok(None),
            ("", typed) | ("other", typed) => typed.parse(),
            (seconds, _) => match seconds.parse() {
                Ok(seconds) => Length::from_seconds(seconds).map_err(BadLength::from),
                Err(_) => Err(BadLength::Unreadable),
            },
        };
        length.map(Some).map_err(|error| match error {
            BadLength::Unreadable | BadLength::NoUnit => {
                let typed = self.other.trim();
                format!("“{typed}” isn’t a length. Please {error}.")
            }
            BadLength::OutOfRange(OutOfRange::TooShort) => {
                "Access lasts 1 minute at least.".to_owned()
            }
            BadLength::OutOfRange(OutOfRange::TooLong) => {
                "That’s longer than access can last anywhere. Choose a shorter length.".to_owned()
            }
        })
    }
}

/// The lengths to click, all up to `longest`, which is the last.
pub(super) fn choices(longest: Length) -> Vec<Length> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let steps: &[u64] = match longest.seconds() {
        ..=1_800 => &[5 * MINUTE, 15 * MINUTE],
        1_801..=14_400 => &[15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR],
        14_401..=604_800 => &[HOUR, 4 * HOUR, DAY],
        604_801.. => &[DAY, 7 * DAY, 30 * DAY, 90 * DAY],
    };
    let shorter = steps
        .iter()
        .filter_map(|seconds| Length::from_seconds(*seconds).ok());
    shorter
        .filter(|length| *length < longest)
        .chain([longest])
        .collect()
}

/// The radio buttons and the free field.
pub(super) struct Fieldset<'a> {
    /// Asks the question.
    pub(super) legend: &'a str,
    /// Of the fields' names.
    pub(super) suffix: &'a str,
    pub(super) choices: &'a [Length],
    /// Chosen at first.
    pub(super) first: Option<Length>,
    /// Bounds the answer.
    pub(super) longest: Length,
    pub(super) typed: &'a LengthInput,
    pub(super) wrong: &'a FormError,
}

impl maud::Render for Fieldset<'_> {
    fn render(&self) -> Markup {
        let is_choice = |chosen: &str| {
            let mut choices = self
                .choices
                .iter()
                .map(|length| length.seconds().to_string());
            choices.any(|seconds| seconds == chosen)
        };
        let chosen = match self.typed.choice.as_str() {
            "" => self
                .first
                .map(|first| first.seconds().to_string())
                .unwrap_or_default(),
            // What is wrong is corrected in the free field.
            choice if self.wrong.is(Field::Length) && !is_choice(choice) => "other".to_owned(),
            choice => choice.to_owned(),
        };
        let name = format!("length{}", self.suffix);
        let other = format!("other{}", self.suffix);
        html! {
            fieldset.lengths {
                legend { (self.legend) }
                div.chips {
                    @for length in self.choices {
                        @let seconds = length.seconds().to_string();
                        label.chip {
                            input type="radio" name=(name) value=(seconds) checked[chosen == seconds];
                            span { (length) }
                        }
                    }
                    label.chip {
                        input type="radio" name=(name) value="other" checked[chosen == "other"];
                        span { "Other…" }
                    }
                }
                label.other {
                    span { "How long, up to " (self.longest) }
                    input.field name=(other) value=(self.typed.other)
                        placeholder="45m, 2h, 1h 30m or 3 days" autocapitalize="none"
                        spellcheck="false" maxlength="40"
                        aria-invalid=[self.wrong.invalid(Field::Length)]
                        aria-describedby=[self.wrong.described_by(Field::Length, "")]
                        autofocus[self.wrong.is(Field::Length)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(longest: &str) -> Vec<String> {
        choices(longest.parse().unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn choices_end_with_the_longest() {
        assert_eq!(words("7d"), ["1 hour", "4 hours", "1 day", "7 days"]);
        assert_eq!(words("30d"), ["1 day", "7 days", "30 days"]);
        assert_eq!(
            words("365d"),
            ["1 day", "7 days", "30 days", "90 days", "365 days"]
        );
        assert_eq!(words("12h"), ["1 hour", "4 hours", "12 hours"]);
        assert_eq!(
            words("2h"),
            ["15 minutes", "30 minutes", "1 hour", "2 hours"]
        );
        assert_eq!(words("10m"), ["5 minutes", "10 minutes"]);
        assert_eq!(words("1m"), ["1 minute"]);
    }

    #[test]
    fn what_is_meant() {
        let typed = |choice: &str, other: &str| {
            LengthInput {
                choice: choice.to_owned(),
                other: other.to_owned(),
            }
            .length()
        };
        assert_eq!(typed("", "").unwrap(), None);
        assert_eq!(typed("3600", "2h").unwrap().unwrap().to_string(), "1 hour");
        assert_eq!(typed("other", " 1h30m ").unwrap().unwrap().seconds(), 5_400);
        assert_eq!(typed("", "2h").unwrap().unwrap().seconds(), 7_200);
        for wrong in ["0", "59", "31536001", "99999999999999999999", "-5", "x"] {
            assert!(typed(wrong, "").is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "0m",
            "-1h",
            "366d",
            "2 hours and a bit",
            "99999999999999999999h",
        ] {
            assert!(typed("other", wrong).is_err(), "{wrong}");
        }
    }
}
