//! What is left to do before the first person can reach the first resource.

use hourkey_access::overview::Overview;
use hourkey_domain::ids::GroupId;
use hourkey_domain::review::Role;
use maud::{Markup, html};

use super::view::link;
use crate::icon::Icon;
use crate::layout::plain;
use crate::state::dot;

/// The steps, until all are done that can be seen from here; for administrators alone.
pub(super) fn steps(view: &Overview, app_address: &str, a_gateway_is_connected: bool) -> Markup {
    let of = &view.organisation;
    let network = of.networks().next();
    let resource = of.resources().next();
    let others = of.users().filter(|user| !user.disabled).count() > 1;
    let group = of.groups().find(|group| !group.members.is_empty());
    let mut assignments = of.assignments();
    let assigned = assignments.find(|own| of.enabled_members(own.group).next().is_some());
    let someone = assigned.and_then(|own| {
        let mut members = of.enabled_members(own.group);
        let is_plain = |id: &_| {
            of.user(*id)
                .is_some_and(|it| !it.roles.contains(&Role::Admin))
        };
        members.find(is_plain).and_then(|id| of.user(id))
    });
    let device = of.devices().next().is_some();
    let done = [
        a_gateway_is_connected,
        resource.is_some(),
        others,
        assigned.is_some(),
        device,
    ];
    let left = done.iter().filter(|done| !**done).count();
    if !view.administers || left == 0 {
        return html! {};
    }
    let [gateway, first, people, access, app] = done;
    html! {
        section #first-day {
            h2 { "The first day" }
            ol.findings {
                (step(gateway, "A gateway", &match network {
                    _ if gateway => html! { "It is connected." },
                    Some(network) => html! {
                        a href={ "/networks/" (network.id) "/gateways" } { "Add a gateway" }
                        " in " bdi { (plain(&network.name)) } ": one command to paste."
                    },
                    None => html! {
                        a href="/networks/new" { "Name the network" } " that it serves; then it is one command to paste."
                    },
                }))
                (step(first, "The first resource", &match resource {
                    Some(resource) => html! { (link("resources", resource.id, &resource.name)) "." },
                    None => html! { a href="/resources/new" { "Say where it is" } ": name, address, ports." },
                }))
                (step(people, "People", &match people {
                    true => html! { a href="/people/new" { "Add more" } " at any time." },
                    false => html! { a href="/people/new" { "Add them" } ", a line each." },
                }))
                (step(access, "A group and its access", &match (access, group, resource) {
                    (true, ..) => html! { "It may ask, as its settings say." },
                    (false, Some(group), Some(resource)) => html! {
                        a href={ "/resources/" (resource.id) "/groups?group=" (group.id) } { "Give " (plain(&group.name)) " access" } "."
                    },
                    (false, Some(_), None) => html! { "Once there is a resource." },
                    (false, None, Some(resource)) => html! {
                        a href="/groups/new" { "Name a group" } " and who is in it, or "
                        a href={ "/resources/" (resource.id) "/groups?group=" (GroupId::EVERYONE) } { "give Everyone access" }
                        "."
                    },
                    (false, None, None) => html! { a href="/groups/new" { "Name a group" } " and who is in it." },
                }))
                (step(false, "See it as they do", &match someone {
                    Some(user) => html! {
                        a href={ "/people/" (user.id) "/view" } { "What " (plain(&user.name)) " sees" } "."
                    },
                    None => html! { "Once a group has access." },
                }))
                (step(app, "The app", &match app {
                    true => html! { "The first computer is enrolled." },
                    false => html! {
                        "They start Hourkey on their computer, and name this address: "
                        code { (app_address) }
                    },
                }))
            }
        }
    }
}

fn step(done: bool, name: &str, words: &Markup) -> Markup {
    let (icon, tone) = match done {
        true => (Icon::Check, "open"),
        false => (Icon::Clock, "wait"),
    };
    html! {
        li {
            (dot(icon, tone))
            span {
                b { (name) @if done { span.unseen { ", done" } } } " "
                (words)
            }
        }
    }
}
