//! Tests of the repository's workflows and documents.

use std::fs;
use std::path::Path;

use crate::workspace::root;

/// The text files of a folder whose names end so, with their names.
fn texts(folder: &str, end: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let mut found: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} holds no {end}", folder.display());
    found
}

/// A tag can be moved to other code, a commit cannot.
#[test]
fn workflows_name_actions_by_commit_and_version() {
    for (name, text) in texts(".github/workflows", ".yml") {
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let pinned = line.split_once('@').and_then(|(_, rest)| {
                let (commit, version) = rest.split_once(" # v")?;
                Some(
                    commit.len() == 40
                        && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                        && version.split('.').count() == 3,
                )
            });
            assert_eq!(
                pinned,
                Some(true),
                "{name}: write it as owner/action@COMMIT # v1.2.3: {line}"
            );
        }
    }
}

#[test]
fn every_decision_says_whether_it_is_built_and_is_listed() {
    let index = fs::read_to_string(root().join("docs/decisions/README.md")).unwrap();
    for (name, text) in texts("docs/decisions", ".md") {
        if name == "README.md" {
            continue;
        }
        let status = text.lines().nth(2).unwrap_or_default();
        assert!(
            status.starts_with("Status: built") || status.starts_with("Status: planned"),
            "{name}: its third line says `Status: built` or `Status: planned`, not {status:?}"
        );
        assert!(index.contains(&name), "{name} is not in the README");
    }
}

/// Links of the documents that people start with lead somewhere.
#[test]
fn links_between_documents_lead_to_files() {
    let mut documents = texts("", ".md");
    documents.extend(in_folder("docs"));
    documents.extend(in_folder("docs/admin"));
    documents.extend(in_folder("docs/decisions"));
    for (name, text) in documents {
        let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = root().join(folder).join(target);
            assert!(path.exists(), "{name}: {target} is not there");
        }
    }
}

fn in_folder(folder: &str) -> impl Iterator<Item = (String, String)> {
    texts(folder, ".md")
        .into_iter()
        .map(move |(name, text)| (format!("{folder}/{name}"), text))
}
