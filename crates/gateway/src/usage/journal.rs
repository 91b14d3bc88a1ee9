//! A journal of reports in a file, so that a restart loses nothing.
//!
//! The file has a line for each thing that happened: a connection as it is reported, or how many of
//! the oldest reports were answered. Read again from the start, the lines leave what waits and what
//! was running. The file is rewritten, with only that, when most of its lines are stale.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use hourkey_protocol::gateway::{Connection, End, Ended};
use serde::{Deserialize, Serialize};

use crate::enrolment::Folder;

/// The file's name.
const FILE: &str = "connections.jsonl";

/// A copy of the last one with lines that could not be read.
const DAMAGED: &str = "connections.damaged";

/// Lines that may be stale before the file is rewritten.
const MAX_STALE_LINES: usize = 1_000;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum JournalLine {
    /// This many of the oldest reports were acknowledged.
    Answered {
        answered: usize,
    },
    Connection(Connection),
}

/// Reports that wait for their answer, in order, and the connections that last. What cannot be
/// written stays here and is reported all the same.
pub(crate) struct Journal {
    folder: Folder,
    /// `None` while the file says less than is known.
    file: Option<File>,
    lines: usize,
    /// A failure to write was logged.
    is_failing: bool,
    waiting: Vec<Connection>,
    /// How many of `waiting`, the newest, are not in the file.
    unwritten: usize,
    running: BTreeMap<String, Connection>,
    /// Connections that were running when the gateway was killed.
    lost: BTreeMap<String, Connection>,
}

impl Journal {
    /// Reads the file. One that cannot be written now is written later.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged and cannot be set aside.
    pub(crate) fn open(folder: Folder) -> anyhow::Result<Self> {
        let (waiting, lost) = read(&folder).with_context(|| {
            format!(
                "the gateway does not start, since connections in {FILE} that are not reported \
                 yet would be missing from the audit log; make the file readable, or move it away"
            )
        })?;
        let mut journal = Self {
            file: None,
            folder,
            lines: 0,
            is_failing: false,
            waiting,
            unwritten: 0,
            running: BTreeMap::new(),
            lost,
        };
        journal.write_anew();
        Ok(journal)
    }

    /// The reports that wait, at most `limit`, oldest first.
    pub(super) fn waiting(&self, limit: usize) -> &[Connection] {
        &self.waiting[..self.waiting.len().min(limit)]
    }

