//! Mails that wait for long, and those that were given up.

use hourkey_access::mail::outbox::{Listed, Outbox};
use hourkey_domain::Time;
use maud::{Markup, html};

use super::table::table;
use super::view::link;
use crate::csrf::FormToken;
use crate::layout::{plain, token_field};
use crate::time::{ago, moment};

/// Both lists.
pub(super) fn lists(token: &FormToken, outbox: &Outbox, now: Time) -> Markup {
    let forms = outbox.administers.then_some(token);
    let (waiting, dead) = (&outbox.waiting, &outbox.dead);
    html! {
        section #waiting {
            div.head {
                h2 { "Waiting longer than a minute" span { (waiting.len()) } }
                @if let Some(token) = forms.filter(|_| !waiting.is_empty() || !dead.is_empty()) {
                    form method="post" action="/settings/mail" {
                        (token_field(token))
                        button.btn name="do" value="retry-all" { "Try all again" }
                    }
                }
            }
            (list(forms, "Waiting mails", waiting, "Nothing waits.", now))
        }
        section #dead {
            div.head { h2 { "Given up" span { (outbox.counts.dead) } } }
            (list(forms, "Mails that were given up", dead, "Nothing was given up.", now))
        }
    }
}

fn list(
    forms: Option<&FormToken>,
    label: &str,
    mails: &[Listed],
    nothing: &str,
    now: Time,
) -> Markup {
    let rows = html! { @for listed in mails { (row(forms, listed, now)) } };
    let headings = ["To", "Mail", "Since", "Why", "Next try", ""];
    let headings = match forms {
        Some(_) => &headings[..],
        None => &headings[..headings.len() - 1],
    };
    html! {
        @if mails.is_empty() { p.empty { (nothing) } } @else { (table(label, headings, &rows)) }
    }
}

fn row(forms: Option<&FormToken>, listed: &Listed, now: Time) -> Markup {
    let mail = &listed.mail;
    let address = listed.address.as_deref().unwrap_or("no address");
    html! {
        tr {
            th scope="row" {
                (link("people", mail.new.user, &listed.to))
                " " span.muted { bdi { (plain(address)) } }
            }
            td { bdi { (plain(&listed.subject)) } }
            td { (ago(mail.new.at, now)) }
            td {
                @if mail.failure.is_empty() { "It was not tried yet." } @else { bdi { (plain(&mail.failure)) } }
            }
            td { @if mail.dead { "Never" } @else { (moment(mail.new.next_at, now)) } }
            @if let Some(token) = forms {
                td {
                    form.acts method="post" action="/settings/mail" {
                        (token_field(token))
                        input type="hidden" name="mail" value=(mail.id);
                        button.btn name="do" value="retry" aria-label={ "Try again, " (plain(&listed.subject)) } {
                            "Try again"
                        }
                        button.btn.ghost name="do" value="discard" aria-label={ "Discard, " (plain(&listed.subject)) } {
                            "Discard"
                        }
                    }
                }
            }
        }
    }
}
