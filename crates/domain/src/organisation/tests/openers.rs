//! What opens a lock, as an explanation names it.

use chrono::TimeDelta;

use super::draw::noon;
use super::explanations::{about, viewer};
use super::models::{assignment, group, resource, user};
use crate::Time;
use crate::ids::{GatewayId, NetworkId, ResourceId, UserId};
use crate::organisation::explain::{Explanation, Missing};
use crate::organisation::{Assignment, Organisation, Resource, explain};
use crate::settings::{Approval, Mode, Override, Settings};

const ADA: UserId = UserId(1);
const DATABASE: ResourceId = ResourceId(1);

/// Ada reaches the database, which locks for lack of use, by one group; root reviews.
fn locked() -> Organisation {
    let mut locked = Organisation::default();
    locked.set_user(ADA, Some(user(1)));
    let mut root = user(2);
    root.roles.push(crate::review::Role::Admin);
    locked.set_user(root.id, Some(root));
    for id in [1, 2] {
        let group = group(id, &[1]);
        locked.set_group(group.id, Some(group));
    }
    locked.set_gateway(GatewayId(1), Some(NetworkId(1)));
    let plain = resource(1);
    let settings = Settings {
        mode: Mode::AutoLock,
        ..plain.settings
    };
    locked.set_resource(DATABASE, Some(Resource { settings, ..plain }));
    assign(&mut locked, assignment(1, 1, 1));
    locked
}

fn assign(of: &mut Organisation, assignment: Assignment) {
    of.set_assignment(assignment.id, Some(assignment));
}

fn explained(of: &Organisation, at: Time) -> Explanation {
    explain(of, viewer(ADA), &about(ADA, DATABASE, at), noon()).unwrap()
}

#[test]
fn the_easiest_of_several_assignments_opens_what_locked_for_lack_of_use() {
    let mut organisation = locked();
    let alone = explained(&organisation, noon());
    assert_eq!(alone.missing, [Missing::Unused, Missing::NeedsApproval]);
    let own = Override {
        mode: Some(Mode::AccessRequest),
        approval: Some(Approval::Automatic),
        ..Override::default()
    };
    let other = Assignment {
        own,
        ..assignment(2, 2, 1)
    };
    assign(&mut organisation, other);
    let both = explained(&organisation, noon());
    assert_eq!(both.missing, [Missing::Unused, Missing::NeedsReason]);
}

#[test]
fn in_the_last_minute_of_an_assignment_nothing_can_be_asked_for() {
    let mut organisation = locked();
    let until = noon() + TimeDelta::minutes(5);
    let ending = Assignment {
        until: Some(until),
        ..assignment(1, 1, 1)
    };
    assign(&mut organisation, ending);
    for (left, opener) in [
        (TimeDelta::minutes(1), Missing::NeedsApproval),
        (TimeDelta::milliseconds(59_999), Missing::EndsTooSoon),
    ] {
        let found = explained(&organisation, until - left);
        assert_eq!(found.missing, [Missing::Unused, opener], "{left}");
    }
    assert_eq!(
        explained(&organisation, noon()).missing[1],
        Missing::NeedsApproval
    );
}
