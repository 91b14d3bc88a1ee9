//! Modules import what lies below them: no two import each other, be it by way of others.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders of crates whose modules are looked at.
const CRATES: [&str; 6] = [
    "src-tauri",
    "crates/client/src",
    "crates/cli/src",
    "crates/access/src",
    "crates/console/src",
    "crates/controller/src",
];

/// Modules for tests alone, which may import everything.
const FOR_TESTS: [&str; 6] = ["tests", "testing", "fixtures", "fake", "fuzz", "replay"];

/// A module's path below its crate; empty for the root.
type Module = Vec<String>;

type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_two_modules_import_each_other() {
    for folder in CRATES {
        let imports = imports(folder);
        assert!(imports.len() > 10, "{folder} has modules");
        if let Some(circle) = circle(&imports) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            panic!("a circle of imports in {folder}: {}", names.join(" → "));
        }
    }
}

#[test]
fn the_app_is_imported_by_the_root_and_its_own_parts_alone() {
    let app = "app".to_owned();
    for (module, imported) in imports("src-tauri") {
        let may = module.is_empty() || module.first() == Some(&app);
        let name = module.join("::");
        assert!(
            may || !imported.iter().any(|it| it.first() == Some(&app)),
            "{name} draws or acts: let it import state, event or message instead of app"
        );
    }
}

#[test]
fn paths_are_found_in_use_trees_and_in_code() {
    let source =
        "use crate::{a::B, c::{self, D as E}};\n// crate::no\nfn f() { super::g::h(i::j) }";
    let found: Vec<String> = paths(source).iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::B",
        "crate::c::self",
        "crate::c::D",
        "super::g::h",
        "i::j",
    ];
    assert_eq!(found, expected);
    let to = |names: &[&str]| names.iter().map(|name| vec![(*name).to_owned()]).collect();
    let imports: Imports = [
        ("a", &["b"][..]),
        ("b", &["c"]),
        ("c", &["a"]),
        ("d", &["a"]),
    ]
    .into_iter()
    .map(|(module, names)| (vec![module.to_owned()], to(names)))
    .collect();
    assert_eq!(circle(&imports).unwrap().len(), 4, "a → b → c → a");
}

/// The modules of a crate, each with those that it imports.
fn imports(folder: &str) -> Imports {
    let mut sources = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    read(&root, &[], &mut sources);
    let find = |module: &Module, path: &[&str]| {
        let (mut from, mut rest) = match path[0] {
            "crate" => (vec![], &path[1..]),
            "self" => (module.clone(), &path[1..]),
            "super" => (module.clone(), path),
            child => {
                let child = [&module[..], &[child.to_owned()]].concat();
                (
                    module.clone(),
                    sources.contains_key(&child).then_some(path)?,
                )
            }
        };
        while rest.first() == Some(&"super") {
            from.pop();
            rest = &rest[1..];
        }
        from.extend(rest.iter().map(|name| (*name).to_owned()));
        while !sources.contains_key(&from) {
            from.pop()?;
        }
        (from != *module && !from.is_empty()).then_some(from)
    };
    let all = sources.iter().map(|(module, source)| {
        let imported = paths(source)
            .into_iter()
            .filter_map(|path| find(module, &path));
        (module.clone(), imported.collect())
    });
    all.collect()
}

/// Reads the modules in a folder, without those for tests.
fn read(folder: &Path, module: &[String], sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if FOR_TESTS.contains(&name.as_str()) {
            continue;
        }
        let is_parent = matches!(name.as_str(), "mod" | "lib" | "main");
        let below = match is_parent {
            true => module.to_vec(),
            false => [module, &[name]].concat(),
        };
        if path.is_dir() {
            read(&path, &below, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let end = source.find("\nmod tests {").unwrap_or(source.len());
            sources.entry(below).or_default().push_str(&source[..end]);
        }
    }
}

/// The paths that a source names: in its code, and each of those in a use tree.
fn paths(source: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for line in Statements(source) {
        let mut rest = line;
        while let Some(start) = rest.find(is_word) {
            let word = &rest[start..];
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            rest = match word[end..].starts_with("::") {
                true => tree(word, &[], &mut found),
                false => &word[end..],
            };
        }
    }
    found
}

/// The pieces of a source between its comments.
struct Statements<'a>(&'a str);

impl<'a> Iterator for Statements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let (code, rest) = self.0.split_once("//").unwrap_or((self.0, ""));
        self.0 = rest.split_once('\n').map_or("", |(_, rest)| rest);
        Some(code)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads a path, or each of those in its braces; returns what follows.
fn tree<'a>(text: &'a str, before: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> &'a str {
    let (mut path, mut text) = (before.to_vec(), text);
    loop {
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        if let (0, Some(mut group)) = (end, text.strip_prefix('{')) {
            loop {
                group = group.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                match group.chars().next() {
                    Some('}') => return &group[1..],
                    Some(c) if is_word(c) => group = tree(group, &path, found),
                    _ => return group,
                }
            }
        }
        if end > 0 {
            path.push(&text[..end]);
            text = &text[end..];
        }
        match text.strip_prefix("::").filter(|_| end > 0) {
            Some(rest) => text = rest,
            None => break,
        }
    }
    found.push(path);
    match text.strip_prefix(" as ") {
        Some(name) => name.trim_start_matches(is_word),
        None => text.strip_prefix('*').unwrap_or(text),
    }
}

/// A circle of imports, from a module back to itself.
fn circle(imports: &Imports) -> Option<Vec<Module>> {
    fn visit(
        module: &Module,
        imports: &Imports,
        way: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(start) = way.iter().position(|it| it == module) {
            let mut circle = way.split_off(start);
            circle.push(module.clone());
            return Some(circle);
        }
        if !done.insert(module.clone()) {
            return None;
        }
        way.push(module.clone());
        for next in imports.get(module).into_iter().flatten() {
            if let Some(circle) = visit(next, imports, way, done) {
                return Some(circle);
            }
        }
        way.pop();
        None
    }
    let mut done = BTreeSet::new();
    let mut modules = imports.keys();
    modules.find_map(|module| visit(module, imports, &mut Vec::new(), &mut done))
}
