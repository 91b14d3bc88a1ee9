//! The embedded store passes the suite that every store must pass.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use hourkey_store::Store;
use hourkey_store_sqlite::SqliteStore;
use tempfile::TempDir;

hourkey_store::conformance_tests!(crate::fresh);

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    (store, folder)
}
