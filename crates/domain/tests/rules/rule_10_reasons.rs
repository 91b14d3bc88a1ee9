use hourkey_domain::cause::Cause;
use hourkey_domain::reason::{MAX_CHARS, Text};
use hourkey_domain::request::{Ask, CannotAsk, DEFAULT_LAPSE, ask};
use hourkey_domain::settings::{Approval, Period};
use proptest::prelude::*;

use crate::strategies::*;

/// White space, controls, and what Unicode calls ignorable by default, from another table than
/// the one under test.
const INVISIBLE: &str = "[\\s\\p{Cc}\\p{Default_Ignorable_Code_Point}\u{2800}]{0,20}";

proptest! {
    /// Rule 10: a text of white space and invisible characters alone is blank.
    #[test]
    fn the_invisible_is_blank(reason in INVISIBLE) {
        prop_assert!(text(&reason).is_blank(), "{reason:?}");
    }

    /// Rule 10: one visible character is enough, wherever it stands.
    #[test]
    fn one_visible_character_is_enough(
        before in INVISIBLE,
        visible in "[\\p{L}\\p{N}\\p{P}\\p{S}&&[^\\p{Default_Ignorable_Code_Point}\u{2800}\u{1d159}\u{13441}\u{13442}]]",
        after in INVISIBLE,
    ) {
        let reason = format!("{before}{visible}{after}");
        prop_assert!(!text(&reason).is_blank(), "{reason:?}");
    }

    /// Rule 10: automatic approval needs a reason that is not blank; a reviewer may do without.
    #[test]
    fn automatic_needs_a_reason(mut assignment in endless_request_assignment(), reason in INVISIBLE, now in moment()) {
        let asking = Ask { reason: text(&reason), length: None, starts_at: None };
        assignment.settings.approval = Approval::Automatic;
        let automatic = ask(USER, RESOURCE, &assignment, asking.clone(), None, DEFAULT_LAPSE, now);
        prop_assert_eq!(automatic, Err(CannotAsk::BlankReason));
        assignment.settings.approval = Approval::Manual;
        let manual = ask(USER, RESOURCE, &assignment, asking.clone(), None, DEFAULT_LAPSE, now).unwrap();
        prop_assert_eq!(manual.reason, asking.reason);
    }

    /// Rule 10: an extension needs a reason of its own under automatic approval, whatever was written
    /// for the access that it extends.
    #[test]
    fn an_extension_needs_a_reason_of_its_own(mut assignment in endless_request_assignment(), reason in INVISIBLE) {
        assignment.settings.approval = Approval::Automatic;
        assignment.settings.period = Period::Preset(hours(8));
        let facts = running(&assignment, noon(), hours(4));
        let asking = Ask { reason: text(&reason), length: None, starts_at: None };
        prop_assert_eq!(extend(&facts, asking, hour(1)), Err(CannotAsk::BlankReason));
    }

    /// Rule 10: a reason is kept as typed, to the last character, also through storage.
    #[test]
    fn kept_as_typed(reason in any::<String>()) {
        let kept = text(&reason);
        prop_assert_eq!(kept.as_str(), reason.as_str());
        let json = serde_json::to_string(&kept).unwrap();
        prop_assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), kept);
    }

    /// Rule 10: what is logged of a request or an ending says nothing of what people wrote.
    #[test]
    fn not_in_what_is_logged(mut request in request(), grant in grant(), now in moment()) {
        const WORD: &str = "pneumonia";
        request.reason = text(WORD);
        let denied = request.clone().pending(now).map(|p| p.deny(REVIEWER, text(WORD), now));
        let revoked = grant.live(now).map(|l| l.revoke(None, Cause::Person, text(WORD), now));
        let logged = format!("{request:?} {denied:?} {revoked:?}");
        prop_assert!(!logged.contains(WORD), "{logged}");
    }

    /// Rule 10: up to 2,000 characters, counted as characters, not as bytes.
    #[test]
    fn two_thousand_characters(count in 1_990usize..=2_010, c in any::<char>()) {
        let reason: String = std::iter::repeat_n(c, count).collect();
        prop_assert_eq!(Text::new(reason.clone()).is_ok(), count <= MAX_CHARS);
        let json = serde_json::to_string(&reason).unwrap();
        prop_assert_eq!(serde_json::from_str::<Text>(&json).is_ok(), count <= MAX_CHARS);
    }
}

/// Rule 10: characters that draw nothing, though Unicode counts them as letters or symbols, make
/// no reason.
#[test]
fn blank_glyphs() {
    for c in [
        '\u{3164}',
        '\u{115f}',
        '\u{ffa0}',
        '\u{2800}',
        '\u{1d159}',
        '\u{13441}',
        '\u{16fe4}',
    ] {
        assert!(text(&c.to_string()).is_blank(), "U+{:04X}", u32::from(c));
    }
}
