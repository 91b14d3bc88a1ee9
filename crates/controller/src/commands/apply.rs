//! `apply`: makes the organisation what a file says.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use hourkey_access::organisation::{Applied, Comparison, OrgFile, Refused};
use hourkey_domain::Time;
use hourkey_domain::text::lines_for_terminal;
use hourkey_terminal as terminal;

use super::effects::print_effects;
use super::opened::{open, open_existing, told};

/// What to apply, and how.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file: docs/admin/organisation.md describes it.
    file: PathBuf,
    /// Also remove what the file lacks.
    #[arg(long)]
    prune: bool,
    /// Apply without asking.
    #[arg(long)]
    yes: bool,
    /// Only show the difference, and what it would do to people.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Only show the difference: end with 0 when there is none, 2 when there is one, 1 on failure.
    #[arg(long, conflicts_with_all = ["yes", "dry_run"])]
    plan: bool,
    /// With --dry-run, end with 2 when there is a difference, 0 when there is none, 1 on failure.
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,
}

/// How `--detailed-exitcode` ends where there is a difference.
const DIFFERENT: u8 = 2;

/// Shows the difference and what it does to people, asks, applies. Fails when it was not agreed to.
pub(crate) async fn run(data: &Path, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("{path} cannot be read"))?;
    let file = OrgFile::parse(&text).map_err(|mistakes| {
        let lines: Vec<_> = mistakes
            .iter()
            .map(|mistake| format!("  {mistake}"))
            .collect();
        anyhow!(
            "nothing was applied, {path} has mistakes:\n{}",
            lines.join("\n")
        )
    })?;
    // What only looks makes no controller where none is.
    let only_looks = arguments.dry_run || arguments.plan;
    let opened = match only_looks {
        true => open_existing(data).await?,
        false => open(data).await?,
    };
    let store = &opened.store;
    let comparison = Comparison::new(store, file, arguments.prune).await;
    let comparison = comparison.map_err(told)?;
    let plan = comparison.plan();
    terminal::print(lines_for_terminal(&plan.to_string()))?;
    if plan.is_empty() {
        terminal::line(format_args!(
            "Nothing to do: the organisation is what {path} says."
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = opened.now();
    if arguments.yes {
        let done = comparison.apply(store, now).await;
        tell(&done.map_err(failed)?, now)?;
        terminal::line("Applied.")?;
        return Ok(ExitCode::SUCCESS);
    }
    tell(&comparison.preview(store, now).await.map_err(failed)?, now)?;
    if only_looks {
        terminal::line(match arguments.plan {
            true => "Nothing was applied (--plan).",
            false => "Nothing was applied (--dry-run).",
        })?;
        return Ok(match arguments.detailed_exitcode || arguments.plan {
            true => ExitCode::from(DIFFERENT),
            false => ExitCode::SUCCESS,
        });
    }
    if !agreed()? {
        terminal::line("Nothing was applied.")?;
        return Ok(ExitCode::FAILURE);
    }
    let done = comparison.apply(store, opened.now()).await;
    done.map_err(failed)?;
    terminal::line("Applied.")?;
    Ok(ExitCode::SUCCESS)
}

/// Says what the file does to people, and whether it makes the organisation larger than known.
fn tell(applied: &Applied, now: Time) -> anyhow::Result<()> {
    print_effects(&applied.before, &applied.after, now)?;
    if let Some(warning) = applied.after.size().warning() {
        terminal::note(format_args!("warning: {warning}."));
    }
    Ok(())
}

fn failed(refused: Refused) -> anyhow::Error {
    anyhow!("{refused}")
}

fn agreed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was applied: add --yes to apply without being asked");
    }
    terminal::print("Apply this? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
