//! The administrators' pages of a very large organisation.

use anyhow::Result;

use super::calls::Connection;
use super::data::Shape;
use crate::linux::figures::{Figure, Table, Times, short};

/// The budget of each page, in milliseconds.
const MAX_PAGE_MS: f64 = 100.0;

/// How often each is opened.
const VISITS: usize = 60;

/// Opens each page with the cookie of an administrator. `scattered` is a resource that very many groups
/// have.
pub(super) async fn measure(
    connection: &mut Connection,
    cookie: &str,
    (shape, scattered): (Shape, i64),
    of: &str,
    table: &mut Table,
) -> Result<()> {
    let last = shape.people / 50 - 1;
    let own = shape.of_everybody + 1;
    let pages = [
        ("overview", "/overview".to_owned()),
        ("jump", "/jump?q=ser+77".to_owned()),
        ("resources", "/resources".to_owned()),
        ("resources, searched", "/resources?q=resource+77".to_owned()),
        (
            "resources, by granted now",
            "/resources?sort=granted-now".to_owned(),
        ),
        ("a resource", format!("/resources/{own}")),
        ("a resource of everybody", "/resources/1".to_owned()),
        (
            "a resource of everybody, by last use",
            "/resources/1?sort=last-used".to_owned(),
        ),
        (
            "a resource of 1,000 groups",
            format!("/resources/{scattered}"),
        ),
        ("people", "/people".to_owned()),
        ("people, the last page", format!("/people?page={last}")),
        ("people, searched", "/people?q=user+777".to_owned()),
        (
            "people, by granted now",
            "/people?sort=granted-now".to_owned(),
        ),
        ("a person", "/people/777".to_owned()),
        ("groups", "/groups".to_owned()),
        ("a group", "/groups/2".to_owned()),
        ("the group of everybody", "/groups/1".to_owned()),
        ("requests", "/requests".to_owned()),
        ("explain", format!("/explain?user=user777&resource={own}")),
    ];
    for (name, path) in pages {
        let (mut times, mut size) = (Vec::new(), 0);
        for _ in 0..VISITS {
            let (body, took) = connection.page(&path, cookie).await?;
            size = body.len();
            times.push(took);
        }
        let times = Times::of(times);
        #[expect(clippy::cast_precision_loss, reason = "a page is small")]
        let kib = size as f64 / 1024.0;
        let spread = format!("{} KiB; {}", short(kib), times.spread());
        let what = format!("page: {name}, {of}, p99");
        let worst = Figure::new(what, times.percentile(99), "ms");
        table.add(worst.spread(spread).budget(MAX_PAGE_MS));
    }
    Ok(())
}
