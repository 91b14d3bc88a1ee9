//! The administrators' pages of a very large organisation.

use anyhow::{Context as _, Result, ensure};

use super::calls::Connection;
use super::data::Shape;
use crate::linux::figures::{Figure, Table, Times, short};

/// The budget of each page, in milliseconds.
const MAX_PAGE_MS: f64 = 100.0;

/// How often each is opened.
const VISITS: usize = 60;

/// The budget of a consequence, in milliseconds.
const MAX_CONSEQUENCE_MS: f64 = 200.0;

/// How often each is asked for: less often than an administrator may in a row.
const CONSEQUENCES: u64 = 12;

/// Asks what a changed setting would do, before it is saved.
pub(super) async fn consequences(
    connection: &mut Connection,
    cookie: &str,
    of_groups: i64,
    of: &str,
    table: &mut Table,
) -> Result<()> {
    for (whose, resource) in [("of everybody", 1), ("of five groups", of_groups)] {
        let path = format!("/resources/{resource}/settings");
        let (page, _) = connection.page(&path, cookie).await?;
        let page = String::from_utf8_lossy(&page).into_owned();
        let value = |name: &str| {
            let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let token = value("token").context("the page has a token")?;
        let seen = value("seen").context("the page has a version")?;
        let mut times = Vec::new();
        for round in 0..CONSEQUENCES {
            let other = format!("{}m", 61 + round);
            let fields = [
                ("token", &*token),
                ("seen", &*seen),
                ("do", "show"),
                ("mode", "access_request"),
                ("approval", "manual"),
                ("period", "other"),
                ("other", &*other),
                ("lock_after", "30"),
            ];
            let (body, took) = connection.form(&path, cookie, &fields).await?;
            let body = String::from_utf8_lossy(&body);
            ensure!(body.contains("What this does now"), "{path} says {body}");
            times.push(took);
        }
        let times = Times::of(times);
        let what = format!("page: the consequence of a setting {whose}, {of}, p99");
        let worst = Figure::new(what, times.percentile(99), "ms");
        table.add(worst.spread(times.spread()).budget(MAX_CONSEQUENCE_MS));
    }
    Ok(())
}

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
        ("what a person sees", "/people/777/view".to_owned()),
        ("gateways", "/gateways".to_owned()),
        ("settings", "/settings".to_owned()),
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
