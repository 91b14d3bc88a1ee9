//! What stands around a request: who else may decide, and what came before.

use hourkey_access::review_context::ReviewContext;
use hourkey_domain::Time;
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::access::Request;
use maud::{Markup, html};

use super::card::DecisionInput;
use crate::csrf::FormToken;
use crate::form::Field;
use crate::layout::{plain, token_field};
use crate::outcome::{approvers, asked, comments, person, sentence, tone};
use crate::time::ago;

/// Who asks for what, with links to what the reader may see of them.
pub(super) fn parties(request: &Request, context: &ReviewContext, of: &Organisation) -> Markup {
    let requester = &request.requester;
    let resource = of.resource(request.resource);
    let network = resource.and_then(|resource| of.network(resource.network));
    html! {
        dl.facts {
            dt { "Person" }
            dd {
                @if context.sees_people && of.user(requester.id).is_some() {
                    a href={ "/people/" (requester.id) } { (person(requester)) }
                } @else { (person(requester)) }
                " · " bdi { (plain(&request.group_name)) }
            }
            dt { "Resource" }
            dd {
                @if context.sees_resource && resource.is_some() {
                    a href={ "/resources/" (request.resource) } { bdi { (plain(&request.resource_name)) } }
                } @else { bdi { (plain(&request.resource_name)) } }
                @if let Some(network) = network { " · " bdi { (plain(&network.name)) } }
                @for tag in resource.iter().flat_map(|resource| &resource.tags) {
                    " " span.tag { bdi { (plain(tag)) } }
                }
            }
        }
    }
}

/// Who else may decide, with the form that asks them, and earlier requests of the same person for the same.
pub(super) fn around(
    request: &Request,
    context: &ReviewContext,
    waits: bool,
    token: &FormToken,
    now: Time,
    typed: &DecisionInput,
) -> Markup {
    html! {
        @if waits {
            section #who {
                h2 { "Who may decide" }
                p { (approvers(&context.approvers)) }
                @if context.may_ask { (ask(request, token, typed)) }
            }
        }
        section #earlier {
            h2 { "Earlier requests for it" }
            @if context.earlier.is_empty() {
                p.state { bdi { (plain(&request.requester.name)) } " has not asked for it before." }
            }
            ul.rows {
                @for other in &context.earlier {
                    @let outcome = other.outcome();
                    li.row #{ "earlier-" (other.id) } {
                        div.what {
                            div.name {
                                a href={ "/review/" (other.id) } { (asked(other)) ", " (ago(other.created_at, now)) }
                            }
                            div.sub { span.state.(tone(&outcome)) { (sentence(&outcome, now)) } }
                            (comments(other))
                        }
                    }
                }
            }
        }
    }
}

/// Asking people who may decide it, as an administrator.
fn ask(request: &Request, token: &FormToken, typed: &DecisionInput) -> Markup {
    let is_it = typed.form == "ask";
    let wrong = is_it.then_some(&typed.wrong);
    html! {
        form.find #ask method="post" action={ "/review/" (request.id) } {
            (token_field(token))
            label for="logins" { "Ask" }
            input.field #logins name="logins" value=(typed.logins) autocomplete="off" spellcheck="false"
                required placeholder="login, login"
                autofocus[wrong.is_some_and(|wrong| wrong.is(Field::Login))]
                aria-invalid=[wrong.and_then(|wrong| wrong.invalid(Field::Login))]
                aria-describedby=[wrong.and_then(|wrong| wrong.described_by(Field::Login, "ask-hint"))];
            button.btn name="do" value="ask" { "Ask to decide" }
        }
        p.hint #ask-hint { "They may decide it already. They’re told; nobody else loses the right to." }
    }
}

/// The heading of one request's page.
pub(super) fn title(request: &Request) -> Markup {
    html! {
        h1 #{ "heading-" (request.id) } { (heading(request)) }
        p.mono.address { bdi { (plain(&request.resource_address)) } }
    }
}

/// Who asks for what.
pub(super) fn heading(request: &Request) -> Markup {
    html! { (person(&request.requester)) " → " bdi { (plain(&request.resource_name)) } }
}
