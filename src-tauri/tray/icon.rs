//! Which of the tray's icons is shown.

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::lock::LockState;

use crate::state::{AppState, SignIn};

/// The tray's icons. Each has a shape of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Nothing is open, nothing waits.
    Locked,
    /// Something is open.
    Open,
    /// Something ends within ten minutes.
    Soon,
    /// A request of one's own waits.
    Wait,
    /// Others wait for this person's review.
    Review,
    /// The controller is not heard.
    Offline,
}

/// What counts as ending soon: the first notice comes then, too.
pub const ENDS_SOON: TimeDelta = TimeDelta::minutes(10);

/// The icon for this state: what calls for action comes before what does not.
#[must_use]
pub fn icon(state: &AppState, now: DateTime<Utc>) -> Icon {
    match &state.sign_in {
        SignIn::SignedOut { .. } | SignIn::SigningIn { .. } => return Icon::Locked,
        SignIn::SignedIn(session) if session.offline().is_some() => return Icon::Offline,
        SignIn::Resuming { .. } | SignIn::SignedIn(_) => {}
    }
    let locks: Vec<LockState> = state.locks(now).map(|(_, lock)| lock).collect();
    let ends_soon = |lock: &LockState| match lock {
        LockState::Granted { expires_at, .. } => *expires_at - now <= ENDS_SOON,
        LockState::Open { .. }
        | LockState::Scheduled { .. }
        | LockState::Pending { .. }
        | LockState::Locked { .. } => false,
    };
    let waits = |lock: &LockState| matches!(lock, LockState::Pending { .. });
    // What is open without a grant is so day and night: that is nothing to show.
    let is_open = |lock: &LockState| matches!(lock, LockState::Granted { .. });
    if locks.iter().any(ends_soon) {
        Icon::Soon
    } else if state.reviews_to_decide() > 0 {
        Icon::Review
    } else if locks.iter().any(waits) {
        Icon::Wait
    } else if locks.iter().any(is_open) {
        Icon::Open
    } else {
        Icon::Locked
    }
}

/// Draws the mark of unread notices into the top right corner of a square picture: a disc of the
/// brand's colour, with a gap around it. `pixels` are RGBA, `width` pixels a row.
pub fn mark(pixels: &mut [u8], width: u32) {
    /// Brass, of both themes' the one that is seen on light and dark panels.
    const BRASS: [u8; 4] = [0xc9, 0x8a, 0x1b, 0xff];
    let width = i64::from(width);
    let radius = width / 5;
    let (x, y) = (width - 1 - radius, radius);
    for (index, pixel) in (0..).zip(pixels.chunks_exact_mut(4)) {
        let (dx, dy) = (index % width - x, index / width - y);
        let distance = dx * dx + dy * dy;
        if distance <= radius * radius {
            pixel.copy_from_slice(&BRASS);
        } else if distance <= (radius + width / 16) * (radius + width / 16) {
            pixel.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{
        at, granted, locked, model, offline, pending, resource, review, standing, state,
    };

    #[test]
    fn what_calls_for_action_comes_before_what_does_not() {
        let mut rows = vec![
            resource(1, "Locked", locked()),
            resource(2, "Wiki", standing()),
        ];
        assert_eq!(icon(&state(rows.clone()), at(0)), Icon::Locked);
        rows.push(resource(3, "Runs", granted(40)));
        assert_eq!(icon(&state(rows.clone()), at(0)), Icon::Open);
        rows.push(resource(4, "Waits", pending(-3)));
        assert_eq!(icon(&state(rows.clone()), at(0)), Icon::Wait);
        let mut all = state(rows);
        model(&mut all).reviews = vec![review(1, false)];
        assert_eq!(
            icon(&all, at(0)),
            Icon::Wait,
            "one's own request is no review"
        );
        model(&mut all).reviews.push(review(2, true));
        assert_eq!(icon(&all, at(0)), Icon::Review);
        assert_eq!(icon(&all, at(30)), Icon::Soon);
        assert_eq!(icon(&all, at(40)), Icon::Review, "what ended is not open");
        assert_eq!(icon(&offline(all), at(30)), Icon::Offline);
    }

    #[test]
    fn the_mark_keeps_to_its_corner() {
        let mut pixels = vec![7; 32 * 32 * 4];
        mark(&mut pixels, 32);
        let at = |x: usize, y: usize| &pixels[(y * 32 + x) * 4..][..4];
        assert_eq!(
            at(25, 6),
            [0xc9, 0x8a, 0x1b, 0xff],
            "the middle of the disc"
        );
        assert_eq!(at(25, 13), [0; 4], "the gap around it");
        assert_eq!(at(8, 8), [7; 4]);
        assert_eq!(at(25, 25), [7; 4]);
    }

    #[test]
    fn nobody_signed_in_has_nothing_open() {
        let mut state = state(vec![resource(3, "Runs", granted(40))]);
        state.sign_in = SignIn::default();
        assert_eq!(icon(&state, at(0)), Icon::Locked);
    }
}
