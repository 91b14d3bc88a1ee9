//! `hourkey review`.

use chrono::{DateTime, Utc};
use hourkey_domain::format::ago;
use hourkey_protocol::access::{Approve, Comment, Person, Review};
use hourkey_protocol::deputy::AskReviewers;

use crate::account::session;
use crate::args;
use crate::deputies;
use crate::exit::{CommandError, Exit, named};
use crate::print;
use crate::sentence::sentence;
use crate::table::table;
use crate::text::{moment, visible};

/// `hourkey review …`.
pub(crate) async fn run(review: args::Review, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let request = match review {
        args::Review::List => {
            let now = session.snapshot().await?.server_time;
            // Who signed in by a device code is told that such sessions do not review.
            return list(&session.reviews().await?, now, json);
        }
        args::Review::Approve {
            id,
            length,
            comment,
        } => {
            let how = Approve {
                seconds: length.map(u64::from),
                comment,
            };
            session
                .approve(id, &how)
                .await
                .map_err(named("request", id))?
        }
        args::Review::Deputy(deputy) => return deputies::run(&session, deputy, json).await,
        args::Review::Ask { id, logins } => session
            .ask_reviewers(id, &AskReviewers { logins })
            .await
            .map_err(named("request", id))?,
        args::Review::Undo { id } => session.undo(id).await.map_err(named("request", id))?,
        args::Review::Deny { id, comment } => session
            .deny(id, &Comment { comment })
            .await
            .map_err(named("request", id))?,
        args::Review::Revoke { id, comment } => {
            let request = session.request(id).await.map_err(named("request", id))?;
            let Some(grant) = request.grant else {
                let nothing = format!("Request {id} gave no access: there is nothing to revoke.");
                return Err(CommandError::new(Exit::Conflict, nothing));
            };
            session.revoke(grant.id, &Comment { comment }).await?;
            let request = session.request(id).await?;
            if json {
                return print::json(&request);
            }
            let who = |person: &Person| visible(&person.said());
            let headline = request.outcome().headline(who);
            return print::line(format!("{}: {headline}.", visible(&request.resource_name)));
        }
    };
    if json {
        return print::json(&request);
    }
    print::line(sentence(&request, request.created_at))
}

/// `[Review]` as JSON.
fn list(reviews: &[Review], now: DateTime<Utc>, json: bool) -> Result<(), CommandError> {
    if json {
        return print::json(&reviews);
    }
    if reviews.is_empty() {
        print::note("Nothing waits for your review.");
        return Ok(());
    }
    let rows = reviews.iter().map(
        |Review {
             request,
             may_decide,
             on_behalf_of,
             ..
         }| {
            let name = &request.requester.name;
            let requester = match on_behalf_of {
                Some(principal) => format!("{name} (for {})", principal.name),
                None if *may_decide => name.clone(),
                None => format!("{name} (another reviewer decides)"),
            };
            [
                request.id.to_string(),
                requester,
                request.resource_name.clone(),
                request.purpose.word().to_owned(),
                request
                    .asked
                    .map(|asked| asked.to_string())
                    .unwrap_or_default(),
                match request.starts_at {
                    Some(at) => moment(at, now),
                    None => "at approval".to_owned(),
                },
                request
                    .ends_at
                    .map(|at| moment(at, now))
                    .unwrap_or_default(),
                ago(now - request.created_at),
                request.reason.clone(),
            ]
        },
    );
    print::line(table(
        [
            "ID",
            "WHO",
            "RESOURCE",
            "KIND",
            "LENGTH",
            "STARTS",
            "ENDS IF APPROVED NOW",
            "ASKED",
            "REASON",
        ],
        rows,
    ))
}
