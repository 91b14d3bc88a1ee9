//! `hourkey review deputy`, and asking reviewers.

use chrono::{DateTime, Offset as _, Utc};
use hourkey_client::session::Session;
use hourkey_domain::format::dated;
use hourkey_protocol::deputy::{Deputy, NewDeputy};

use crate::args;
use crate::exit::{CommandError, Exit};
use crate::print;
use crate::table::table;
use crate::text::visible;

/// `hourkey review deputy …`.
pub(crate) async fn run(
    session: &Session,
    deputy: args::Deputy,
    json: bool,
) -> Result<(), CommandError> {
    match deputy {
        args::Deputy::List => {
            let all = session.deputies().await?;
            if json {
                return print::json(&all);
            }
            if all.is_empty() {
                print::note("You have no deputy, and are nobody’s.");
                return Ok(());
            }
            let rows = all.iter().map(|it| {
                [
                    it.deputy.name.clone(),
                    it.principal.name.clone(),
                    at(it.from),
                    at(it.until),
                    it.named_by.name.clone(),
                ]
            });
            print::line(table(["WHO", "FOR", "FROM", "UNTIL", "NAMED BY"], rows))
        }
        args::Deputy::Name {
            login,
            until,
            from,
            principal,
        } => {
            let new = NewDeputy {
                deputy: login,
                principal,
                from,
                until,
            };
            let named = session.name_deputy(&new).await?;
            if json {
                return print::json(&named);
            }
            print::line(said(&named))
        }
        args::Deputy::End { principal } => {
            let of = match principal {
                None => session.me().await?.login,
                Some(login) => login.trim().to_lowercase(),
            };
            let all = session.deputies().await?;
            let found = all.iter().find(|it| it.principal.login == of);
            let found = found.ok_or_else(|| {
                CommandError::new(
                    Exit::NotFound,
                    format!(
                        "{} has no deputy. List them: hourkey review deputy list",
                        visible(&of)
                    ),
                )
            })?;
            let id = found.principal.id;
            session.end_deputy(id).await?;
            if !json {
                print::line("Ended.")?;
            }
            Ok(())
        }
    }
}

/// Who decides for whom, and until when.
fn said(named: &Deputy) -> String {
    format!(
        "{} decides for {} from {} until {}.",
        visible(&named.deputy.name),
        visible(&named.principal.name),
        at(named.from),
        at(named.until)
    )
}

fn at(time: DateTime<Utc>) -> String {
    format!("{} UTC", dated(time, Utc.fix()))
}
