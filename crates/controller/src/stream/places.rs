//! How many streams one person may have open: each costs memory, and a look into the store for
//! every change that concerns them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;

use crate::failure::Failure;

/// Far more than a person's devices and pages need; at some 30 KB each, 60 MB at the worst.
pub const MOST: usize = 2_000;

/// The open streams by person.
#[derive(Debug, Default)]
pub struct Places {
    taken: Mutex<HashMap<UserId, usize>>,
}

/// A person's place for one stream, free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    user: UserId,
}

impl Places {
    /// Takes a place.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when the person has [`MOST`] streams open.
    pub fn take(self: &Arc<Self>, user: UserId) -> Result<Place, Failure> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= MOST {
            return Err(Failure::refused(
                Code::RateLimited,
                format!("You have {MOST} streams of events open. Close one, then try again."),
            ));
        }
        *count += 1;
        let places = Arc::clone(self);
        Ok(Place { places, user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(self.user) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = Arc::new(Places::default());
        let mut mine: Vec<_> = (0..MOST).map(|_| places.take(UserId(1)).unwrap()).collect();
        assert!(places.take(UserId(1)).is_err());
        assert!(places.take(UserId(2)).is_ok(), "others have their own");
        mine.pop();
        assert!(places.take(UserId(1)).is_ok());
        mine.clear();
        assert!(places.taken.lock().unwrap().is_empty(), "nobody is kept");
    }
}
