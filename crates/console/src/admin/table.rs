//! Tables that are searched and paged on the server, by their address.

use maud::{Markup, html};
use serde::Deserialize;

use crate::icon::Icon;

/// How many rows a page has.
const ROWS: usize = 50;

/// What is looked for, and which page of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TableQuery {
    /// Words that all must be part of what is shown.
    pub(super) q: String,
    /// From 0.
    pub(super) page: usize,
}

impl TableQuery {
    /// The words that are looked for, in lower case.
    fn words(&self) -> Vec<String> {
        let words = self.q.split_whitespace();
        words.map(str::to_lowercase).collect()
    }
}

/// One page of a table.
pub(super) struct Rows<T> {
    /// Its rows.
    rows: Vec<T>,
    /// How many rows there are on all pages.
    pub(super) total: usize,
    query: TableQuery,
}

impl<T> Rows<T> {
    /// The page that `query` means of all that fit it, in order of `name` (its case does not count).
    /// `texts` is all that is searched of a row.
    pub(super) fn of<'a>(
        all: impl IntoIterator<Item = T>,
        query: &TableQuery,
        name: impl Fn(&T) -> &'a str,
        texts: impl Fn(&T) -> String,
    ) -> Self {
        let words = query.words();
        let fits = |item: &T| {
            let texts = match words.is_empty() {
                true => return true,
                false => texts(item).to_lowercase(),
            };
            words.iter().all(|word| texts.contains(word.as_str()))
        };
        let found = all.into_iter().filter(fits);
        let mut found: Vec<(String, T)> = found
            .map(|item| (name(&item).to_lowercase(), item))
            .collect();
        let total = found.len();
        // Past the end there is the last page.
        let last = total.saturating_sub(1) / ROWS;
        let query = TableQuery {
            page: query.page.min(last),
            ..query.clone()
        };
        let start = query.page * ROWS;
        let by_name = |one: &(String, T), two: &(String, T)| one.0.cmp(&two.0);
        // Only what is shown is put in order: there may be 100,000 rows.
        if start > 0 {
            found.select_nth_unstable_by(start - 1, by_name);
            found.drain(..start);
        }
        if found.len() > ROWS {
            found.select_nth_unstable_by(ROWS, by_name);
            found.truncate(ROWS);
        }
        found.sort_by(by_name);
        Self {
            rows: found.into_iter().map(|(_, item)| item).collect(),
            total,
            query,
        }
    }

    /// The rows as a table, with links to the pages before and after; `nothing` where there is none.
    pub(super) fn table(
        &self,
        path: &str,
        label: &str,
        headings: &[&str],
        nothing: &str,
        row: impl Fn(&T) -> Markup,
    ) -> Markup {
        let rows = html! { @for item in &self.rows { (row(item)) } };
        html! {
            @if !self.rows.is_empty() {
                (table(label, headings, &rows))
            } @else {
                p.empty {
                    @if self.query.q.is_empty() { (nothing) }
                    @else { "Nothing matches this search. " a href=(path) { "Show all" } }
                }
            }
            (self.pager(path))
        }
    }

    /// Nothing where all are shown.
    fn pager(&self, path: &str) -> Markup {
        let start = self.query.page * ROWS;
        let end = start + self.rows.len();
        let to = |page: usize| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            if !self.query.q.is_empty() {
                query.append_pair("q", &self.query.q);
            }
            query.append_pair("page", &page.to_string());
            format!("{path}?{}", query.finish())
        };
        html! {
            @if self.total > ROWS {
                p.pager {
                    @if self.query.page > 0 {
                        a.btn href=(to(self.query.page - 1)) rel="prev" { "Previous" }
                    }
                    span.muted { (start + 1) "–" (end) " of " (self.total) }
                    @if end < self.total {
                        a.btn href=(to(self.query.page + 1)) rel="next" { "Next" }
                    }
                }
            }
        }
    }
}

/// A table, which scrolls by itself where it is too wide.
pub(super) fn table(label: &str, headings: &[&str], rows: &Markup) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// The field that searches a table.
pub(super) fn search(path: &str, query: &TableQuery, label: &str) -> Markup {
    html! {
        form.search method="get" action=(path) role="search" {
            (Icon::Glass)
            input type="search" name="q" value=(query.q) aria-label=(label) placeholder=(label)
                maxlength="200";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(q: &str, page: usize) -> (Vec<String>, usize) {
        let all: Vec<String> = (0..120).rev().map(|n| format!("Host {n:03}")).collect();
        let query = TableQuery {
            q: q.to_owned(),
            page,
        };
        let rows = Rows::of(&all, &query, |name| name.as_str(), |name| (*name).clone());
        (rows.rows.into_iter().cloned().collect(), rows.total)
    }

    #[test]
    fn pages_are_in_order_and_hold_everything_once() {
        let pages = [0, 1, 2].map(|number| page("", number).0);
        assert_eq!(pages.each_ref().map(Vec::len), [50, 50, 20]);
        let all: Vec<_> = (0..120).map(|n| format!("Host {n:03}")).collect();
        assert_eq!(pages.concat(), all);
        assert_eq!(page("", 99), page("", 2));
    }

    #[test]
    fn all_words_must_be_there_in_any_case() {
        assert_eq!(page("HOST 11", 0).1, 11);
        assert_eq!(page("host 119", 0), (vec!["Host 119".to_owned()], 1));
        assert_eq!(page("none", 0), (vec![], 0));
    }
}
