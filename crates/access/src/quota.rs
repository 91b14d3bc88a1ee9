//! What streams may take: how many one person may have open, since each costs memory, and how many
//! look into the store at the same time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;
use tokio::sync::Semaphore;

use crate::error::AppError;

/// Far more than a person's devices and pages need; at some 30 KB each, 60 MB at the worst.
pub const MAX_STREAMS: usize = 2_000;

/// How many streams look into the store at the same time, so that calls find it free.
const READERS: usize = 2;

/// The open streams by person, and who looks into the store.
#[derive(Debug)]
pub struct StreamQuota {
    taken: Mutex<HashMap<UserId, usize>>,
    /// Taken by a stream while it looks into the store.
    pub readers: Semaphore,
}

impl Default for StreamQuota {
    fn default() -> Self {
        Self {
            taken: Mutex::default(),
            readers: Semaphore::new(READERS),
        }
    }
}

/// A person's slot for one stream, free again when dropped.
#[derive(Debug)]
pub struct StreamSlot {
    quota: Arc<StreamQuota>,
    user: UserId,
}

impl StreamQuota {
    /// Takes a slot.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when the person has [`MAX_STREAMS`] streams open.
    pub fn take(self: &Arc<Self>, user: UserId) -> Result<StreamSlot, AppError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= MAX_STREAMS {
            return Err(AppError::refused(
                Code::RateLimited,
                format!(
                    "You have {MAX_STREAMS} streams of events open. Close one, then try again."
                ),
            ));
        }
        *count += 1;
        let quota = Arc::clone(self);
        Ok(StreamSlot { quota, user })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut taken = self
            .quota
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
    fn slots_are_bounded_and_come_back() {
        let quota = Arc::new(StreamQuota::default());
        let mut mine: Vec<_> = (0..MAX_STREAMS)
            .map(|_| quota.take(UserId(1)).unwrap())
            .collect();
        assert!(quota.take(UserId(1)).is_err());
        assert!(quota.take(UserId(2)).is_ok(), "others have their own");
        mine.pop();
        assert!(quota.take(UserId(1)).is_ok());
        mine.clear();
        assert!(quota.taken.lock().unwrap().is_empty(), "nobody is kept");
    }
}
