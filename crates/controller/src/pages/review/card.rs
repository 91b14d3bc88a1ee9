//! A request as reviewers see it, with the forms to decide it.

use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, UserId};
use hourkey_domain::length::Length;
use hourkey_protocol::access::{Grant, Request, Review};
use maud::{Markup, html};

use crate::identity::csrf::FormToken;
use crate::pages::layout::{plain, token_field};
use crate::pages::lengths;
use crate::pages::outcome::{Stage, asked, comments, quote, sentence};
use crate::pages::time::{ago, left};

/// The longest comment, in characters.
const COMMENT: usize = 2_000;

/// What a reviewer typed, kept when it has to be corrected.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) comment: String,
    pub(super) length: lengths::Typed,
    /// Which of the forms it was.
    pub(super) form: String,
}

/// A waiting request with what can be done about it.
pub(super) fn card(
    review: &Review,
    token: &FormToken,
    now: Time,
    back: &str,
    primary: bool,
    typed: &Typed,
) -> Markup {
    let request = &review.request;
    let history = match review.recent_grants {
        0 => "first time in 30 days".to_owned(),
        1 => "had it once in the last 30 days".to_owned(),
        times => format!("had it {times} times in the last 30 days"),
    };
    html! {
        (reason(request))
        p.state {
            @match request.asked {
                Some(asked) => { "Asks for " b { (asked) } " · " (history) },
                None => b { "Asks to unlock it" },
            }
            " · "
            bdi { (plain(&request.group_name)) }
            " · lapses in " (left(request.lapses_at, now))
        }
        @if review.may_decide {
            div.acts {
                (form(request, token, back, html! {
                    button.btn.primary[primary] name="do" value="approve" {
                        @match request.asked {
                            Some(asked) => { "Approve " (asked) },
                            None => "Unlock",
                        }
                    }
                }))
                @if let Some(asked) = request.asked { (less(request, asked, token, back, typed)) }
                (deny(request, token, back, typed))
            }
        } @else {
            p.state.wait { "This is your own request: another reviewer decides it." }
        }
    }
}

fn less(request: &Request, asked: Length, token: &FormToken, back: &str, typed: &Typed) -> Markup {
    let choices: Vec<Length> = lengths::choices(asked)
        .into_iter()
        .filter(|length| *length < asked)
        .collect();
    let (open, length) = match typed.form.as_str() {
        "less" => (true, typed.length.clone()),
        _ => (false, lengths::Typed::default()),
    };
    let first = choices.last().copied();
    html! {
        details.pop name={ "act-" (request.id) } open[open] {
            summary.btn { "Less…" }
            (form(request, token, back, html! {
                (lengths::fieldset("Approve for", "", &choices, first, asked, &length))
                (comment_field("A word to the requester", false, open, typed))
                button.btn.accent name="do" value="less" { "Approve for less" }
            }))
        }
    }
}

fn deny(request: &Request, token: &FormToken, back: &str, typed: &Typed) -> Markup {
    let open = typed.form == "deny";
    html! {
        details.pop name={ "act-" (request.id) } open[open] {
            summary.btn.danger { "Deny…" }
            (form(request, token, back, html! {
                (comment_field("Why? The requester is told.", true, open, typed))
                button.btn.danger name="do" value="deny" { "Deny" }
            }))
        }
    }
}

pub(super) fn revoke(
    request: &Request,
    grant: GrantId,
    token: &FormToken,
    typed: &Typed,
) -> Markup {
    let open = typed.form == "revoke";
    html! {
        details.pop open[open] {
            summary.btn.danger { "Revoke…" }
            (form(request, token, "", html! {
                input type="hidden" name="grant" value=(grant);
                (comment_field("Why? The person is told.", true, open, typed))
                button.btn.danger name="do" value="revoke" { "Revoke now" }
            }))
        }
    }
}

fn form(request: &Request, token: &FormToken, back: &str, inside: Markup) -> Markup {
    html! {
        form.panel method="post" action={ "/review/" (request.id) } {
            (token_field(token))
            input type="hidden" name="back" value=(back);
            (inside)
        }
    }
}

fn comment_field(label: &str, required: bool, keep: bool, typed: &Typed) -> Markup {
    html! {
        label.comment {
            span { (label) @if !required { " " span.optional { "optional" } } }
            textarea.field name="comment" rows="2" maxlength=(COMMENT) dir="auto"
                required[required] { "\n" @if keep { (typed.comment) } }
        }
    }
}

fn reason(request: &Request) -> Markup {
    html! {
        @if request.reason.trim().is_empty() {
            p.quote.muted { "No reason given" }
        } @else {
            (quote(&request.reason))
        }
    }
}

/// The grant of a request that its viewer may take away: it waits or runs, and is not their own
/// (rule 6).
pub(super) fn revocable(request: &Request, viewer: UserId) -> Option<&Grant> {
    match (Stage::of(request), &request.grant) {
        (Stage::Running | Stage::Scheduled, Some(grant)) if request.requester.id != viewer => {
            Some(grant)
        }
        _ => None,
    }
}

/// A decided request: what became of it, and revoking while its grant runs.
pub(super) fn decided_card(
    request: &Request,
    viewer: UserId,
    token: &FormToken,
    now: Time,
    typed: &Typed,
) -> Markup {
    let stage = Stage::of(request);
    html! {
        (reason(request))
        p.state { "Asked for: " (asked(request)) ", " (ago(request.created_at, now)) " · "
            bdi { (plain(&request.group_name)) } }
        p.state.(stage.tone()) { b { (sentence(request, now)) } }
        (comments(request))
        @if let Some(grant) = revocable(request, viewer) {
            div.acts { (revoke(request, grant.id, token, typed)) }
        }
    }
}
