//! Which thing a person means by a word: one rule for API, commands and the client.

use std::fmt;

use crate::address::{Address, Ports};
use crate::format::endpoint;

/// What a resource can be called by.
#[derive(Clone, Copy)]
pub struct Called<'a> {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: &'a str,
    /// Its alias.
    pub alias: Option<&'a str>,
    /// Its address, in canonical form.
    pub address: &'a dyn fmt::Display,
    /// Its ports.
    pub ports: &'a Ports,
}

/// How strongly a name means a thing: the strongest that fits anything decides, and the others do not
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Alike,
    Alias,
    Name,
    Id,
}

/// All of `things` that `word` means: by id, else by name as it is written, else by alias as it is
/// written, else by name or alias in any case, else by address, with ports or without. More than one
/// are ambiguous.
pub fn meant<'a, T: Copy>(things: &[T], word: &str, called: impl Fn(T) -> Called<'a>) -> Vec<T> {
    let found = meant_among(things, word, called, Some);
    found.into_iter().map(|(thing, _)| thing).collect()
}

/// As [`meant`], as if there were none but those that the person may see (rule 1): those of which
/// `seen` is something, which comes with them.
pub fn meant_among<'a, T: Copy, S>(
    things: &[T],
    word: &str,
    called: impl Fn(T) -> Called<'a>,
    seen: impl Fn(T) -> Option<S>,
) -> Vec<(T, S)> {
    let word = Word::new(word);
    let mut best = None;
    let mut found = Vec::new();
    for &thing in things {
        let fit = word.as_name(&called(thing));
        if fit.is_none() || fit < best {
            continue;
        }
        let Some(seen) = seen(thing) else { continue };
        if fit > best {
            best = fit;
            found.clear();
        }
        found.push((thing, seen));
    }
    // Addresses are written out only where no name is meant.
    if found.is_empty() && word.may_be_address() {
        let so_called = things
            .iter()
            .filter(|thing| word.is_address(&called(**thing)));
        found.extend(so_called.filter_map(|&thing| Some((thing, seen(thing)?))));
    }
    found
}

/// A word, with the forms in which it is compared.
struct Word<'a> {
    typed: &'a str,
    id: Option<i64>,
    lower: String,
    address: Option<String>,
}

impl<'a> Word<'a> {
    fn new(word: &'a str) -> Self {
        let typed = word.trim();
        let address = typed.parse::<Address>().ok();
        Self {
            typed,
            id: typed
                .parse()
                .ok()
                .filter(|id: &i64| id.to_string() == typed),
            lower: typed.to_lowercase(),
            address: address.map(|address| address.to_string()),
        }
    }

    fn as_name(&self, called: &Called<'_>) -> Option<Fit> {
        if self.id == Some(called.id) {
            Some(Fit::Id)
        } else if called.name == self.typed {
            Some(Fit::Name)
        } else if called.alias == Some(self.typed) {
            Some(Fit::Alias)
        } else if self.is_alike(called.name)
            || called.alias.is_some_and(|alias| self.is_alike(alias))
        {
            Some(Fit::Alike)
        } else {
            None
        }
    }

    fn is_alike(&self, name: &str) -> bool {
        match name.is_ascii() {
            true => name.eq_ignore_ascii_case(&self.lower),
            false => name.to_lowercase() == self.lower,
        }
    }

    fn may_be_address(&self) -> bool {
        self.address.is_some() || self.lower.contains(':')
    }

    fn is_address(&self, called: &Called<'_>) -> bool {
        let address = called.address.to_string();
        self.address.as_ref() == Some(&address) || self.is_alike(&endpoint(&address, called.ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Id, name, alias, address, ports.
    type Row = (
        i64,
        &'static str,
        Option<&'static str>,
        &'static str,
        &'static str,
    );

    const ALL: [Row; 6] = [
        (1, "Payroll database", Some("pay"), "payroll.corp", "5432"),
        (2, "Grafana", None, "grafana.corp", "443"),
        (3, "grafana", Some("Wiki"), "10.1.0.0/16", ""),
        (4, "Wiki", Some("7"), "fd00::1", "22"),
        (5, "1", Some("logs"), "10.1.0.0/16", "631,9100"),
        (6, "Logs", Some("logs"), "logs.corp", ""),
    ];

    fn found(word: &str) -> Vec<i64> {
        let ports = ALL.map(|row| row.4.parse::<Ports>().unwrap());
        let rows: Vec<_> = ALL.iter().zip(&ports).collect();
        let found = meant(&rows, word, |(row, ports)| Called {
            id: row.0,
            name: row.1,
            alias: row.2,
            address: &row.3,
            ports,
        });
        found.iter().map(|(row, _)| row.0).collect()
    }

    #[test]
    fn the_strongest_meaning_decides() {
        for (word, ids) in [
            ("1", vec![1]),
            ("7", vec![4]),
            (" Grafana ", vec![2]),
            ("grafana", vec![3]),
            ("GRAFANA", vec![2, 3]),
            ("Wiki", vec![4]),
            ("WIKI", vec![3, 4]),
            ("logs", vec![5, 6]),
            ("Logs", vec![6]),
            ("PAY", vec![1]),
            ("Payroll.corp.", vec![1]),
            ("payroll.corp:5432", vec![1]),
            ("10.1.0.0/16", vec![3, 5]),
            ("10.1.0.0/16:631,9100", vec![5]),
            ("[FD00::1]:22", vec![4]),
            ("FD00:0::1", vec![4]),
            ("pay roll", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(found(word), ids, "{word}");
        }
    }
}
