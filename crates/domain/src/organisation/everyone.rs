//! The built-in group: every enabled account, in every organisation. Nobody keeps its members, so it is in
//! no list of groups; it can be given access, and never approves.

use std::sync::{Arc, LazyLock};

use super::models::Group;
use super::value::Organisation;
use crate::ids::{GroupId, UserId};
use crate::text::one_line;

/// What it is called.
pub const NAME: &str = "Everyone";

pub(super) static GROUP: LazyLock<Arc<Group>> = LazyLock::new(|| {
    Arc::new(Group {
        id: GroupId::EVERYONE,
        name: NAME.to_owned(),
        members: Vec::new(),
    })
});

/// True for its name in any case: what a group kept by hand was called before there was a built-in one.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.to_lowercase() == NAME.to_lowercase()
}

/// True for what people would read as its name: in any case, with white space that is not seen as such, or
/// with letters that look like its own. No other group may be called so.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let lower = one_line(name, usize::MAX).to_lowercase();
    let letters = lower.chars().filter(|c| !is_joiner(*c)).map(plain);
    letters.eq(NAME.to_lowercase().chars())
}

/// What a group of its name, kept by hand, is called beside the built-in one; `is_taken` knows the names of
/// the others.
#[must_use]
pub fn listed(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let first = std::iter::once(format!("{name} (listed)"));
    let numbered = (2_u32..).map(|number| format!("{name} (listed {number})"));
    let mut all = first.chain(numbered);
    all.find(|name| !is_taken(name)).unwrap_or_default()
}

/// Joiners and variation selectors, which names need elsewhere and nobody sees here.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}')
}

/// The Latin letter of [`NAME`] that a letter in lower case looks like: of full width, Cyrillic, Greek,
/// Armenian.
fn plain(c: char) -> char {
    match c {
        '\u{ff41}'..='\u{ff5a}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        'е' | 'ё' | 'ε' => 'e',
        'ѵ' | 'ν' => 'v',
        'г' => 'r',
        'у' | 'ү' | 'υ' | 'γ' => 'y',
        'о' | 'ο' | 'օ' | '0' => 'o',
        'п' | 'ո' | 'η' => 'n',
        other => other,
    }
}

impl Organisation {
    /// The groups that a user is in, the built-in one first: of a disabled user those that name them.
    pub fn all_groups_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Group>> {
        let enabled = self.enabled_user(user).map(|_| &*GROUP);
        let kept = self.groups_of(user).iter();
        enabled
            .into_iter()
            .chain(kept.filter_map(|id| self.groups.get(id)))
    }

    /// Who is in a group, in order of id: of [`GroupId::EVERYONE`] every enabled account, of another whoever is
    /// named, disabled or not.
    pub fn members(&self, group: GroupId) -> impl Iterator<Item = UserId> {
        let everyone = (group == GroupId::EVERYONE).then(|| self.users.values());
        let enabled = everyone.into_iter().flatten().filter(|user| !user.disabled);
        let kept = self.groups.get(&group).into_iter();
        let kept = kept.flat_map(|group| group.members.iter().copied());
        enabled.map(|user| user.id).chain(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_as_its_name_is_reserved() {
        for name in [
            "Everyone",
            "everyone",
            "EVERYONE",
            " Every\u{200b}one ",
            "Every\u{200d}one",
            "Еvеryоnе",
            "ΕνεrΥοne",
            "Ｅｖｅｒｙｏｎｅ",
            "Every0ne",
        ] {
            assert!(is_reserved(name), "{name:?}");
        }
        for name in ["Everyone (listed)", "Every one", "Everybody", "Someone", ""] {
            assert!(!is_reserved(name), "{name:?}");
        }
    }

    #[test]
    fn a_listed_group_is_numbered_on() {
        assert_eq!(listed("everyone", |_| false), "everyone (listed)");
        let taken = ["Everyone (listed)", "Everyone (listed 2)"];
        let third = listed(NAME, |name| taken.contains(&name));
        assert_eq!(third, "Everyone (listed 3)");
    }
}
