//! A request as reviewers see it, with the forms to decide it.

use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::outcome::Outcome;
use hourkey_domain::request::Purpose;
use hourkey_protocol::access::{Request, Review};
use maud::{Markup, html};

use super::queue::Origin;
use crate::csrf::FormToken;
use crate::form::{Field, Fields, FormError};
use crate::icon::Icon;
use crate::layout::{plain, token_field};
use crate::lengths;
use crate::outcome::{comments, person, quote, sentence, tone, verdict};
use crate::time::{ago, moment, reckoned, stamp};

/// The longest comment, in characters.
pub(super) const COMMENT: usize = 2_000;

/// What a reviewer typed, kept when it has to be corrected.
#[derive(Default)]
pub(super) struct DecisionInput {
    pub(super) comment: String,
    /// Whom an administrator asks to decide.
    pub(super) logins: String,
    pub(super) length: lengths::LengthInput,
    /// Which of the forms it was.
    pub(super) form: String,
    pub(super) wrong: FormError,
}

impl DecisionInput {
    pub(super) fn read(fields: &Fields, wrong: FormError) -> Self {
        Self {
            comment: fields.text("comment"),
            logins: fields.text("logins"),
            length: lengths::LengthInput::read(fields, ""),
            form: fields.get("do").to_owned(),
            wrong,
        }
    }
}

/// A waiting request with what can be done about it.
pub(super) fn card(
    review: &Review,
    token: &FormToken,
    origin: Origin<'_>,
    primary: bool,
    now: Time,
    typed: &DecisionInput,
) -> Markup {
    let request = &review.request;
    let history = match review.recent_grants {
        0 => "first time in 30 days".to_owned(),
        1 => "had it once in the last 30 days".to_owned(),
        times => format!("had it {times} times in the last 30 days"),
    };
    let form = Form {
        request,
        token,
        origin,
        typed,
    };
    html! {
        (reason(request))
        p.state { "Requests " (asked_for(request, now)) }
        p.state {
            @if request.purpose != Purpose::Unlock { (history) " · " }
            bdi { (plain(&request.group_name)) }
            " · Expires " (moment(request.lapses_at, now)) " if nobody answers"
        }
        (asked_of(review))
        @if review.may_decide {
            div.acts {
                (form.approve(primary))
                // Nothing is shorter than the shortest.
                @if let Some(asked) = request.asked.filter(|asked| *asked > Length::MIN) {
                    (form.shorter(asked, now))
                }
                (form.deny())
            }
        } @else {
            p.state.wait {
                "Another reviewer decides this: less than a day ago "
                bdi { (plain(&request.requester.name)) }
                " was shown a link to a password with which they could decide it themselves, or set up \
                 where such links go."
            }
        }
    }
}

/// On whose behalf it is decided, and whom an administrator asked.
fn asked_of(review: &Review) -> Markup {
    html! {
        @if let Some(principal) = &review.on_behalf_of {
            p.state.wait { "You decide for " bdi { (plain(&principal.name)) } ", who is away." }
        }
        @if !review.asked_reviewers.is_empty() {
            p.state {
                "Asked: "
                @for (index, name) in review.asked_reviewers.iter().enumerate() {
                    @if index > 0 { ", " }
                    bdi { (plain(name)) }
                }
            }
        }
    }
}

/// The kind of a request, its length and start, and while it waits when access would end if it were
/// approved now.
pub(super) fn asked_for(request: &Request, now: Time) -> Markup {
    let waits = matches!(request.outcome(), Outcome::Waiting { .. });
    let starts = |at| html! { " from " b { (moment(at, now)) } };
    html! {
        @match (request.purpose, request.asked) {
            (Purpose::Grant, Some(asked)) => {
                "access for " b { (asked) } @if let Some(at) = request.starts_at { (starts(at)) }
            },
            (Purpose::Extension(_), Some(asked)) => {
                "an extension: " b { (asked) } " from approval"
                @if let Some(grant) = request.grant.as_ref().filter(|_| waits) {
                    " · Access ends " (moment(grant.expires_at, now))
                }
            },
            (Purpose::Unlock, _) | (_, None) => b { "an unlock" },
        }
        @match (request.ends_at.filter(|_| waits), request.purpose) {
            (Some(until), _) if request.starts_at.is_some() => { " until " b { (moment(until, now)) } },
            (Some(until), _) => { " · Approved now: until " b { (reckoned(until, now)) } },
            (None, Purpose::Extension(_)) if waits => " · Approved now, it would not last longer",
            (None, _) => {},
        }
    }
}

