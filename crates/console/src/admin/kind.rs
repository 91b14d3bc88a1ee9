//! What a resource is, from its address and its ports: an icon and a word.

use hourkey_domain::address::Address;
use hourkey_domain::organisation::Resource;
use maud::{Markup, html};

use crate::icon::Icon;

/// By what it covers, where that is more than one host; else by the port, where it is a usual one.
fn kind(resource: &Resource) -> (Icon, &'static str) {
    match &resource.address {
        Address::Wildcard(_) => return (Icon::Many, "Wildcard"),
        Address::Net(..) => return (Icon::Many, "Range"),
        Address::Name(_) | Address::Ip(_) => {}
    }
    let web = |(from, to): &(u16, u16)| from == to && [80, 443, 8_080, 8_443].contains(from);
    let ranges = resource.ports.ranges();
    if !ranges.is_empty() && ranges.iter().all(web) {
        return (Icon::Window, "Web");
    }
    match (resource.ports.single(), &resource.address) {
        (Some(22), _) => (Icon::Terminal, "Shell"),
        (Some(1_433 | 1_521 | 3_306 | 5_432 | 6_379 | 27_017), _) => (Icon::Database, "Database"),
        (Some(3_389 | 5_900), _) => (Icon::Screen, "Desktop"),
        (_, Address::Ip(_)) => (Icon::Host, "Address"),
        (_, Address::Name(_) | Address::Wildcard(_) | Address::Net(..)) => (Icon::Host, "Host"),
    }
}

/// The word, for sorting and searching.
pub(super) fn word(resource: &Resource) -> &'static str {
    kind(resource).1
}

/// The icon and the word.
pub(super) fn shown(resource: &Resource) -> Markup {
    let (icon, word) = kind(resource);
    html! { span.kind { (icon) (word) } }
}