    /// How many of the reports that wait are not in the file.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten
    }

    pub(super) fn keep(&mut self, connection: Connection) {
        follow(&mut self.running, &connection);
        let line = JournalLine::Connection(connection.clone());
        self.waiting.push(connection);
        self.unwritten += 1;
        self.append(&line);
    }

    /// The oldest reports were answered.
    pub(super) fn answered(&mut self, count: usize) {
        self.waiting.drain(..count);
        self.unwritten = self.unwritten.min(self.waiting.len());
        self.append(&JournalLine::Answered { answered: count });
        if self.lines > MAX_STALE_LINES + 2 * (self.waiting.len() + self.running.len()) {
            self.write_anew();
        }
    }

    /// Records that the running connections of `ids` are in use at this moment.
    pub(super) fn still_used(&mut self, ids: &BTreeSet<String>, at: DateTime<Utc>) {
        let running = ids.iter().filter_map(|id| self.running.get(id));
        let running: Vec<_> = running.cloned().collect();
        for connection in running {
            let used_at = Some(at);
            self.keep(Connection {
                used_at,
                ..connection
            });
        }
    }

    /// Records that connections running when the gateway was killed have ended by this moment.
    pub(super) fn end_lost(&mut self, at: DateTime<Utc>) {
        while let Some((_, connection)) = self.lost.pop_first() {
            let end = Some(End {
                at,
                why: Ended::Lost,
                sent: 0,
                received: 0,
            });
            self.keep(Connection { end, ..connection });
        }
    }

    /// Writes what could not be written before.
    pub(super) fn catch_up(&mut self) {
        if self.file.is_none() {
            self.write_anew();
        }
    }

    /// Writes a line about what has just changed. Where that fails, [`Self::catch_up`] tries again:
    /// writing everything for each connection would be too much.
    fn append(&mut self, line: &JournalLine) {
        let Some(file) = &mut self.file else {
            return;
        };
        let written = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                file.write_all(&text)
            });
        if written.is_ok() {
            self.lines += 1;
            self.written();
        } else {
            self.file = None;
            self.write_anew();
        }
    }

    /// Writes the file with only what is needed. Where that fails, the one before goes on if it
    /// says all.
    fn write_anew(&mut self) {
        let done = self.try_anew();
        match (done, &self.file) {
            // An empty file tells nothing of what the disk takes.
            (Ok(()), _) if self.lines > 0 => self.written(),
            (Ok(()), _) => {}
            (Err(error), None) if !std::mem::replace(&mut self.is_failing, true) => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "cannot write the journal of connections; unsent reports will be lost if the \
                     gateway ends now: make room on the disk of the state folder"
                );
            }
            (Err(_), _) => {}
        }
    }

    /// The file says all that is known.
    fn written(&mut self) {
        self.unwritten = 0;
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("the journal of connections can be written again");
        }
    }

    fn try_anew(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() && self.running.is_empty() && self.lost.is_empty() {
            return self.begin();
        }
        let in_waiting: BTreeSet<&str> = self.waiting.iter().map(|it| it.id.as_str()).collect();
        let running = self.running.values().chain(self.lost.values());
        let answered: Vec<_> = running
            .filter(|it| !in_waiting.contains(it.id.as_str()))
            .collect();
        let count = answered.len();
        let lines = answered.into_iter().cloned().map(JournalLine::Connection);
        let lines = lines.chain([JournalLine::Answered { answered: count }]);
        let waiting = self.waiting.iter().cloned().map(JournalLine::Connection);
        let mut text = Vec::new();
        self.lines = 0;
        for line in lines.chain(waiting) {
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
            self.lines += 1;
        }
        self.folder.replace(FILE, &text)?;
        // It is another file now.
        self.file = None;
        self.file = Some(appended(&self.folder)?);
        Ok(())
    }

    /// Begins with an empty file. That needs no room beside the old one, which may have filled the
    /// disk.
    fn begin(&mut self) -> anyhow::Result<()> {
        self.file = None;
        let path = self.folder.file(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
        self.file = Some(appended(&self.folder)?);
        self.lines = 0;
        Ok(())
    }
}

/// Reads the reports that wait, and the connections that were running.
fn read(folder: &Folder) -> anyhow::Result<(Vec<Connection>, BTreeMap<String, Connection>)> {
    let path = folder.file(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    // After a loss of power there may be anything.
    let text = String::from_utf8_lossy(&bytes);
    let (mut waiting, mut running) = (Vec::new(), BTreeMap::new());
    let mut unreadable = 0;
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(JournalLine::Connection(connection)) => {
                follow(&mut running, &connection);
                waiting.push(connection);
            }
            Ok(JournalLine::Answered { answered }) => {
                waiting.drain(..answered.min(waiting.len()));
            }
            Err(_) => unreadable += 1,
        }
    }
    if unreadable > 0 {
        set_aside(folder, unreadable)?;
    }
    Ok((waiting, running))
}

/// Keeps a file with lines that cannot be read: half written when the gateway was killed, or cut
/// off. What can be read is written anew, so the copy is for whoever misses a connection.
fn set_aside(folder: &Folder, unreadable: usize) -> anyhow::Result<()> {
    let (path, aside) = (folder.file(FILE), folder.file(DAMAGED));
    // A second name needs no room on a full disk. Not every file system knows it.
    let set_aside = match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::hard_link(&path, &aside).or_else(|_| fs::copy(&path, &aside).map(drop)),
    };
    set_aside.with_context(|| {
        format!(
            "{} is damaged, and cannot be set aside as {}",
            path.display(),
            aside.display()
        )
    })?;
    tracing::warn!(
        lines = unreadable,
        file.path = %path.display(),
        file.kept_as = %aside.display(),
        "the journal of connections is damaged: it is set aside, and what can be read of it is kept"
    );
    Ok(())
}

