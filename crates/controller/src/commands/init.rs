//! `init`: the data folder, its settings, and the way in for the first admin.

use std::io::IsTerminal as _;
use std::path::Path;

use hourkey_controller::identity::setup;
use hourkey_terminal as terminal;

use super::settings::Flags;
use super::{Opened, open, told};

/// Makes the folder and says what to do next.
pub(crate) async fn run(data: &Path, flags: Flags) -> anyhow::Result<()> {
    let opened = open(data).await?;
    let config = flags.clone().config(data)?;
    let path = flags.write(data)?;
    terminal::line(format_args!("The data folder is {}.", data.display()))?;
    terminal::line(format_args!("Its settings are in {}.", path.display()))?;
    print_setup_code(&opened, &config.address("/setup")).await?;
    terminal::line(format_args!(
        "Start the controller: hourkey-controller --data {} serve",
        data.display()
    ))?;
    Ok(())
}

/// Prints a fresh setup code, if nobody can sign in yet: on a terminal only, so that it ends up in
/// no log. The code before it stops working.
pub(crate) async fn print_setup_code(opened: &Opened, address: &str) -> anyhow::Result<()> {
    if !opened
        .store
        .read()
        .await?
        .organisation()
        .await?
        .users
        .is_empty()
    {
        return Ok(());
    }
    if !std::io::stdout().is_terminal() {
        // The controller serves all the same where nobody reads this.
        let _ = terminal::line(
            "Nobody can sign in yet. Run `hourkey-controller serve` on a terminal for a setup \
             code, or apply an ORG.toml and use `hourkey-controller user set-password`.",
        );
        return Ok(());
    }
    let code = setup::make_code(&opened.store).await.map_err(told)?;
    terminal::line(format_args!(
        "Nobody can sign in yet. Make the first admin at {address} with this setup code:"
    ))?;
    terminal::line(format_args!("\n    {code}\n"))?;
    terminal::line("It works once. It is shown here only.")?;
    Ok(())
}
