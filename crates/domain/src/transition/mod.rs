//! What happens to one user's access to one resource: from the facts of a moment to the transitions
//! that follow from them (rules 3 to 7, 10, 11 and 14).
//!
//! The functions are pure. Whoever keeps access loads the [`AccessFacts`] in a transaction, has time
//! do its part ([`settle`]), asks one of the others what follows, and records each [`Transition`]
//! with its audit entry and its notices.

mod ask;
mod decide;
mod end;
mod facts;
mod kinds;
mod reconcile;
mod settle;
mod undo;
mod unlock;

pub use ask::{Asked, ask, extend};
pub use decide::{approve, deny};
pub use end::{cancel, release, revoke};
pub use facts::{AccessFacts, Granted};
pub use kinds::{Gives, GrantChange, TakenBack, TooLate, Transition};
pub use reconcile::reconcile;
pub use settle::settle;
pub use undo::{CannotUndo, Replaced, UNDO, Undoable, undo};
pub use unlock::{CannotUnlock, unlock};
