//! The `access = { … }` tables of resources and assignments.

use hourkey_domain::length::Length;
use hourkey_domain::settings::{Approval, MAX_CUSTOM, Mode, Override, Period, Settings};

use super::reader::{Lined, Reader, Table, parsed};

/// Unused days for resources that do not say; matters only under auto-lock.
const DEFAULT_LOCK_AFTER: u16 = 30;

/// The most unused days that can be said.
const MOST_UNUSED: u16 = u16::MAX;

/// `30d` as days.
fn unused_days(text: &str) -> Option<u16> {
    let days = text.strip_suffix('d')?;
    let digits = !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit());
    let days = digits.then(|| days.parse().ok())??;
    (1..=MOST_UNUSED).contains(&days).then_some(days)
}

/// An `access = { … }` table as it stands, mistakes left out.
pub(super) struct Access {
    line: usize,
    says_mode: bool,
    says_period: bool,
    /// The settings that are there.
    pub(super) own: Override,
}

/// Reads the settings that are there.
pub(super) fn read(reader: &mut Reader, mut table: Table<'_>) -> Access {
    let line = table.line;
    let says_mode = table.has("mode");
    let says_period = table.has("period") || table.has("up_to");
    let mut own = Override::default();
    if let Some(mode) = table.text(reader, "mode") {
        own.mode = match mode.value.as_str() {
            "Standing" => Some(Mode::Standing),
            "AccessRequest" => Some(Mode::AccessRequest),
            "AutoLock" => Some(Mode::AutoLock),
            other => {
                reader.mistake(
                    mode.line,
                    format!("{other:?} is no mode; modes are Standing, AutoLock and AccessRequest"),
                );
                None
            }
        };
    }
    let period = table.text(reader, "period");
    let up_to = table.text(reader, "up_to");
    if let (Some(_), Some(up_to)) = (&period, &up_to) {
        reader.mistake(
            up_to.line,
            "period (a preset) and up_to (a free choice) exclude each other",
        );
    }
    let recommended = table.text(reader, "recommended");
    if let (None, Some(recommended)) = (&up_to, &recommended) {
        reader.mistake(
            recommended.line,
            "recommended goes with up_to: it is the length that is preselected",
        );
    }
    own.period = match (period, up_to) {
        (Some(period), _) => parsed::<Length>(reader, &period).map(Period::Preset),
        (None, Some(up_to)) => custom(reader, &up_to, recommended),
        (None, None) => None,
    };
    if let Some(approval) = table.text(reader, "approval") {
        own.approval = match approval.value.as_str() {
            "Manual" => Some(Approval::Manual),
            "Automatic" => Some(Approval::Automatic),
            other => {
                reader.mistake(
                    approval.line,
                    format!("{other:?} is no approval; it is Manual or Automatic"),
                );
                None
            }
        };
    }
    if let Some(days) = table.text(reader, "lock_after") {
        own.lock_after = unused_days(&days.value);
        if own.lock_after.is_none() {
            reader.mistake(
                days.line,
                format!(
                    "{:?} is no number of unused days; lock_after is \"1d\" to \"{MOST_UNUSED}d\"",
                    days.value
                ),
            );
        }
    }
    table.finish(
        reader,
        "mode, period, up_to, recommended, approval, lock_after",
    );
    Access {
        line,
        says_mode,
        says_period,
        own,
    }
}

fn custom(
    reader: &mut Reader,
    said: &Lined<String>,
    recommended: Option<Lined<String>>,
) -> Option<Period> {
    let up_to = parsed::<Length>(reader, said)?;
    if up_to > MAX_CUSTOM {
        reader.mistake(
            said.line,
            format!(
                "up_to is {MAX_CUSTOM} at most, also where longest_period is longer; for {up_to} set \
                 period"
            ),
        );
        return None;
    }
    let recommended = recommended.and_then(|said| {
        let length = parsed::<Length>(reader, &said)?;
        if length > up_to {
            reader.mistake(
                said.line,
                format!("recommended is {length}, and up_to only {up_to}"),
            );
            return None;
        }
        Some(length)
    });
    Some(Period::Custom { up_to, recommended })
}

/// A resource always carries all settings. What is left out: an approval is `Manual`, and a
/// standing resource's period, which only overrides see, is the longest.
pub(super) fn complete(reader: &mut Reader, access: &Access) -> Option<Settings> {
    let &Access {
        line,
        says_mode,
        says_period,
        own,
    } = access;
    if !says_mode {
        reader.mistake(
            line,
            "access needs a mode: \"Standing\", \"AutoLock\" or \"AccessRequest\"",
        );
    }
    let mode = own.mode?;
    let period = match (own.period, mode) {
        (Some(period), Mode::Standing | Mode::AutoLock | Mode::AccessRequest) => period,
        (None, Mode::Standing | Mode::AutoLock) => Period::Custom {
            up_to: MAX_CUSTOM,
            recommended: None,
        },
        (None, Mode::AccessRequest) if says_period => return None,
        (None, Mode::AccessRequest) => {
            reader.mistake(
                line,
                "access needs a period = \"4h\", or up_to = \"7d\" for a free choice",
            );
            return None;
        }
    };
    Some(Settings {
        mode,
        period,
        approval: own.approval.unwrap_or(Approval::Manual),
        lock_after: own.lock_after.unwrap_or(DEFAULT_LOCK_AFTER),
    })
}
