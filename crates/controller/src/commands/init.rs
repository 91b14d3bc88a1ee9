//! `init`: the data folder, its settings, and the way in for the first admin.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::bail;
use hourkey_access::config::Config;
use hourkey_access::identity::setup;
use hourkey_domain::review::Role;
use hourkey_store::organisation::User;
use hourkey_terminal as terminal;

use super::opened::{Opened, open, told};
use super::settings::Flags;

/// Makes the folder and says what to do next.
pub(crate) async fn run(data: &Path, flags: Flags) -> anyhow::Result<()> {
    let opened = open(data).await?;
    let config = flags.clone().config(data)?;
    let path = flags.write(data)?;
    terminal::line(format_args!("The data folder is {}.", data.display()))?;
    terminal::line(format_args!("Its settings are in {}.", path.display()))?;
    print_setup_link(&opened, &config).await?;
    terminal::line(format_args!(
        "Start the controller: hourkey-controller --data {} serve",
        data.display()
    ))?;
    Ok(())
}

/// Prints a link with a fresh setup code, if nobody can sign in yet: on a terminal only, so that it
/// ends up in no log. The code before it stops working.
pub(crate) async fn print_setup_link(opened: &Opened, config: &Config) -> anyhow::Result<()> {
    if has_users(opened).await? {
        return Ok(());
    }
    if !std::io::stdout().is_terminal() {
        setup::open(&opened.store).await.map_err(told)?;
        // The controller serves all the same where nobody reads this.
        let _ = terminal::line(format_args!(
            "Nobody can sign in yet. This prints a link for the first administrator: \
             hourkey-controller --data {} setup-code",
            config.data.display()
        ));
        return Ok(());
    }
    let link = setup::make_link(&opened.store, &config.public_url).await;
    let link = link.map_err(told)?;
    terminal::line("Nobody can sign in yet. Make the first administrator here:")?;
    terminal::line(format_args!("\n    {link}\n"))?;
    terminal::line("The link works once. It is shown here only; setup-code prints a new one.")?;
    Ok(())
}

/// `setup-code`: a link for the first admin of a controller that has no terminal.
pub(crate) async fn setup_code(data: &Path, opened: &Opened, flags: Flags) -> anyhow::Result<()> {
    if has_users(opened).await? {
        let users = opened.store.read().await?.organisation().await?.users;
        let administers = |user: &User| !user.disabled && user.roles.contains(&Role::Admin);
        if !users.iter().any(administers) {
            bail!(
                "this controller has users, and nobody administers it. Make an administrator with \
                 `hourkey-controller user add LOGIN --name NAME --admin`, enable a disabled one with \
                 `user enable LOGIN`, or give somebody the role Admin with `apply`; then `user \
                 reset-link LOGIN` prints a link with which they set a password"
            );
        }
        bail!(
            "this controller is set up already; `hourkey-controller user reset-link LOGIN` prints \
             a link with which somebody sets a new password"
        );
    }
    let public_url = flags.public_url(data)?;
    let link = setup::make_link(&opened.store, &public_url).await;
    terminal::line(link.map_err(told)?)?;
    terminal::note("Make the first administrator there. The link works once; older ones do not.");
    Ok(())
}

async fn has_users(opened: &Opened) -> anyhow::Result<bool> {
    Ok(opened.store.read().await?.has_users().await?)
}
