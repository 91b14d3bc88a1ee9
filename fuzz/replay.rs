//! Replays a fuzz target's corpus in an ordinary test, and bytes like it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

/// Calls the target with each file of its corpus, then with changed ones and with any bytes.
#[expect(clippy::print_stdout, reason = "shown when a test fails")]
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let files = fs::read_dir(Path::new(folder).join(name)).unwrap();
    let mut corpus: Vec<Vec<u8>> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    corpus.sort();
    assert!(!corpus.is_empty(), "the corpus of {name} is empty");
    for bytes in &corpus {
        println!("{}", bytes.escape_ascii());
        target(bytes);
    }
    let edits = prop::collection::vec((any::<Index>(), any::<Option<u8>>(), any::<bool>()), 0..4);
    let changed = (prop::sample::select(corpus), edits).prop_map(|(mut bytes, edits)| {
        for (at, byte, replaces) in edits {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + usize::from(replaces));
            bytes.splice(at..end, byte);
        }
        bytes
    });
    let bytes = prop_oneof![4 => changed, 1 => any::<Vec<u8>>()];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(10_000));
    let outcome = runner.run(&bytes, |bytes| {
        target(&bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
