//! Access settings in words, as short as a table wants them.

use hourkey_domain::length::Length;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use hourkey_domain::visibility::Visibility;
use maud::{Markup, html};

/// `Always open`, `Reviewer · 45 minutes`, as they count where `longest` is the longest access period.
pub(super) fn policy(settings: Settings, longest: Length) -> String {
    let settings = settings.within(longest);
    match settings.mode {
        Mode::Standing => mode(Mode::Standing).to_owned(),
        Mode::AutoLock => format!(
            "{} · locks after {} unused",
            approval(settings.approval),
            days(settings.lock_after)
        ),
        Mode::AccessRequest => format!(
            "{} · {}",
            approval(settings.approval),
            period(settings.period)
        ),
    }
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Standing => "Always open",
        Mode::AutoLock => "Open while used",
        Mode::AccessRequest => "On request",
    }
}

pub(super) fn approval(approval: Approval) -> &'static str {
    match approval {
        Approval::Manual => "Reviewer",
        Approval::Automatic => "With a reason",
    }
}

pub(super) fn period(period: Period) -> String {
    match period {
        Period::Preset(length) => length.to_string(),
        Period::Custom { up_to, .. } => format!("up to {up_to}"),
    }
}

pub(super) fn days(days: u16) -> String {
    match days.max(1) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// The settings of an assignment that apply under its mode, those of its own marked; as [`policy`].
pub(super) fn of_assignment(resource: Settings, own: Override, longest: Length) -> Markup {
    let all = resource.with(own).within(longest);
    let approval = || marked(own.approval.is_some(), approval(all.approval));
    html! {
        (marked(own.mode.is_some(), mode(all.mode)))
        @match all.mode {
            Mode::Standing => {},
            Mode::AutoLock => {
                " · " (approval())
                " · locks after " (marked(own.lock_after.is_some(), &days(all.lock_after))) " unused"
            },
            Mode::AccessRequest => {
                " · " (approval())
                " · " (marked(own.period.is_some(), &period(all.period)))
            },
        }
    }
}

fn marked(is_own: bool, words: &str) -> Markup {
    html! {
        @match is_own {
            false => (words),
            true => b title="Set for this group, in place of the resource’s" { (words) },
        }
    }
}

/// Where lists have a resource.
pub(super) fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Shown => "Shown",
        Visibility::Shortcut => "Shortcut",
        Visibility::Hidden => "Hidden",
    }
}
