//! `export`: the organisation as a file for `apply`.

use anyhow::Context as _;
use hourkey_access::directory::Directory;
use hourkey_access::organisation::export::export;
use hourkey_terminal as terminal;

use super::opened::{Opened, told};

/// Prints the file.
pub(crate) async fn run(opened: &Opened) -> anyhow::Result<()> {
    let directory = Directory::default();
    let organisation = directory.current(&opened.store).await.map_err(told)?;
    let installation = opened.store.read().await?.installation().await?;
    let text = export(&organisation, &installation).context("this cannot be written as TOML")?;
    terminal::print(text)?;
    Ok(())
}
