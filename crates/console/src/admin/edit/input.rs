//! The form of access settings: of a resource, and of an assignment, where each may stay the
//! resource's.

use chrono::{Datelike as _, NaiveDateTime, NaiveTime};
use hourkey_domain::Time;
use hourkey_domain::length::Length;
use hourkey_domain::settings::{Approval, MAX_CUSTOM, Mode, Override, Period, Settings};

use crate::form::{Field, Fields, FormError};

/// The unused days to click.
pub(super) const DAYS: [u16; 5] = [1, 7, 30, 60, 90];

/// What was chosen and typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SettingsInput {
    pub(super) mode: String,
    /// Seconds of a preset, `other`, `custom`, or nothing for the resource's.
    pub(super) period: String,
    pub(super) other: String,
    pub(super) up_to: String,
    pub(super) recommended: String,
    pub(super) approval: String,
    /// Days, `other`, or nothing for the resource's.
    pub(super) lock_after: String,
    pub(super) days: String,
    /// A day, in UTC; nothing for an assignment without an end.
    pub(super) until: String,
}

impl SettingsInput {
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |name| fields.get(name).trim().to_owned();
        Self {
            mode: text("mode"),
            period: text("period"),
            other: text("other"),
            up_to: text("up_to"),
            recommended: text("recommended"),
            approval: text("approval"),
            lock_after: text("lock_after"),
            days: text("days"),
            until: text("until"),
        }
    }

    /// As they are.
    pub(super) fn of(own: Override, until: Option<Time>) -> Self {
        let mut input = Self::default();
        if let Some(mode) = own.mode {
            mode_value(mode).clone_into(&mut input.mode);
        }
        match own.period {
            None => {}
            Some(Period::Preset(length)) => {
                input.period = length.seconds().to_string();
            }
            Some(Period::Custom { up_to, recommended }) => {
                "custom".clone_into(&mut input.period);
                input.up_to = up_to.to_string();
                input.recommended = recommended.map(|it| it.to_string()).unwrap_or_default();
            }
        }
        if let Some(approval) = own.approval {
            approval_value(approval).clone_into(&mut input.approval);
        }
        match own.lock_after.map(|days| days.max(1)) {
            None => {}
            Some(days) if DAYS.contains(&days) => input.lock_after = days.to_string(),
            Some(days) => {
                "other".clone_into(&mut input.lock_after);
                input.days = days.to_string();
            }
        }
        if let Some(until) = until {
            input.until = until.format("%Y-%m-%dT%H:%M").to_string();
        }
        input
    }

    /// All settings of a resource as they are.
    pub(super) fn of_resource(settings: Settings) -> Self {
        let own = Override {
            mode: Some(settings.mode),
            period: Some(settings.period),
            approval: Some(settings.approval),
            lock_after: Some(settings.lock_after),
        };
        Self::of(own, None)
    }

    /// What was chosen; what is `None` stays the resource's.
    ///
    /// # Errors
    /// Names the field, and what to type.
    pub(super) fn own(&self) -> Result<Override, FormError> {
        let mode = match self.mode.as_str() {
            "" => None,
            "standing" => Some(Mode::Standing),
            "auto_lock" => Some(Mode::AutoLock),
            "access_request" => Some(Mode::AccessRequest),
            _ => return Err(out_of_form()),
        };
        let approval = match self.approval.as_str() {
            "" => None,
            "manual" => Some(Approval::Manual),
            "automatic" => Some(Approval::Automatic),
            _ => return Err(out_of_form()),
        };
        Ok(Override {
            mode,
            period: self.period()?,
            approval,
            lock_after: self.lock_after()?,
        })
    }

    fn period(&self) -> Result<Option<Period>, FormError> {
        let period = match self.period.as_str() {
            "" => return Ok(None),
            "other" => Period::Preset(length(&self.other)?),
            "custom" => {
                let up_to = length(&self.up_to)?;
                let recommended = match self.recommended.as_str() {
                    "" => None,
                    typed => Some(length(typed)?),
                };
                if up_to > MAX_CUSTOM {
                    return Err(wrong(
                        format!(
                            "Whoever says how long can choose {MAX_CUSTOM} at most, also where the \
                             organisation’s longest access period is longer. Make it shorter, or \
                             choose a fixed access period."
                        ),
                        Field::Length,
                    ));
                }
                if recommended.is_some_and(|recommended| recommended > up_to) {
                    return Err(wrong(
                        "The recommended length is longer than what may be asked for. Make it \
                         shorter, or leave it out.",
                        Field::Length,
                    ));
                }
                Period::Custom { up_to, recommended }
            }
            seconds => {
                let seconds = seconds.parse().map_err(|_| out_of_form())?;
                Period::Preset(Length::from_seconds(seconds).map_err(|_| out_of_form())?)
            }
        };
        Ok(Some(period))
    }

    fn lock_after(&self) -> Result<Option<u16>, FormError> {
        let typed = match self.lock_after.as_str() {
            "" => return Ok(None),
            "other" => &self.days,
            days => days,
        };
        let days = typed.parse().ok().filter(|days| *days >= 1);
        days.map(Some).ok_or_else(|| {
            wrong(
                "Type after how many unused days it locks: a whole number from 1 to 65535.",
                Field::Days,
            )
        })
    }

    /// The end of an assignment.
    ///
    /// # Errors
    /// Says how to type a moment, or that it is past.
    pub(super) fn until(&self, before: Option<Time>, now: Time) -> Result<Option<Time>, FormError> {
        if self.until.is_empty() {
            return Ok(None);
        }
        let read = NaiveDateTime::parse_from_str(&self.until, "%Y-%m-%dT%H:%M").or_else(|_| {
            let day = chrono::NaiveDate::parse_from_str(&self.until, "%Y-%m-%d");
            day.map(|day| day.and_time(NaiveTime::MIN))
        });
        let until = read.map_err(|_| {
            wrong(
                "This is no time. Write it like 2026-12-24T18:00, in UTC, or leave it out.",
                Field::Until,
            )
        })?;
        let until = until.and_utc();
        if until.year() > 9999 {
            return Err(wrong("Choose a year up to 9999.", Field::Until));
        }
        // What the form showed has no seconds.
        let is_unchanged = |before: &Time| before.timestamp() / 60 == until.timestamp() / 60;
        match before.filter(is_unchanged) {
            Some(before) => Ok(Some(before)),
            None if until <= now => Err(wrong(
                "This end is past. Choose a later one: to take the access away now, remove the \
                 group’s access.",
                Field::Until,
            )),
            None => Ok(Some(until)),
        }
    }
}

