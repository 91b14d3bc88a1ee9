//! `lint`: what will surprise somebody, found before it does.

use std::process::ExitCode;

use chrono::{Local, Offset as _};
use hourkey_access::directory::Directory;
use hourkey_domain::organisation::lint;
use hourkey_domain::organisation::lint::{Finding, Severity, sentence};
use hourkey_domain::text::json_for_terminal;
use hourkey_terminal as terminal;
use serde::Serialize;

use super::opened::{Opened, told};

/// In which form.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A finding as a line of JSON.
#[derive(Serialize)]
struct Row<'a> {
    severity: Severity,
    sentence: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// Prints the findings, and returns failure when a problem is among them.
pub(crate) async fn run(opened: &Opened, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let organisation = Directory::default().current(&opened.store).await;
    let organisation = organisation.map_err(told)?;
    let now = opened.now();
    let zone = now.with_timezone(&Local).offset().fix();
    let mut findings = lint(&organisation, now);
    // Kinds stay together.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    for finding in &findings {
        let severity = finding.severity();
        let sentence = sentence(finding, &organisation, zone).to_string();
        if arguments.json {
            let row = Row {
                severity,
                sentence: &sentence,
                finding,
            };
            terminal::line(json_for_terminal(&serde_json::to_string(&row)?))?;
        } else {
            terminal::line(format_args!("{}: {sentence}", word(severity)))?;
        }
    }
    if findings.is_empty() {
        terminal::note("Nothing was found.");
    }
    let is_problem = |finding: &Finding| finding.severity() == Severity::Problem;
    Ok(match findings.iter().any(is_problem) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "problem",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    }
}
