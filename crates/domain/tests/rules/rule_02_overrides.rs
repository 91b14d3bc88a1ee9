use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 2: each field that an override sets holds; each that it leaves out is the resource's.
    #[test]
    fn field_by_field(resource in settings(), own in overrides()) {
        let effective = resource.with(own);
        match own.mode {
            Some(mode) => prop_assert_eq!(effective.mode, mode),
            None => prop_assert_eq!(effective.mode, resource.mode),
        }
        match own.period {
            Some(period) => prop_assert_eq!(effective.period, period),
            None => prop_assert_eq!(effective.period, resource.period),
        }
        match own.approval {
            Some(approval) => prop_assert_eq!(effective.approval, approval),
            None => prop_assert_eq!(effective.approval, resource.approval),
        }
        match own.lock_after {
            Some(days) => prop_assert_eq!(effective.lock_after, days),
            None => prop_assert_eq!(effective.lock_after, resource.lock_after),
        }
    }

    /// Rule 2: without an override the resource's settings hold, as they are at that time.
    #[test]
    fn an_empty_override_changes_nothing(resource in settings()) {
        prop_assert_eq!(resource.with(Override::default()), resource);
    }
}

/// Rule 2: a group may be exempt from asking while the rest of its settings stay the resource's.
#[test]
fn one_field_alone() {
    let resource = Settings {
        mode: Mode::AccessRequest,
        period: Period::Preset(hours(12)),
        approval: Approval::Manual,
        lock_after: 7,
    };
    let own = Override {
        mode: Some(Mode::Standing),
        ..Override::default()
    };
    let expected = Settings {
        mode: Mode::Standing,
        ..resource
    };
    assert_eq!(resource.with(own), expected);
}