/// A request that was just decided, in the place that it had in the queue, and as high: so nothing
/// moves under the pointer of whoever decided it.
pub(super) fn settled_card(request: &Request, undo: &Markup, now: Time) -> Markup {
    let outcome = request.outcome();
    html! {
        (reason(request))
        p.state { "Requested " (asked_for(request, now)) }
        p.state { bdi { (plain(&request.group_name)) } }
        div.verdict.(tone(&outcome)) {
            @match outcome {
                Outcome::Denied { .. } | Outcome::Revoked { .. } => (Icon::Cross),
                _ => (Icon::Check),
            }
            b { (verdict(request)) }
            // On the same line: a card stays as high as it was.
            (undo)
        }
        (comments(request))
    }
}

/// Taking one's decision back, up to `until` (rule 12): then the script hides the button, and without it the
/// style sheet does, 10 seconds after it was drawn.
pub(super) fn undo(
    request: &Request,
    until: Option<Time>,
    token: &FormToken,
    origin: Origin<'_>,
) -> Markup {
    let Some(until) = until else {
        return html! {};
    };
    let id = request.id;
    html! {
        form.undo #{ "undo-" (id) } method="post" action={ "/review/" (id) }
            data-until=(stamp(until)) {
            (token_field(token))
            (origin.fields())
            button.btn name="do" value="undo" aria-label=(about("Undo", request)) { "Undo" }
        }
    }
}

/// The forms about one request.
struct Form<'a> {
    request: &'a Request,
    token: &'a FormToken,
    origin: Origin<'a>,
    typed: &'a DecisionInput,
}

impl Form<'_> {
    fn approve(&self, primary: bool) -> Markup {
        let words = match self.request.asked {
            Some(asked) => format!("Approve {asked}"),
            None => "Unlock".to_owned(),
        };
        self.form(
            "approve",
            html! {
                button.btn.primary[primary] name="do" value="approve"
                    aria-label=(about(&words, self.request)) { (words) }
            },
        )
    }

    /// For less time than was asked; nothing where no shorter length would add anything to a running grant
    /// (rule 5).
    fn shorter(&self, asked: Length, now: Time) -> Markup {
        let running = self.request.grant.as_ref();
        let least = running.map(|grant| Length::MIN.after(grant.expires_at));
        let open = self.typed.form == "less";
        if least.is_some_and(|least| asked.after(now) <= least) && !open {
            return html! {};
        }
        let mut choices = lengths::choices(asked);
        choices.retain(|length| {
            *length < asked && least.is_none_or(|least| length.after(now) >= least)
        });
        let (length, wrong) = match open {
            true => (self.typed.length.clone(), &self.typed.wrong),
            false => (lengths::LengthInput::default(), &FormError::default()),
        };
        let lengths = lengths::Fieldset {
            legend: "Approve for",
            suffix: "",
            first: choices.last().copied(),
            choices: &choices,
            longest: asked,
            typed: &length,
            wrong,
        };
        self.panel(
            "less",
            "Shorter…",
            "",
            html! {
                (lengths)
                (self.comment(html! { "Comment " span.optional { "(optional)" } }, "less", false))
                button.btn.primary name="do" value="less" data-length-in="Approve"
                    aria-label=(about("Approve", self.request)) { "Approve" }
            },
        )
    }

    fn deny(&self) -> Markup {
        let label = html! { "Reason for denying (shown to " (requester(self.request)) ")" };
        self.panel(
            "deny",
            "Deny…",
            "danger",
            html! {
                (self.comment(label, "deny", true))
                button.btn.danger name="do" value="deny" aria-label=(about("Deny", self.request)) {
                    "Deny"
                }
            },
        )
    }

    fn revoke(&self, grant: GrantId) -> Markup {
        let label = html! { "Reason for revoking (shown to " (requester(self.request)) ")" };
        self.panel(
            "revoke",
            "Revoke…",
            "danger",
            html! {
                input type="hidden" name="grant" value=(grant);
                (self.comment(label, "revoke", true))
                button.btn.danger name="do" value="revoke"
                    aria-label=(about("Revoke now", self.request)) { "Revoke now" }
            },
        )
    }

    /// A form that opens under a button.
    fn panel(&self, act: &str, words: &str, tone: &str, inside: Markup) -> Markup {
        let id = self.request.id;
        html! {
            details.pop #{ (act) "-panel-" (id) } name={ "act-" (id) } open[self.typed.form == act] {
                summary.btn.(tone) aria-label=(about(words, self.request)) { (words) }
                (self.form(act, inside))
            }
        }
    }

    fn form(&self, act: &str, inside: Markup) -> Markup {
        let id = self.request.id;
        html! {
            form.panel #{ (act) "-" (id) } method="post" action={ "/review/" (id) } {
                (token_field(self.token))
                (self.origin.fields())
                (inside)
            }
        }
    }

    fn comment(&self, label: Markup, act: &str, required: bool) -> Markup {
        let kept = (self.typed.form == act).then_some(self.typed);
        let wrong = kept.map(|typed| &typed.wrong);
        html! {
            label.comment {
                span { (label) }
                textarea.field name="comment" rows="2" maxlength=(COMMENT) dir="auto"
                    required[required]
                    aria-invalid=[wrong.and_then(|wrong| wrong.invalid(Field::Text))]
                    aria-describedby=[wrong.and_then(|wrong| wrong.described_by(Field::Text, ""))]
                    autofocus[wrong.is_some_and(|wrong| wrong.is(Field::Text))]
                    { "\n" (kept.map_or("", |typed| &typed.comment)) }
            }
        }
    }
}

