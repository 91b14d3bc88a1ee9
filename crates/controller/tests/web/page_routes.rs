//! Which pages and forms there are, as the sources of the routers say: axum lists no routes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders whose routers answer browsers, from the controller's.
const FOLDERS: [&str; 2] = ["../console/src", "src/oauth"];

/// Functions of `axum::routing` that take a handler, but those that no router here may use.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What would add routes that [`routes`] does not see.
const UNSEEN: [&str; 7] = [
    ".nest(",
    ".nest_service(",
    ".route_service(",
    ".fallback(",
    "any(",
    "on(",
    "head(",
];

/// All routes for browsers, as `GET /access`.
pub(crate) fn routes() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in sources(&folder) {
            let source = fs::read_to_string(&file).unwrap();
            // What follows is for tests of the file itself.
            let (source, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
            let calls = source.split(".route(").skip(1).map(arguments);
            for call in calls {
                assert!(
                    !UNSEEN.iter().any(|word| has_call(call, word)),
                    "{file:?}: {call}"
                );
                let (path, handlers) = call.split_once(',').unwrap();
                let path = path.trim().trim_matches('"');
                let methods = METHODS
                    .iter()
                    .filter(|method| has_call(handlers, &format!("{method}(")));
                routes.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
            }
            let other = UNSEEN
                .iter()
                .find(|word| word.starts_with('.') && source.contains(**word));
            assert_eq!(other, None, "{file:?} adds routes in another way");
        }
    }
    routes
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What stands between the parentheses of a call, of which the first is gone.
fn arguments(rest: &str) -> &str {
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &rest[..end.unwrap()]
}

/// Whether the text calls this function: `get(`, and not `forget(`.
fn has_call(text: &str, call: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(call)
        .any(|(at, _)| !text[..at].ends_with(is_name))
}
