//! The embedded store: one SQLite file in a folder of its own.
//!
//! Write-ahead log, `synchronous=FULL`, one writer that commits in groups, and a few
//! readers that each see one consistent state. Several processes may use one folder at a time:
//! SQLite lets them write one after another, and a doorbell in each notices the others' changes
//! within a second.

mod access;
mod account;
mod column;
mod device;
mod gateway;
mod log;
mod mail;
mod open;
mod open_filter;
mod organisation;
mod organisation_write;
mod reserve;
mod reviewing;
mod second_factor;
mod tx;
mod usage;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use hourkey_store::{Read, Room, Store, StoreError, Work};
use sqlx::SqlitePool;
use tokio::sync::watch;

use crate::open::Pools;
use crate::reserve::Reserve;
use crate::tx::{Tx, failed};
use crate::writer::Writer;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    reserved: SqlitePool,
    writer: Writer,
}

impl SqliteStore {
    /// Whether there is a database in this folder.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(open::FILE).is_file()
    }

    /// Opens the database `hourkey.db` in `folder`; creates both, for this user's eyes only, where
    /// they are missing, and brings an older database up to date.
    ///
    /// # Errors
    /// A sentence for whoever runs the controller: the folder or file cannot be used, the file is
    /// no database, or a newer version has written it.
    pub async fn open(folder: &Path) -> Result<Arc<Self>, StoreError> {
        let Pools {
            readers,
            reserved,
            writer,
        } = open::open(folder).await?;
        let writer = Writer::start(writer, Reserve::new(folder)).await?;
        Ok(Arc::new(Self {
            readers,
            reserved,
            writer,
        }))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn write(&self, room: Room, work: Work) -> Result<(), StoreError> {
        self.writer.write(room, work).await
    }

    async fn read(&self) -> Result<Box<dyn Read + Send>, StoreError> {
        read(&self.readers).await
    }

    async fn read_reserved(&self) -> Result<Box<dyn Read + Send>, StoreError> {
        read(&self.reserved).await
    }

    fn changed(&self) -> watch::Receiver<i64> {
        self.writer.changed()
    }
}

async fn read(readers: &SqlitePool) -> Result<Box<dyn Read + Send>, StoreError> {
    let connection = readers.acquire().await.map_err(failed)?;
    let mut tx = Tx::new(connection);
    // SQLite alone would take its view of the database at the first read, which could be long
    // after. The pool ends the transaction.
    tx.run_raw("BEGIN; SELECT id FROM organisation").await?;
    Ok(Box::new(tx))
}
