//! A menu's entries, as they come over dbusmenu.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use serde::Deserialize;
use zbus::zvariant::{OwnedValue, Type};

/// An entry of a menu, with its submenu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The id within its menu; 0 for the menu itself.
    pub id: i32,
    /// The text, without mnemonics.
    pub label: String,
    /// False where it is shown grey.
    pub enabled: bool,
    /// False where it is not shown.
    pub visible: bool,
    /// True for a separator line.
    pub separator: bool,
    /// True where it carries an icon.
    pub icon: bool,
    /// The submenu's entries, in order.
    pub children: Vec<Row>,
}

impl Row {
    /// The entry at the end of a path of labels. Each label must be the whole text of one visible
    /// entry, or else the beginning of exactly one.
    ///
    /// # Errors
    /// Says where the path ends, and what is there.
    pub fn at(&self, path: &[&str]) -> Result<&Row, String> {
        let [label, rest @ ..] = path else {
            return Ok(self);
        };
        let shown = || self.children.iter().filter(|row| row.visible);
        let exact = shown().find(|row| row.label == *label);
        let mut begin = shown().filter(|row| row.label.starts_with(label));
        let found = match (exact, begin.next(), begin.next()) {
            (Some(row), _, _) | (None, Some(row), None) => row,
            (None, _, _) => return Err(format!("no single {label:?} in\n{}", self.outline())),
        };
        found.at(rest)
    }

    /// Labels of the visible entries, in order; a separator is `—`.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        let shown = self.children.iter().filter(|row| row.visible);
        shown
            .map(|row| if row.separator { "—" } else { &row.label })
            .collect()
    }

    /// The minutes in a label such as `Grafana · 1 h 30 min left`, if it says any.
    #[must_use]
    pub fn minutes_left(&self) -> Option<u64> {
        let (_, left) = self.label.rsplit_once(" · ")?;
        let left = left.strip_suffix(" left")?;
        let (hours, minutes) = match left.split_once(" h") {
            Some((hours, minutes)) => (hours.parse().ok()?, minutes.trim_start()),
            None => (0, left),
        };
        let minutes = match minutes {
            "" => 0,
            minutes => minutes.strip_suffix(" min")?.parse().ok()?,
        };
        Some(hours * 60 + minutes)
    }

    /// The menu as indented text.
    #[must_use]
    pub fn outline(&self) -> String {
        let mut text = String::new();
        self.write_outline(&mut text, 0);
        text
    }

    fn write_outline(&self, text: &mut String, depth: usize) {
        for row in self.children.iter().filter(|row| row.visible) {
            let label = if row.separator { "—" } else { &row.label };
            let grey = if row.enabled { "" } else { " (grey)" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:width$}{label}{grey}", "", width = depth * 2);
            row.write_outline(text, depth + 1);
        }
    }
}

/// `(ia{sv}av)`: an entry as dbusmenu sends it.
#[derive(Deserialize, Type, zbus::zvariant::Value, OwnedValue)]
pub(super) struct Layout {
    id: i32,
    properties: HashMap<String, OwnedValue>,
    children: Vec<OwnedValue>,
}

impl Layout {
    /// The entry with everything below it.
    pub(super) fn row(self) -> Result<Row> {
        let text = |name: &str| {
            let value = self.properties.get(name)?;
            value.downcast_ref::<String>().ok()
        };
        let flag = |name: &str| {
            let value = self.properties.get(name)?;
            value.downcast_ref::<bool>().ok()
        };
        let icon = ["icon-name", "icon-data"];
        Ok(Row {
            id: self.id,
            label: without_mnemonics(&text("label").unwrap_or_default()),
            enabled: flag("enabled").unwrap_or(true),
            visible: flag("visible").unwrap_or(true),
            separator: text("type").as_deref() == Some("separator"),
            icon: icon.iter().any(|name| self.properties.contains_key(*name)),
            children: self
                .children
                .into_iter()
                .map(|child| match Layout::try_from(child) {
                    Ok(child) => child.row(),
                    Err(error) => bail!("not a menu entry: {error}"),
                })
                .collect::<Result<_>>()?,
        })
    }
}

/// In a label, `_x` underlines x, and `__` is an underscore.
fn without_mnemonics(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    let mut letters = label.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '_' => text.extend(letters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, children: Vec<Row>) -> Row {
        Row {
            label: label.to_owned(),
            enabled: true,
            visible: true,
            children,
            ..Row::default()
        }
    }

    #[test]
    fn a_path_is_found_by_beginnings_unless_they_are_unclear() {
        let menu = row(
            "",
            vec![
                row("Grafana", vec![row("Open", vec![])]),
                row("Grafana test · 4 min left", vec![row("Open", vec![])]),
            ],
        );
        assert_eq!(menu.at(&["Grafana", "Open"]).unwrap().label, "Open");
        assert!(menu.at(&["Grafana test"]).unwrap().label.ends_with("left"));
        assert!(
            menu.at(&["Graf"])
                .unwrap_err()
                .contains("no single \"Graf\"")
        );
        assert!(menu.at(&["Payroll"]).is_err());
        assert_eq!(
            menu.outline(),
            "Grafana\n  Open\nGrafana test · 4 min left\n  Open\n"
        );
    }

    #[test]
    fn minutes_are_read_from_labels() {
        for (label, minutes) in [
            ("Grafana · 45 min left", Some(45)),
            ("A · B · 1 h 30 min left", Some(90)),
            ("Grafana · 2 h left", Some(120)),
            ("Grafana · locked", None),
            ("Grafana · a few min left", None),
            ("Grafana", None),
        ] {
            assert_eq!(row(label, vec![]).minutes_left(), minutes, "{label}");
        }
    }

    #[test]
    fn mnemonics_are_taken_off() {
        assert_eq!(without_mnemonics("_Open snake__case"), "Open snake_case");
    }
}
