use hourkey_domain::cause::Cause;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::request::State as RequestState;
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 12: a state reads back from storage as it was committed.
    #[test]
    fn states_survive_storage(request in request(), grant in grant()) {
        let json = serde_json::to_string(&request.state).unwrap();
        prop_assert_eq!(serde_json::from_str::<RequestState>(&json).unwrap(), request.state);
        let json = serde_json::to_string(&request.terms).unwrap();
        let terms: hourkey_domain::request::Terms = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(terms, request.terms);
        let json = serde_json::to_string(&grant.state).unwrap();
        prop_assert_eq!(serde_json::from_str::<GrantState>(&json).unwrap(), grant.state);
        let json = serde_json::to_string(&grant.window).unwrap();
        let window: hourkey_domain::grant::Window = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(window, grant.window);
    }

    /// Rule 12: a decision is one step to a final state, and cannot be taken twice: the second of
    /// two reviewers finds the first one's decision, unchanged.
    #[test]
    fn a_decision_is_taken_once(assignment in endless_request_assignment(), now in moment(), which in 0..3) {
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        let decided = match which {
            0 => pending.approve(Some(REVIEWER.into()), None, text("ok"), &assignment, now).unwrap().0,
            1 => pending.deny(REVIEWER, text("no"), now),
            _ => pending.cancel(Some(USER), Cause::Person, now),
        };
        prop_assert_ne!(&decided.state, &RequestState::Pending);
        prop_assert_eq!(decided.clone().pending(now), Err(decided));
    }

    /// Rule 12: an ending is one step to a final state, and cannot be taken twice.
    #[test]
    fn an_ending_is_taken_once(grant in grant(), released: bool, now in moment()) {
        let Ok(live) = grant.live(now) else {
            return Ok(());
        };
        let ended = if released {
            live.release(now)
        } else {
            live.revoke(Some(REVIEWER.into()), Cause::Person, text("stop"), now)
        };
        prop_assert_eq!(ended.clone().live(now), Err(ended));
    }
}