pub(super) fn mode_value(mode: Mode) -> &'static str {
    match mode {
        Mode::Standing => "standing",
        Mode::AutoLock => "auto_lock",
        Mode::AccessRequest => "access_request",
    }
}

pub(super) fn approval_value(approval: Approval) -> &'static str {
    match approval {
        Approval::Manual => "manual",
        Approval::Automatic => "automatic",
    }
}

pub(super) fn length(typed: &str) -> Result<Length, FormError> {
    typed.parse().map_err(|_| {
        let sentence = match typed {
            "" => "Type how long: 45m, 2h, 1h 30m or 3 days.".to_owned(),
            typed => format!(
                "“{}” isn’t a length from 1 minute to 365 days. Type it like 45m, 2h, 1h 30m or 3 days.",
                crate::layout::plain(typed)
            ),
        };
        wrong(sentence, Field::Length)
    })
}

pub(super) fn wrong(sentence: impl Into<String>, field: Field) -> FormError {
    FormError::new(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        sentence,
        field,
    )
}

/// A value that the form does not have.
fn out_of_form() -> FormError {
    FormError::with_status(
        axum::http::StatusCode::BAD_REQUEST,
        "This page is out of date. Reload it. Nothing was changed.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(change: impl FnOnce(&mut SettingsInput)) -> Result<Override, FormError> {
        let mut input = SettingsInput::default();
        change(&mut input);
        input.own()
    }

    #[test]
    fn settings_are_read_as_they_were_shown() {
        let lengths = ["45m", "1h", "12h", "7d"].map(|it| it.parse::<Length>().unwrap());
        let periods = lengths.iter().flat_map(|length| {
            [
                Period::Preset(*length),
                Period::Preset(Length::MAX),
                Period::Custom {
                    up_to: *length,
                    recommended: None,
                },
                Period::Custom {
                    up_to: *length,
                    recommended: Some(Length::MIN),
                },
            ]
        });
        for period in periods.map(Some).chain([None]) {
            for lock_after in [None, Some(1), Some(5), Some(90), Some(u16::MAX)] {
                for (mode, approval) in [
                    (None, None),
                    (Some(Mode::Standing), Some(Approval::Manual)),
                    (Some(Mode::AutoLock), Some(Approval::Automatic)),
                    (Some(Mode::AccessRequest), None),
                ] {
                    let own = Override {
                        mode,
                        period,
                        approval,
                        lock_after,
                    };
                    assert_eq!(SettingsInput::of(own, None).own().unwrap(), own);
                }
            }
        }
    }

    #[test]
    fn what_nobody_can_mean_is_refused() {
        for typed in ["", "0m", "366d", "3650 days", "a while", "-1h"] {
            let other = own(|it| (it.period, it.other) = ("other".into(), typed.into()));
            assert!(other.unwrap_err().is(Field::Length), "{typed}");
        }
        for (up_to, recommended) in [("1h", "2h"), ("8d", ""), ("7d", "8d"), ("30d", "8d")] {
            let longer = own(|it| {
                it.period = "custom".into();
                (it.up_to, it.recommended) = (up_to.into(), recommended.into());
            });
            assert!(longer.unwrap_err().is(Field::Length), "{up_to}");
        }
        for typed in ["", "0", "-1", "1.5", "65536", "many"] {
            let days = own(|it| (it.lock_after, it.days) = ("other".into(), typed.into()));
            assert!(days.unwrap_err().is(Field::Days), "{typed}");
        }
        for value in ["59", "31536001", "x"] {
            assert!(own(|it| it.period = value.into()).is_err());
        }
        assert!(own(|it| it.mode = "open".into()).is_err());
        assert!(own(|it| it.approval = "nobody".into()).is_err());
    }

    #[test]
    fn an_end_that_is_past_is_refused_unless_it_was_there() {
        let at = |text: &str| text.parse::<Time>().unwrap();
        let (now, past) = (at("2030-01-01T00:00:00Z"), at("2029-06-01T10:00:30Z"));
        let until = |text: &str, before| {
            let until = text.to_owned();
            SettingsInput {
                until,
                ..SettingsInput::default()
            }
            .until(before, now)
        };
        assert_eq!(until("", Some(past)).unwrap(), None);
        assert_eq!(until("2029-06-01T10:00", Some(past)).unwrap(), Some(past));
        let later = at("2030-02-01T00:00:00Z");
        assert_eq!(until("2030-02-01", None).unwrap(), Some(later));
        for wrong in ["2029-06-01T10:00", "2030-01-01T00:00", "soon", "2030-13-01"] {
            assert!(until(wrong, None).unwrap_err().is(Field::Until), "{wrong}");
        }
    }
}
