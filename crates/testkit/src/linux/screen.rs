//! What is on a session's display, and the mouse and keyboard in front of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::poll::eventually;
use crate::session::Session;

/// A mouse button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The main one.
    Left,
    /// Opens menus.
    Right,
}

/// Takes a picture of the whole display as a PNG file.
///
/// # Errors
/// When there is no display, or the picture shows one single colour.
pub async fn shot(session: &Session, path: &Path) -> Result<()> {
    session
        .run("import", &["-window", "root", text(path)?])
        .await?;
    ensure!(
        colours(session, path).await? > 1,
        "the display shows a single colour ({})",
        path.display()
    );
    Ok(())
}

/// A part of the display: width, height, and the place of its upper left corner, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area(pub u32, pub u32, pub u32, pub u32);

/// Takes a picture of the whole display once a part of it shows something else than in an earlier
/// picture, and everything has stopped changing.
///
/// # Errors
/// When nothing changes, or everything keeps changing, until the deadline.
pub async fn shot_of_change(
    session: &Session,
    part: Area,
    before: &Path,
    path: &Path,
) -> Result<()> {
    let (then, now) = (Picture(before, Some(part)), Picture(path, Some(part)));
    eventually("a change on the display that has settled", async || {
        still(session, "root", path).await?;
        ensure!(
            differ(session, then, now).await?,
            "nothing has changed in {part:?}"
        );
        Ok(())
    })
    .await
}

/// Takes a picture of the window with exactly this title, once it is there, has drawn itself, and
/// has stopped changing. Before it has, what lies below shines through: its lower left corner must
/// have this colour (`#rrggbb`).
///
/// # Errors
/// When there is no such window in time, or the corner stays another colour.
pub async fn shot_of_window(
    session: &Session,
    title: &str,
    corner: &str,
    path: &Path,
) -> Result<()> {
    let title = format!("^{title}$");
    let search = ["search", "--onlyvisible", "--name", &title];
    let found = async || session.run("xdotool", &search).await;
    let windows = eventually(&format!("the window {title:?}"), found).await?;
    let window = windows.lines().last().context("xdotool names no window")?;
    eventually("a settled picture of the window", async || {
        still(session, window, path).await?;
        let colours = colours(session, path).await?;
        ensure!(colours > FEW_COLOURS, "only {colours} colours");
        let pixel = ["-gravity", "SouthWest", "-crop", "1x1+2+2"];
        let shown = ["-format", "#%[hex:u.p{0,0}]", "info:"];
        let arguments = [&[text(path)?], &pixel[..], &shown[..]].concat();
        let seen = session.run("convert", &arguments).await?;
        ensure!(
            seen.trim().eq_ignore_ascii_case(corner),
            "its corner is {seen}, not {corner}: something else shines through"
        );
        Ok(())
    })
    .await
}

/// Takes a picture of a window that does not change just now.
async fn still(session: &Session, window: &str, path: &Path) -> Result<()> {
    let file = text(path)?;
    // Close to each other: a cursor may blink.
    session.run("import", &["-window", window, file]).await?;
    let first = fs::read(path)?;
    session.run("import", &["-window", window, file]).await?;
    ensure!(first == fs::read(path)?, "it is changing");
    Ok(())
}

/// A window without its content has no more.
const FEW_COLOURS: u64 = 16;

/// A picture, or a part of it.
#[derive(Clone, Copy)]
struct Picture<'a>(&'a Path, Option<Area>);

impl Picture<'_> {
    /// As ImageMagick takes it.
    fn arguments(self) -> Result<Vec<String>> {
        let Self(path, area) = self;
        let mut arguments = vec!["(".to_owned(), text(path)?.to_owned()];
        if let Some(Area(width, height, x, y)) = area {
            let area = format!("{width}x{height}+{x}+{y}");
            arguments.extend(["-crop".to_owned(), area, "+repage".to_owned()]);
        }
        arguments.push(")".to_owned());
        Ok(arguments)
    }
}

/// True when two pictures of one size do not show the same.
async fn differ(session: &Session, one: Picture<'_>, other: Picture<'_>) -> Result<bool> {
    let pictures = [one.arguments()?, other.arguments()?].concat();
    let mut arguments: Vec<&str> = pictures.iter().map(String::as_str).collect();
    arguments.extend(["-compose", "difference", "-composite"]);
    arguments.extend(["-format", "%[fx:mean]", "info:"]);
    let mean = session.run("convert", &arguments).await?;
    let mean: f64 = mean
        .trim()
        .parse()
        .with_context(|| format!("convert said {mean:?}"))?;
    Ok(mean > 0.0)
}

/// Puts pictures beside each other into one PNG file, each with an edge around it.
///
/// # Errors
/// When one of them is not a picture.
pub async fn side_by_side(
    session: &Session,
    pictures: &[impl AsRef<Path>],
    path: &Path,
) -> Result<()> {
    let mut arguments = vec![
        "-background",
        EDGE,
        "-bordercolor",
        EDGE,
        "-gravity",
        "North",
    ];
    for picture in pictures {
        arguments.push(text(picture.as_ref())?);
    }
    arguments.extend(["-border", "8", "+append", text(path)?]);
    session.run("convert", &arguments).await.map(drop)
}

/// Neither light nor dark.
const EDGE: &str = "#808080";

/// Covers the empty display with a quiet gradient.
///
/// # Errors
/// When ImageMagick is not installed.
pub async fn paint(session: &Session, (width, height): (u32, u32)) -> Result<()> {
    let size = format!("{width}x{height}");
    let gradient = "gradient:#5b6472-#2b3038";
    let mut display = tokio::process::Command::from(session.command("display"));
    display.args(["-size", &size, "-window", "root", gradient]);
    // It says that it failed when it has painted; the pictures show that it has.
    display.status().await?;
    Ok(())
}

/// How many colours a picture has.
///
/// # Errors
/// When it is not a picture.
pub async fn colours(session: &Session, picture: &Path) -> Result<u64> {
    let count = session
        .run("identify", &["-format", "%k", text(picture)?])
        .await?;
    count
        .trim()
        .parse()
        .with_context(|| format!("identify said {count:?}"))
}

/// Moves the pointer and clicks.
///
/// # Errors
/// When there is no display.
pub async fn click(session: &Session, x: u32, y: u32, button: Button) -> Result<()> {
    let button = match button {
        Button::Left => "1",
        Button::Right => "3",
    };
    let (x, y) = (x.to_string(), y.to_string());
    session
        .run("xdotool", &["mousemove", &x, &y, "click", button])
        .await?;
    Ok(())
}

/// Moves the pointer.
///
/// # Errors
/// When there is no display.
pub async fn point(session: &Session, x: u32, y: u32) -> Result<()> {
    session
        .run("xdotool", &["mousemove", &x.to_string(), &y.to_string()])
        .await?;
    Ok(())
}

/// Presses a key by its X name, for example `Escape` or `ctrl+k`.
///
/// # Errors
/// When there is no display.
pub async fn key(session: &Session, name: &str) -> Result<()> {
    session.run("xdotool", &["key", name]).await?;
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not text")
}