/// A button's name with what it is about. The words that it shows come first (WCAG 2.2, 2.5.3).
fn about(words: &str, request: &Request) -> String {
    let (who, what) = (
        plain(&request.requester.name),
        plain(&request.resource_name),
    );
    format!("{words}, {who}: {what}")
}

fn requester(request: &Request) -> Markup {
    html! { bdi { (plain(&request.requester.name)) } }
}

pub(super) fn reason(request: &Request) -> Markup {
    html! {
        @if request.reason.trim().is_empty() {
            p.quote.muted { "No reason given" }
        } @else {
            (quote(&request.reason))
        }
    }
}

/// Revoking the grant of a request: nothing where its viewer may not, since there is none that
/// waits or runs, or it is their own (rule 6).
pub(super) fn revoke(
    request: &Request,
    viewer: UserId,
    token: &FormToken,
    typed: &DecisionInput,
) -> Markup {
    let form = Form {
        request,
        token,
        origin: Origin::default(),
        typed,
    };
    html! {
        @if let (Outcome::Open { .. } | Outcome::Scheduled { .. }, Some(grant)) = (request.outcome(), &request.grant)
            && request.requester.id != viewer
        {
            div.acts { (form.revoke(grant.id)) }
        }
    }
}

/// A decided request: what became of it, and revoking while its grant runs.
pub(super) fn decided_card(
    request: &Request,
    viewer: UserId,
    token: &FormToken,
    now: Time,
    typed: &DecisionInput,
) -> Markup {
    let outcome = request.outcome();
    // Who denied stands in the sentence.
    let by = request.approval().and_then(|approval| approval.by);
    let by = by.filter(|by| by.id != viewer);
    html! {
        (reason(request))
        p.state { "Requested " (asked_for(request, now)) ", " (ago(request.created_at, now)) " · "
            bdi { (plain(&request.group_name)) } }
        p.state.(tone(&outcome)) {
            b { (verdict(request)) }
            @if let Some(by) = &by { " by " (person(by)) }
            " · " (sentence(&outcome, now))
        }
        (comments(request))
        // Somebody else was faster.
        @if typed.form != "revoke" && !typed.comment.trim().is_empty() {
            label.comment {
                span { "Your comment, which was not sent" }
                textarea.field rows="2" dir="auto" readonly { "\n" (typed.comment) }
            }
        }
        (revoke(request, viewer, token, typed))
    }
}
