//! `docs/RULES.md` and the tests name each other, completely.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn law() -> String {
    fs::read_to_string(root().join("docs/RULES.md")).unwrap()
}

/// The rules of `docs/RULES.md`: number, and the text below its heading `## 1. …`.
fn rules(law: &str) -> Vec<(u32, &str)> {
    let sections = law.split("\n## ").skip(1);
    sections
        .filter_map(|section| {
            let (number, text) = section.split_once(". ")?;
            Some((number.parse().ok()?, text))
        })
        .collect()
}

/// The files of tests beside this one: the rule's number, and the file's name.
fn files() -> Vec<(u32, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let names = fs::read_dir(folder).unwrap();
    names
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let (number, _) = name.strip_prefix("rule_")?.split_once('_')?;
            Some((number.parse().unwrap(), name))
        })
        .collect()
}

/// The targets of the relative links in a text.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// The numbers of the rules of which something stands under `## To come`.
fn to_come(law: &str) -> Vec<u32> {
    let (_, section) = law.split_once("\n## To come\n").unwrap();
    let items = section.split("\n- ").skip(1);
    let number = |item: &str| {
        let number = item
            .strip_prefix("Rule ")
            .and_then(|it| it.split_once(": "));
        let (number, text) = number.unwrap_or_else(|| panic!("names no rule: {item}"));
        assert!(text.ends_with('.') || text.ends_with(".\n"), "{item}");
        number.parse().unwrap()
    };
    items.map(number).collect()
}

#[test]
fn every_rule_has_its_tests_and_every_test_its_rule() {
    let law = law();
    let rules = rules(&law);
    let numbers: BTreeSet<u32> = rules.iter().map(|(number, _)| *number).collect();
    let to_come = to_come(&law);
    assert!(to_come.is_sorted() && !to_come.contains(&0), "{to_come:?}");
    let all: BTreeSet<u32> = numbers.iter().chain(&to_come).copied().collect();
    assert_eq!(all, (1..=15).collect(), "the rules of docs/RULES.md");
    assert!(
        !law.contains("(to come)"),
        "what is to come has its own section"
    );
    let tested: BTreeSet<u32> = files().iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, tested, "the rules that have a file of tests");
    for (number, name) in files() {
        let (_, text) = rules.iter().find(|(rule, _)| *rule == number).unwrap();
        let names_it = links(text).any(|link| link.ends_with(&name));
        assert!(
            names_it,
            "rule {number} of docs/RULES.md does not name {name}"
        );
    }
}

#[test]
fn what_the_law_points_to_exists() {
    let law = law();
    for link in links(&law) {
        let target = root().join("docs").join(link);
        assert!(target.exists(), "docs/RULES.md points to {link}");
    }
}

#[test]
fn every_test_names_its_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for (number, name) in files() {
        let module = name.trim_end_matches(".rs");
        assert!(
            main.contains(&format!("mod {module};")),
            "{name} is not compiled"
        );
        let source = fs::read_to_string(folder.join(&name)).unwrap();
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        for (at, _) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| **line == "#[test]")
        {
            let doc = lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("///"));
            let first = doc.last().copied().unwrap_or_default();
            let says = first.starts_with(&format!("/// Rule {number}:"));
            assert!(
                says,
                "{name}, line {}: the test does not name its rule",
                at + 1
            );
        }
    }
}