/// The file, open for more.
fn appended(folder: &Folder) -> anyhow::Result<File> {
    let path = folder.file(FILE);
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn follow(running: &mut BTreeMap<String, Connection>, connection: &Connection) {
    match connection.end {
        None => running.insert(connection.id.clone(), connection.clone()),
        Some(_) => running.remove(&connection.id),
    };
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::{DeviceId, ResourceId, UserId};

    use super::*;

    #[test]
    fn what_is_not_answered_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        for id in ["a", "b", "c"] {
            journal.keep(ended(id));
        }
        journal.answered(1);
        journal.keep(ended("d"));
        // Killed in the middle of a line.
        journal
            .file
            .as_mut()
            .unwrap()
            .write_all(b"{\"id\":\"\xff")
            .unwrap();
        drop(journal);
        let mut journal = open(&folder);
        assert_eq!(waits(&journal), "bcd");
        journal.keep(ended("e"));
        drop(journal);
        assert_eq!(waits(&open(&folder)), "bcde");
    }

    #[test]
    fn a_kept_journal_is_read_and_one_that_is_cut_off_is_set_aside_and_rebuilt() {
        const KEPT: &[u8] = include_bytes!("fixtures/connections.jsonl");
        let with = |bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), bytes).unwrap();
            let journal = open(&folder);
            (folder, journal)
        };
        let (folder, journal) = with(KEPT);
        assert_eq!(waits(&journal), "bba");
        assert_eq!(journal.waiting[1].end.unwrap().why, Ended::Permit);
        assert_eq!(journal.lost.keys().next().unwrap(), &"a".repeat(32));
        assert!(!folder.path().join(DAMAGED).exists());

        // In the middle of the last line, and with a hole in the middle of the file.
        let cut = &KEPT[..KEPT.len() - 40];
        let hole = [&KEPT[..60], &[0; 30], &KEPT[200..]].concat();
        for (bytes, left) in [(cut, "bb"), (&hole[..], "ba")] {
            let (folder, journal) = with(bytes);
            assert_eq!(waits(&journal), left);
            let aside = fs::read(folder.path().join(DAMAGED)).unwrap();
            assert_eq!(aside, bytes, "as it was");
            drop(journal);
            fs::remove_file(folder.path().join(DAMAGED)).unwrap();
            assert_eq!(waits(&open(&folder)), left, "rebuilt");
            assert!(!folder.path().join(DAMAGED).exists());
        }
    }

    #[test]
    fn what_lasted_when_the_gateway_was_killed_is_reported_as_lost_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        for id in ["a", "b", "c"] {
            journal.keep(begun(id));
        }
        journal.answered(3);
        journal.keep(ended("b"));
        let all: BTreeSet<_> = ["a", "b", "c"].map(|id| id.repeat(32)).into();
        journal.still_used(&all, at(5));
        assert_eq!(waits(&journal), "bac", "only what lasts is used");
        journal.answered(2);
        // Killed twice, before the controller was heard.
        drop((journal, open(&folder)));
        let mut journal = open(&folder);
        assert_eq!(waits(&journal), "c");
        journal.end_lost(at(9));
        journal.still_used(&all, at(10));
        let lost: Vec<_> = journal.waiting(9)[1..]
            .iter()
            .map(|it| (it.id.as_str(), it.used_at, it.end.unwrap().why))
            .collect();
        let (a, c) = ("a".repeat(32), "c".repeat(32));
        let used = Some(at(5));
        assert_eq!(lost, [(&*a, used, Ended::Lost), (&*c, used, Ended::Lost)]);
        journal.answered(3);
        drop(journal);
        let mut journal = open(&folder);
        journal.end_lost(at(11));
        assert_eq!(waits(&journal), "");
    }

    #[test]
    fn what_could_not_be_written_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        journal.keep(ended("a"));
        // Nothing can be written there.
        let away = folder.path().with_extension("away");
        fs::rename(folder.path(), &away).unwrap();
        journal.file = File::open(away.join(FILE)).ok();
        for id in ["b", "c"] {
            journal.keep(ended(id));
        }
        assert_eq!((waits(&journal).as_str(), journal.unwritten()), ("abc", 2));
        journal.answered(2);
        assert_eq!((waits(&journal).as_str(), journal.unwritten()), ("c", 1));
        journal.catch_up();
        assert_eq!(journal.unwritten(), 1);
        fs::rename(&away, folder.path()).unwrap();
        journal.catch_up();
        assert_eq!(journal.unwritten(), 0);
        journal.keep(ended("d"));
        drop(journal);
        assert_eq!(waits(&open(&folder)), "cd", "the oldest were answered");
    }

    #[test]
    fn a_journal_that_cannot_be_written_at_the_start_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let state = Folder::open(folder.path()).unwrap();
        fs::remove_dir(folder.path()).unwrap();
        let mut journal = Journal::open(state).unwrap();
        journal.keep(ended("a"));
        journal.answered(1);
        journal.keep(ended("b"));
        assert_eq!((waits(&journal).as_str(), journal.unwritten()), ("b", 1));
        fs::create_dir(folder.path()).unwrap();
        journal.catch_up();
        drop(journal);
        assert_eq!(waits(&open(&folder)), "b");
    }

    #[test]
    fn a_journal_that_cannot_be_read_or_set_aside_is_refused() {
        let cannot = |file: &str, text: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join(file)).unwrap();
            if file != FILE {
                fs::write(folder.path().join(FILE), text).unwrap();
            }
            let state = Folder::open(folder.path()).unwrap();
            format!("{:#}", Journal::open(state).err().unwrap())
        };
        let said = cannot(FILE, "");
        assert!(
            said.contains("connections.jsonl cannot be read: "),
            "{said}"
        );
        assert!(said.starts_with("the gateway does not start"), "{said}");
        let said = cannot(DAMAGED, "half a li");
        assert!(
            said.contains("is damaged, and cannot be set aside"),
            "{said}"
        );
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        journal.keep(begun("z"));
        journal.answered(1);
        for _ in 0..MAX_STALE_LINES {
            journal.keep(begun("a"));
            journal.keep(ended("a"));
            journal.answered(2);
        }
        assert!(journal.lines < MAX_STALE_LINES + 10, "{}", journal.lines);
        drop(journal);
        let mut journal = open(&folder);
        assert_eq!(waits(&journal), "");
        journal.end_lost(at(1));
        assert_eq!(waits(&journal), "z", "it ran all along");
    }

    #[test]
    fn a_file_in_which_nothing_waits_needs_no_room_to_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        journal.keep(ended("a"));
        // As a full disk leaves it.
        journal.file = None;
        journal.answered(1);
        journal.catch_up();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        journal.keep(ended("b"));
        drop(journal);
        assert_eq!(waits(&open(&folder)), "b");
    }

    fn open(folder: &tempfile::TempDir) -> Journal {
        Journal::open(Folder::open(folder.path()).unwrap()).unwrap()
    }

    fn waits(journal: &Journal) -> String {
        journal.waiting.iter().map(|it| &it.id[..1]).collect()
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_900_000_000 + 60 * minutes, 0).unwrap()
    }

    fn begun(id: &str) -> Connection {
        Connection {
            id: id.repeat(32),
            device: DeviceId(1),
            user: UserId(1),
            resource: ResourceId(1),
            started_at: at(0),
            used_at: None,
            end: None,
            mismatch: None,
        }
    }

    fn ended(id: &str) -> Connection {
        let end = Some(End {
            at: at(1),
            why: Ended::Closed,
            sent: 0,
            received: 0,
        });
        Connection { end, ..begun(id) }
    }
}
