//! Aligned tables.

use unicode_width::UnicodeWidthStr as _;

use crate::text::visible;

/// Rows under a heading, columns aligned by what is seen: wide and combining characters count as
/// wide as they are drawn, and what could steer a terminal is shown instead of sent.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![heading.map(ToOwned::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| visible(&cell))));
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (width, cell) in widths.iter().zip(line) {
            row.push_str(cell);
            row.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let rows = [["数据库", "1"], ["Grafana", "2"], ["e\u{301}", "3"]];
        let text = table(["NAME", "N"], rows.map(|row| row.map(ToOwned::to_owned)));
        assert_eq!(
            text,
            "NAME     N\n数据库   1\nGrafana  2\ne\u{301}        3"
        );
    }

    #[test]
    fn hostile_names_steer_nothing() {
        let rows = [["a\u{1b}[2J\u{202e}b\nc".to_owned(), "x".to_owned()]];
        let text = table(["NAME", "X"], rows);
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }
}
