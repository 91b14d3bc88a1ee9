//! The connections that a grant let through, and how they ended.

use hourkey_access::connections::{SHOWN, Through};
use hourkey_protocol::gateway::Ended;
use maud::{Markup, html};

use super::layout::plain;
use super::time::instant;

/// A list; nothing where nothing went through.
pub(super) fn list(through: &[Through]) -> Markup {
    html! {
        @if !through.is_empty() {
            section.through #connections {
                h2 { "Connections" }
                ul {
                    @for through in through { li.state { (one(through)) } }
                }
                @if through.len() >= SHOWN as usize {
                    p.muted { "The newest " (SHOWN) "; the audit log has all of them." }
                }
            }
        }
    }
}

fn one(through: &Through) -> Markup {
    let connection = &through.connection;
    let on = html! { " on " bdi { (plain(&through.gateway)) } };
    html! {
        @match connection.end {
            None => { "Since " (instant(connection.started_at)) (on) },
            Some(end) => {
                b { (how(end.why)) " at " (instant(end.at)) (on) }
                ", began " (instant(connection.started_at))
                ", " (bytes(end.sent.saturating_add(end.received)))
            },
        }
    }
}

fn how(why: Ended) -> &'static str {
    match why {
        Ended::Closed => "Closed",
        Ended::Client => "Ended by the computer",
        Ended::Destination => "Ended by the resource",
        Ended::Permit => "Ended with the access",
        Ended::Device => "Ended: device removed",
        Ended::Stale => "Ended: gateway lost the controller",
        Ended::Mismatch => "Blocked: wrong host name",
        Ended::Stopped => "Ended: gateway stopped",
        Ended::Lost => "Ended: gateway lost",
    }
}

/// `3.2 MB`: decimal units (IEC 80000-13).
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1_000 {
        return format!("{count} bytes");
    }
    let mut tenths = count / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_000), "1.0 kB");
        assert_eq!(bytes(999_999), "999.9 kB");
        assert_eq!(bytes(3_250_000), "3.2 MB");
        assert_eq!(bytes(u64::MAX), "18446.7 PB");
    }
}
