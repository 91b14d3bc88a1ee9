//! The organisation as one value, advanced beside each test, and compared with one loaded afresh.

use std::sync::Arc;

use hourkey_access::directory::Directory;
use hourkey_domain::organisation::{Contents, Organisation};
use hourkey_store::Store;

pub struct Shadow {
    store: Arc<dyn Store>,
    directory: Directory,
}

impl Shadow {
    pub fn new(store: Arc<dyn Store>) -> Self {
        let directory = Directory::default();
        Self { store, directory }
    }

    /// The value that followed the change log, also while a test keeps the controller from reading.
    pub async fn known(&self) -> Arc<Organisation> {
        self.directory.current(&self.store).await.unwrap()
    }

    /// The value that followed the change log is the one that stands in the tables.
    pub async fn check(&self) {
        loop {
            let afresh = Directory::default().current(&self.store).await.unwrap();
            let at = afresh.seq();
            let advanced = self.directory.at_least(&self.store, at).await.unwrap();
            // Others may have written in between.
            if afresh.seq() == advanced.seq() {
                compare(&advanced, &afresh);
                return;
            }
        }
    }
}

fn compare(advanced: &Organisation, afresh: &Organisation) {
    let (advanced, afresh) = (comparable(advanced), comparable(afresh));
    if advanced == afresh {
        return;
    }
    let (advanced, afresh) = (format!("{advanced:#?}"), format!("{afresh:#?}"));
    let differs = advanced.lines().zip(afresh.lines());
    let differs = differs.filter(|(one, other)| one != other).take(10);
    panic!(
        "the value that followed the log is not what stands in the tables: {:#?}",
        differs.collect::<Vec<_>>()
    );
}

/// Sessions aside: tests start them without an entry in the change log, and when one is heard, its end
/// moves without one. `tests/directory.rs` compares them, too.
fn comparable(organisation: &Organisation) -> Contents {
    Contents {
        sessions: Vec::new(),
        ..organisation.contents()
    }
}
