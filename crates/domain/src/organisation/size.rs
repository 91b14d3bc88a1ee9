//! How large an organisation is, and what a controller needs to hold it.

use super::value::Organisation;

/// About what one of each takes in memory, in bytes, with its places in the indexes: estimated by
/// the sizes of the values. For [`Size::MEASURED`] they come to 59 MiB without histories and to 104
/// with them, where 58 and 103 were measured (docs/decisions/0019).
const USER: u64 = 300;
const MEMBERSHIP: u64 = 16;
const RESOURCE: u64 = 600;
const ASSIGNMENT: u64 = 200;
const ACCESS: u64 = 225;

const MIB: u64 = 1024 * 1024;

/// The numbers of what an organisation holds in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// People.
    pub users: u64,
    /// Members of groups, each counted in each group.
    pub memberships: u64,
    /// Resources.
    pub resources: u64,
    /// Assignments.
    pub assignments: u64,
    /// Pairs of a person and a resource that have a history, or something open.
    pub accesses: u64,
}

impl Size {
    /// The largest organisation that Hourkey was measured with. Larger ones work: nobody knows how
    /// fast.
    pub const MEASURED: Self = Self {
        users: 100_000,
        memberships: 1_000_000,
        resources: 10_000,
        assignments: 50_000,
        accesses: 210_000,
    };

    /// Returns about how much memory a controller needs to hold it, in bytes.
    #[must_use]
    pub fn memory(self) -> u64 {
        let parts = [
            (self.users, USER),
            (self.memberships, MEMBERSHIP),
            (self.resources, RESOURCE),
            (self.assignments, ASSIGNMENT),
            (self.accesses, ACCESS),
        ];
        let bytes = parts.map(|(count, each)| count.saturating_mul(each));
        bytes.into_iter().fold(0, u64::saturating_add)
    }

    /// Returns what to tell an administrator where it is larger than [`Size::MEASURED`] in anything
    /// that they decide: histories come by themselves.
    #[must_use]
    pub fn warning(self) -> Option<String> {
        let most = Self::MEASURED;
        let is_larger = self.users > most.users
            || self.memberships > most.memberships
            || self.resources > most.resources
            || self.assignments > most.assignments;
        is_larger.then(|| {
            format!(
                "the organisation is larger than Hourkey was measured with: it has {}, and {} were \
                 measured. The controller needs about {} MiB of memory to hold it, and more while \
                 it loads",
                self.counts(),
                most.counts(),
                self.memory().div_ceil(MIB)
            )
        })
    }

    fn counts(self) -> String {
        format!(
            "{} people, {} memberships, {} resources and {} assignments",
            grouped(self.users),
            grouped(self.memberships),
            grouped(self.resources),
            grouped(self.assignments)
        )
    }
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Organisation {
    /// Returns how large it is.
    #[must_use]
    pub fn size(&self) -> Size {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let members = self.groups.values().map(|group| count(group.members.len()));
        Size {
            users: count(self.users.len()),
            memberships: members.sum(),
            resources: count(self.resources.len()),
            assignments: count(self.assignments.len()),
            accesses: count(self.accesses.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_takes_what_was_measured() {
        let mib = |size: Size| size.memory() / MIB;
        let with_histories = Size::MEASURED;
        let without = Size {
            accesses: 0,
            ..with_histories
        };
        assert!((55..=61).contains(&mib(without)), "{}", mib(without));
        assert!((98..=108).contains(&mib(with_histories)));
        let huge = Size {
            users: u64::MAX,
            ..without
        };
        assert_eq!(huge.memory(), u64::MAX);
    }

    #[test]
    fn only_what_is_larger_than_measured_is_warned_of() {
        let most = Size::MEASURED;
        assert_eq!(most.warning(), None);
        let more = |raise: fn(&mut Size)| {
            let mut size = most;
            raise(&mut size);
            size.warning()
        };
        assert_eq!(more(|size| size.accesses *= 9), None);
        for raise in [
            |size: &mut Size| size.users += 1,
            |size: &mut Size| size.memberships += 1,
            |size: &mut Size| size.resources += 1,
            |size: &mut Size| size.assignments += 1,
        ] {
            assert!(more(raise).is_some());
        }
        let one = more(|size| size.memberships = 12_345_678).unwrap();
        assert_eq!(
            one,
            "the organisation is larger than Hourkey was measured with: it has 100,000 people, \
             12,345,678 memberships, 10,000 resources and 50,000 assignments, and 100,000 people, \
             1,000,000 memberships, 10,000 resources and 50,000 assignments were measured. The \
             controller needs about 278 MiB of memory to hold it, and more while it loads"
        );
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
