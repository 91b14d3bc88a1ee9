//! docs/SECURITY.md and docs/FEATURES.md name the test that holds each promise: every name there is one of a
//! test.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

/// Names in the text that look like a test's and are settings.
const SETTINGS: [&str; 2] = ["connections_per_user", "ssl_fc_sni"];

#[test]
fn every_test_that_the_promises_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let functions = all_functions(&root);
    let promises = std::fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let names: Vec<&str> = promises
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| is_test_name(name))
        .collect();
    assert!(names.len() > 50, "{names:?}");
    let missing: Vec<_> = names
        .into_iter()
        .filter(|name| match name.strip_suffix('…') {
            Some(start) => !functions.iter().any(|function| function.starts_with(start)),
            None => !functions.contains(*name),
        })
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn every_test_that_the_features_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let functions = all_functions(&root);
    let features = std::fs::read_to_string(root.join("docs/FEATURES.md")).unwrap();
    let rows = features.lines().filter(|line| line.starts_with("| "));
    let shown_by = rows.filter_map(|row| row.split(" | ").nth(1));
    let words = shown_by.flat_map(|column| column.split([' ', ',', ';']));
    let names: Vec<&str> = words
        .filter(|word| word.contains('_') && !word.contains('`'))
        .collect();
    assert!(names.len() > 100, "{names:?}");
    let missing: Vec<_> = { names.into_iter() }
        .filter(|name| !functions.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

/// A link with names behind it says in which file these tests are.
#[test]
fn every_file_that_the_promises_link_to_is_there_and_has_the_tests_named_first() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let promises = std::fs::read_to_string(docs.join("SECURITY.md")).unwrap();
    let mut named = 0;
    for link in promises.split("](").skip(1) {
        let (target, rest) = link.split_once(')').unwrap();
        let file = docs.join(target);
        assert!(file.exists(), "{target}");
        let name = rest.strip_prefix(':').map(str::trim_start);
        let name = name.and_then(|rest| rest.strip_prefix('`')?.split('`').next());
        if let (Some(name), true) = (name, target.ends_with(".rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            let name = name.trim_end_matches('…');
            assert!(text.contains(&format!("fn {name}")), "{name} in {target}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

/// Names of tests are sentences; `last_used` and the like are not.
fn is_test_name(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_…".contains(c);
    text.chars().all(is_word) && text.matches('_').count() >= 2 && !SETTINGS.contains(&text)
}

fn all_functions(root: &Path) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for folder in ["crates", "src-tauri", "tests"] {
        collect(&root.join(folder), &mut functions);
    }
    functions
}

/// The names of all functions in a folder's Rust files.
fn collect(folder: &Path, functions: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                collect(&path, functions);
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let names = text.split("fn ").skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            Some(rest[..end].to_owned())
        });
        functions.extend(names);
    }
}
