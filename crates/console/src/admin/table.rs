//! Tables that are searched, sorted and paged on the server, by their address.

use std::cmp::Reverse;

use hourkey_domain::Time;
use maud::{Markup, html};
use serde::Deserialize;

use crate::icon::Icon;

/// How many rows a page has.
const ROWS: usize = 50;

/// So many words are looked for.
const MAX_WORDS: usize = 10;

/// What is looked for, in which order, and which page of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TableQuery {
    /// Words that all must be part of what is shown.
    pub(super) q: String,
    /// The column that it is sorted by ([`Column::id`]), with a `-` in front for the other order; the
    /// first one where there is no such column.
    pub(super) sort: String,
    /// From 0.
    pub(super) page: usize,
}

impl TableQuery {
    /// True when it is sorted by the column with this heading.
    pub(super) fn sorts_by(&self, heading: &'static str) -> bool {
        let sort = self.sort.strip_prefix('-').unwrap_or(&self.sort);
        sort == id(heading)
    }

    /// The words that are looked for, in lower case.
    fn words(&self) -> Vec<String> {
        let words = self.q.split_whitespace();
        words.take(MAX_WORDS).map(str::to_lowercase).collect()
    }

    /// The address of this query at `path`, with another order or page; a `#section` of the path stays.
    fn at(&self, path: &str, sort: &str, page: usize) -> String {
        let (path, section) = match path.split_once('#') {
            Some((path, section)) => (path, format!("#{section}")),
            None => (path, String::new()),
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.q.is_empty() {
            query.append_pair("q", &self.q);
        }
        if !sort.is_empty() {
            query.append_pair("sort", sort);
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => format!("{path}{section}"),
            query => format!("{path}?{query}{section}"),
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The most first.
    Number(Reverse<usize>),
    /// The newest first, and what never was last.
    Moment(Reverse<Option<Time>>),
    /// In lower case.
    Text(String),
}

impl Key {
    pub(super) fn number(number: usize) -> Self {
        Self::Number(Reverse(number))
    }

    pub(super) fn moment(at: Option<Time>) -> Self {
        Self::Moment(Reverse(at))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }
}

/// A column of a table.
pub(super) struct Column<'a, T> {
    heading: &'static str,
    key: Option<KeyOf<'a, T>>,
}

type KeyOf<'a, T> = Box<dyn Fn(&T) -> Key + Send + Sync + 'a>;

impl<'a, T> Column<'a, T> {
    /// One that rows can be sorted by.
    pub(super) fn sorted(
        heading: &'static str,
        key: impl Fn(&T) -> Key + Send + Sync + 'a,
    ) -> Self {
        Self {
            heading,
            key: Some(Box::new(key)),
        }
    }

    /// One that rows cannot be sorted by.
    pub(super) fn plain(heading: &'static str) -> Self {
        Self { heading, key: None }
    }

    /// How addresses call it.
    fn id(&self) -> String {
        id(self.heading)
    }
}

/// How addresses call the column with this heading.
fn id(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

/// One page of a table.
pub(super) struct Rows<'a, T> {
    /// Its rows.
    rows: Vec<T>,
    /// How many rows there are on all pages.
    pub(super) total: usize,
    query: TableQuery,
    columns: Vec<Column<'a, T>>,
    /// Which column they are sorted by, and whether in its other order.
    order: (usize, bool),
}

impl<'a, T> Rows<'a, T> {
    /// The page that `query` means of all that fit it; rows that are alike in what they are sorted by
    /// are in order of the first column. `texts` is all that is searched of a row.
    pub(super) fn of(
        all: impl IntoIterator<Item = T>,
        query: &TableQuery,
        columns: Vec<Column<'a, T>>,
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
        let (sort, is_other) = match query.sort.strip_prefix('-') {
            Some(sort) => (sort, true),
            None => (query.sort.as_str(), false),
        };
        let by = columns
            .iter()
            .position(|it| it.key.is_some() && it.id() == sort);
        let order = by.map_or((0, false), |by| (by, is_other));
        let key_of = |at: usize, item: &T| {
            let key = columns.get(at).and_then(|column| column.key.as_ref());
            key.map(|key| key(item))
        };
        let found = all.into_iter().filter(fits).map(|item| {
            let sorted = (order.0 > 0).then(|| key_of(order.0, &item)).flatten();
            (sorted, key_of(0, &item), item)
        });
        let mut found: Vec<_> = found.collect();
        let total = found.len();
        // Past the end there is the last page.
        let last = total.saturating_sub(1) / ROWS;
        let query = TableQuery {
            page: query.page.min(last),
            ..query.clone()
        };
        let start = query.page * ROWS;
        let compare = |one: &Keyed<T>, two: &Keyed<T>| {
            let by_first = one.1.cmp(&two.1);
            let by_sort = one.0.cmp(&two.0);
            match order {
                (0, true) => by_first.reverse(),
                (_, true) => by_sort.reverse().then(by_first),
                (_, false) => by_sort.then(by_first),
            }
        };
        // Only what is shown is put in order: there may be 100,000 rows.
        if start > 0 {
            found.select_nth_unstable_by(start - 1, compare);
            found.drain(..start);
        }
        if found.len() > ROWS {
            found.select_nth_unstable_by(ROWS, compare);
            found.truncate(ROWS);
        }
        found.sort_by(compare);
        Self {
            rows: found.into_iter().map(|(.., item)| item).collect(),
            total,
            query,
            columns,
            order,
        }
    }

    /// Its rows.
    pub(super) fn shown(&self) -> &[T] {
        &self.rows
    }

    /// The rows as a table, with links to the pages before and after; `nothing` where there is none.
    pub(super) fn table(
        &self,
        path: &str,
        label: &str,
        nothing: &str,
        row: impl Fn(&T) -> Markup,
    ) -> Markup {
        let rows = html! { @for item in &self.rows { (row(item)) } };
        html! {
            @if !self.rows.is_empty() {
                (framed(label, &self.headings(path), &rows))
            } @else {
                p.empty {
                    @if self.query.q.is_empty() { (nothing) }
                    @else { "Nothing matches this search. " a href=(path) { "Show all" } }
                }
            }
            (self.pager(path))
        }
    }

    /// Links that sort, where there is more than one row.
    fn headings(&self, path: &str) -> Markup {
        let (by, is_other) = self.order;
        let sort = |at: usize, column: &Column<'a, T>| {
            // The order that it has now is turned round.
            let other = at == by && !is_other;
            let id = match (at, other) {
                (0, false) => String::new(),
                (_, false) => column.id(),
                (_, true) => format!("-{}", column.id()),
            };
            self.query.at(path, &id, 0)
        };
        // Numbers and moments have their largest first.
        let goes_up = |at: usize| {
            let is_text = self.rows.first().is_none_or(|item| {
                let key = self.columns.get(at).and_then(|column| column.key.as_ref());
                key.is_none_or(|key| matches!(key(item), Key::Text(_)))
            });
            is_text != is_other
        };
        let aria = |at: usize| match (at == by, goes_up(at)) {
            (false, _) => None,
            (true, true) => Some("ascending"),
            (true, false) => Some("descending"),
        };
        html! {
            @for (at, column) in self.columns.iter().enumerate() {
                th scope="col" aria-sort=[aria(at)] {
                    @if column.key.is_some() && self.total > 1 {
                        a.sort href=(sort(at, column)) { (column.heading) }
                    } @else { (column.heading) }
                }
            }
        }
    }

    /// Nothing where all are shown.
    fn pager(&self, path: &str) -> Markup {
        let start = self.query.page * ROWS;
        let end = start + self.rows.len();
        let to = |page: usize| self.query.at(path, &self.query.sort, page);
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

type Keyed<T> = (Option<Key>, Option<Key>, T);

/// A table, which scrolls by itself where it is too wide.
pub(super) fn table(label: &str, headings: &[&str], rows: &Markup) -> Markup {
    let headings = html! { @for heading in headings { th scope="col" { (heading) } } };
    framed(label, &headings, rows)
}

/// The head of a column of moments, with the zone that they are in: the script says them in the person's.
pub(crate) fn moments(heading: &str) -> Markup {
    html! { th scope="col" { (heading) " " span.zone data-zone="name" { "UTC" } } }
}

/// A table with these heads.
pub(crate) fn framed(label: &str, headings: &Markup, rows: &Markup) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr { (headings) } }
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
            @if !query.sort.is_empty() { input type="hidden" name="sort" value=(query.sort); }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(q: &str, sort: &str, page: usize) -> (Vec<String>, usize) {
        let all: Vec<String> = (0..120).rev().map(|n| format!("Host {n:03}")).collect();
        let query = TableQuery {
            q: q.to_owned(),
            sort: sort.to_owned(),
            page,
        };
        let last = |name: &&String| Key::number(usize::from(name.as_bytes()[7] - b'0'));
        let columns = vec![
            Column::sorted("Name", |name: &&String| Key::text(name)),
            Column::plain("Kind"),
            Column::sorted("Last digit", last),
        ];
        let rows = Rows::of(&all, &query, columns, |name| (*name).clone());
        (rows.rows.into_iter().cloned().collect(), rows.total)
    }

    #[test]
    fn pages_are_in_order_and_hold_everything_once() {
        let all: Vec<_> = (0..120).map(|n| format!("Host {n:03}")).collect();
        for sort in ["", "name", "kind", "nothing"] {
            let pages = [0, 1, 2].map(|number| page("", sort, number).0);
            assert_eq!(pages.each_ref().map(Vec::len), [50, 50, 20]);
            assert_eq!(pages.concat(), all, "{sort}");
        }
        let mut other = [0, 1, 2].map(|number| page("", "-name", number).0).concat();
        other.reverse();
        assert_eq!(other, all);
        assert_eq!(page("", "", 99), page("", "", 2));
    }

    #[test]
    fn what_is_alike_is_in_order_of_the_first_column() {
        let sorted = |sort| page("", sort, 0).0[..2].to_vec();
        assert_eq!(sorted("last-digit"), ["Host 009", "Host 019"]);
        assert_eq!(sorted("-last-digit"), ["Host 000", "Host 010"]);
    }

    #[test]
    fn another_order_stays_in_its_section() {
        let query = TableQuery::default();
        assert_eq!(query.at("/people/1#access", "", 0), "/people/1#access");
        assert_eq!(
            query.at("/people/1#access", "state", 2),
            "/people/1?sort=state&page=2#access"
        );
        assert_eq!(query.at("/people", "-name", 0), "/people?sort=-name");
    }

    #[test]
    fn all_words_must_be_there_in_any_case() {
        assert_eq!(page("HOST 11", "", 0).1, 11);
        assert_eq!(page("host 119", "", 0), (vec!["Host 119".to_owned()], 1));
        assert_eq!(page("none", "", 0), (vec![], 0));
    }
}
