//! Reads TOML tables key by key and collects every mistake with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DurationRound as _, TimeDelta};
use hourkey_domain::organisation::About;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;

/// A value of the file, and where it stands.
type Value<'i> = Spanned<DeValue<'i>>;

/// Turns places into lines, and keeps the mistakes.
pub(super) struct Reader {
    /// Where each line ends, so that the line of a place is found by halving.
    ends: Vec<usize>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// A reader over the file's text.
    pub(super) fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(place, _)| place).collect();
        Self {
            ends,
            mistakes: Vec::new(),
        }
    }

    /// The line of a place, counted from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.ends.partition_point(|end| *end < span.start) + 1
    }

    /// Notes a mistake.
    pub(super) fn mistake(&mut self, line: usize, text: impl Into<String>) {
        self.mistakes.push(Mistake {
            line,
            text: text.into(),
        });
    }

    /// Everything noted so far, in order of lines.
    pub(super) fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort();
        self.mistakes.dedup();
        self.mistakes
    }
}

/// One table, of which every key must be taken.
pub(super) struct Table<'i> {
    /// Where it starts.
    pub(super) line: usize,
    what: String,
    entries: BTreeMap<String, (usize, Value<'i>)>,
}

impl<'i> Table<'i> {
    /// The table, called `what` in mistakes.
    pub(super) fn new(
        reader: &Reader,
        what: impl Into<String>,
        span: &Range<usize>,
        table: DeTable<'i>,
    ) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let line = reader.line(&key.span());
                (key.into_inner().to_string(), (line, value))
            })
            .collect();
        Self {
            line: reader.line(span),
            what: what.into(),
            entries,
        }
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A text with something visible in it.
    pub(super) fn text(&mut self, reader: &mut Reader, key: &str) -> Option<Lined<String>> {
        let (line, value) = self.entries.remove(key)?;
        match value.into_inner() {
            DeValue::String(text) if text.trim() != text => {
                let mistake = format!("{key} begins or ends with white space: {text:?}");
                reader.mistake(line, mistake);
                None
            }
            DeValue::String(text) if is_shown(&text) => Some(Lined {
                line,
                value: text.to_string(),
            }),
            DeValue::String(_) => {
                let text = format!("{key} must hold something that can be seen, on one line");
                reader.mistake(line, text);
                None
            }
            other => {
                wrong_type(reader, line, key, "a text in quotes", &other);
                None
            }
        }
    }

    /// Takes the key where an empty text stands there.
    pub(super) fn take_empty(&mut self, key: &str) -> bool {
        let is_empty = self.entries.get(key).is_some_and(
            |(_, value)| matches!(value.get_ref(), DeValue::String(text) if text.is_empty()),
        );
        if is_empty {
            self.entries.remove(key);
        }
        is_empty
    }

    /// A text that must be there.
    pub(super) fn needed_text(&mut self, reader: &mut Reader, key: &str) -> Option<Lined<String>> {
        if !self.has(key) {
            reader.mistake(self.line, format!("{} has no {key}", self.what));
        }
        self.text(reader, key)
    }

    /// A description, possibly of several lines; empty when it is not there.
    pub(super) fn description(&mut self, reader: &mut Reader, key: &str) -> String {
        let Some((line, value)) = self.entries.remove(key) else {
            return String::new();
        };
        match value.into_inner() {
            DeValue::String(text) => About::text(&text).unwrap_or_else(|why| {
                reader.mistake(line, format!("{key} {why}"));
                String::new()
            }),
            other => {
                wrong_type(reader, line, key, "a text in quotes", &other);
                String::new()
            }
        }
    }

    /// A list of texts; empty when it is not there.
    pub(super) fn texts(&mut self, reader: &mut Reader, key: &str) -> Vec<Lined<String>> {
        let Some((line, value)) = self.entries.remove(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.into_inner() else {
            reader.mistake(
                line,
                format!("{key} must be a list of texts: [\"…\", \"…\"]"),
            );
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            let line = reader.line(&item.span());
            match item.into_inner() {
                DeValue::String(text) if is_shown(&text) => {
                    texts.push(Lined {
                        line,
                        value: text.to_string(),
                    });
                }
                DeValue::String(_) => reader.mistake(
                    line,
                    format!(
                        "each text of {key} must be one that can be seen, on one line, of at most \
                         2,000 characters"
                    ),
                ),
                other => wrong_type(reader, line, key, "a list of texts", &other),
            }
        }
        texts
    }

    /// True or false; false when it is not there.
    pub(super) fn flag(&mut self, reader: &mut Reader, key: &str) -> bool {
        match self
            .entries
            .remove(key)
            .map(|(line, value)| (line, value.into_inner()))
        {
            None => false,
            Some((_, DeValue::Boolean(flag))) => flag,
            Some((line, other)) => {
                wrong_type(reader, line, key, "true or false", &other);
                false
            }
        }
    }

    /// An id, as exported: a whole number from 1.
    pub(super) fn id(&mut self, reader: &mut Reader, key: &str) -> Option<Lined<i64>> {
        let (line, value) = self.entries.remove(key)?;
        match value.into_inner() {
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                let value = read.ok().filter(|id| *id > 0);
                if value.is_none() {
                    reader.mistake(line, format!("{key} is a whole number from 1"));
                }
                value.map(|value| Lined { line, value })
            }
            other => {
                wrong_type(reader, line, key, "a whole number from 1", &other);
                None
            }
        }
    }

    /// A date and time with its offset.
    pub(super) fn moment(
        &mut self,
        reader: &mut Reader,
        key: &str,
    ) -> Option<hourkey_domain::Time> {
        let (line, value) = self.entries.remove(key)?;
        let text = match value.into_inner() {
            DeValue::Datetime(moment) => moment.to_string(),
            other => {
                wrong_type(
                    reader,
                    line,
                    key,
                    "a moment such as 2027-01-31T17:00:00Z",
                    &other,
                );
                return None;
            }
        };
        if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(&text) {
            // As much of it as is kept: what is finer would differ for ever.
            return moment
                .to_utc()
                .duration_trunc(TimeDelta::milliseconds(1))
                .ok();
        }
        reader.mistake(
            line,
            format!("{key} needs date, time and offset, such as 2027-01-31T17:00:00Z, not {text}"),
        );
        None
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, reader: &mut Reader, key: &str) -> Option<Self> {
        let (line, value) = self.entries.remove(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => {
                let what = format!("{key} of {}", self.what);
                let mut inner = Self::new(reader, what, &span, table);
                inner.line = line;
                Some(inner)
            }
            other => {
                wrong_type(reader, line, key, "a table: { … }", &other);
                None
            }
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, reader: &mut Reader, key: &str) -> Vec<Self> {
        let Some((line, value)) = self.entries.remove(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.into_inner() else {
            reader.mistake(line, format!("write [[{key}]], once for each {key}"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(table) => {
                    tables.push(Self::new(reader, format!("this {key}"), &span, table));
                }
                other => {
                    let line = reader.line(&span);
                    wrong_type(reader, line, key, "a table", &other);
                }
            }
        }
        tables
    }

    /// Notes every key that nobody took.
    pub(super) fn finish(self, reader: &mut Reader, known: &str) {
        for (key, (line, _)) in self.entries {
            let mut text = format!("{key:?} is not known here; known are {known}");
            if key == "fallback_reviewers" {
                text += "; it belongs before the first table";
            }
            reader.mistake(line, text);
        }
    }
}

/// A value and its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lined<T> {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: T,
}

fn wrong_type(reader: &mut Reader, line: usize, key: &str, wanted: &str, found: &DeValue<'_>) {
    reader.mistake(
        line,
        format!(
            "{key} must be {wanted}, and this is of type {}",
            found.type_str()
        ),
    );
}

/// Something visible, and nothing that would break a line.
fn is_shown(text: &str) -> bool {
    hourkey_domain::reason::Text::new(text).is_ok_and(|text| !text.is_blank())
        && !text.chars().any(char::is_control)
}

/// The value in its own type, or a mistake.
pub(super) fn parsed<T>(reader: &mut Reader, text: &Lined<String>) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    match text.value.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let value = &text.value;
            let error = T::Err::to_string(&error);
            let detail = if error.contains(value) {
                error
            } else {
                format!("{value:?}: {error}")
            };
            reader.mistake(text.line, detail);
            None
        }
    }
}
