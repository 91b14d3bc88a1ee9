//! The fields of the form. What does not apply under the chosen mode is hidden by the style sheet.

use std::collections::BTreeSet;

use hourkey_domain::length::Length;
use hourkey_domain::periods::Periods;
use hourkey_domain::settings::{Approval, Mode, Period, Settings};
use maud::{Markup, html};

use super::input::{DAYS, SettingsInput, approval_value, mode_value};
use crate::admin::settings;
use crate::form::{Field, FormError};

/// The access periods to choose from: those that the organisation offers, and what is set now, which may be
/// offered no more.
pub(super) fn offered(periods: &Periods, set: Option<Period>) -> Vec<Length> {
    let own = match set {
        Some(Period::Preset(length)) => Some(length),
        Some(Period::Custom { .. }) | None => None,
    };
    let all: BTreeSet<_> = periods.presets().iter().copied().chain(own).collect();
    all.into_iter().collect()
}

/// All of them, with the access periods to choose from ([`offered`]); of an assignment each also offers what
/// `inherited` has.
pub(super) fn all(
    input: &SettingsInput,
    inherited: Option<Settings>,
    offered: &[Length],
    wrong: &FormError,
) -> Markup {
    let inherits = inherited.map(|it| mode_value(it.mode));
    html! {
        div.settings data-inherits=[inherits] {
            (modes(input, inherited))
            (approvals(input, inherited))
            (periods(input, inherited, offered, wrong))
            (days(input, inherited, wrong))
            @if inherited.is_some() { (until(input, wrong)) }
        }
    }
}

/// A choice of a few.
fn chip(name: &str, value: &str, chosen: &str, words: &Markup) -> Markup {
    html! {
        label.chip {
            input type="radio" name=(name) value=(value) checked[chosen == value] required;
            span { (words) }
        }
    }
}

/// The choice of what the resource has.
fn as_resource(name: &str, chosen: &str, words: Option<&str>) -> Markup {
    html! {
        @if let Some(words) = words {
            (chip(name, "", chosen, &html! { "As the resource: " (words) }))
        }
    }
}

fn modes(input: &SettingsInput, inherited: Option<Settings>) -> Markup {
    html! {
        fieldset {
            legend { "Access" }
            div.chips {
                (as_resource("mode", &input.mode, inherited.map(|it| settings::mode(it.mode))))
                @for mode in [Mode::AccessRequest, Mode::AutoLock, Mode::Standing] {
                    (chip("mode", mode_value(mode), &input.mode, &html! { (settings::mode(mode)) }))
                }
            }
        }
    }
}

fn approvals(input: &SettingsInput, inherited: Option<Settings>) -> Markup {
    let words = |approval| match approval {
        Approval::Manual => "A reviewer approves",
        Approval::Automatic => "At once, with a reason",
    };
    html! {
        fieldset.of-approval {
            legend { "Approval" }
            div.chips {
                (as_resource("approval", &input.approval, inherited.map(|it| words(it.approval))))
                @for approval in [Approval::Manual, Approval::Automatic] {
                    (chip("approval", approval_value(approval), &input.approval,
                        &html! { (words(approval)) }))
                }
            }
        }
    }
}

fn periods(
    input: &SettingsInput,
    inherited: Option<Settings>,
    offered: &[Length],
    wrong: &FormError,
) -> Markup {
    let resources = inherited.map(|it| settings::period(it.period));
    let field = |name: &str, label: &str, value: &str, placeholder: &str| {
        html! {
            label.other.(format!("of-{}", name.replace('_', "-"))) {
                span { (label) }
                input.field name=(name) value=(value) placeholder=(placeholder)
                    autocapitalize="none" spellcheck="false" maxlength="40"
                    aria-invalid=[wrong.invalid(Field::Length)]
                    aria-describedby=[wrong.described_by(Field::Length, "")];
            }
        }
    };
    html! {
        fieldset.of-period {
            legend { "Access period" }
            div.chips {
                (as_resource("period", &input.period, resources.as_deref()))
                @for length in offered {
                    (chip("period", &length.seconds().to_string(), &input.period,
                        &html! { (length) }))
                }
                (chip("period", "other", &input.period, &html! { "Another length…" }))
                (chip("period", "custom", &input.period, &html! { "Custom: they say how long…" }))
            }
            (field("other", "Length", &input.other, "45m, 2h, 1h 30m or 3 days"))
            (field("up_to", "At most, up to 7 days", &input.up_to, "8h"))
            (field("recommended", "Recommended (optional)", &input.recommended, "1h"))
        }
    }
}

fn days(input: &SettingsInput, inherited: Option<Settings>, wrong: &FormError) -> Markup {
    let resources = inherited.map(|it| settings::days(it.lock_after));
    html! {
        fieldset.of-days {
            legend { "Locks after so long without use" }
            div.chips {
                (as_resource("lock_after", &input.lock_after, resources.as_deref()))
                @for days in DAYS {
                    (chip("lock_after", &days.to_string(), &input.lock_after,
                        &html! { (settings::days(days)) }))
                }
                (chip("lock_after", "other", &input.lock_after, &html! { "Another number…" }))
            }
            label.other.of-other-days {
                span { "Days" }
                input.field name="days" value=(input.days) inputmode="numeric" maxlength="5"
                    aria-invalid=[wrong.invalid(Field::Days)]
                    aria-describedby=[wrong.described_by(Field::Days, "")];
            }
        }
    }
}

fn until(input: &SettingsInput, wrong: &FormError) -> Markup {
    html! {
        fieldset {
            legend { "End" }
            label.other {
                span { "The group’s access ends (UTC), never if left out" }
                input.field type="datetime-local" name="until" value=(input.until)
                    aria-invalid=[wrong.invalid(Field::Until)]
                    aria-describedby=[wrong.described_by(Field::Until, "")];
            }
        }
    }
}
