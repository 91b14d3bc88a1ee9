//! Answers of an earlier version, and of a later one, read as a client reads them.
#![allow(clippy::unwrap_used)]

use hourkey_protocol::access::{Grant, Page, Request, ResourceDetail};
use hourkey_protocol::event::{Changes, Snapshot};
use serde::Deserialize;
use serde_json::Value;

/// What a client reads.
#[derive(Debug, Deserialize, PartialEq)]
struct Answers {
    events: Vec<Changes>,
    snapshots: Vec<Snapshot>,
    requests: Vec<Request>,
    grants: Vec<Grant>,
    pages: Vec<Page<Request>>,
    details: Vec<ResourceDetail>,
}

/// Fields whose value is one of a few words.
const WORDS: &[&str] = &[
    "state", "why", "cause", "kind", "purpose", "approval", "mode",
];

fn recorded() -> Value {
    serde_json::from_str(include_str!("recorded/answers.json")).unwrap()
}

#[test]
fn answers_of_an_earlier_version_are_read() {
    let answers: Answers = serde_json::from_value(recorded()).unwrap();
    assert_eq!(answers.snapshots[1].resources.len(), 4);
}

/// Each word there is, in its turn replaced by one that this version does not know.
#[test]
fn a_word_of_a_later_version_costs_nothing_else() {
    let mut places = Vec::new();
    find(&recorded(), String::new(), &mut places);
    assert!(places.len() > 100, "{places:?}");
    let before: Answers = serde_json::from_value(recorded()).unwrap();
    for place in places {
        let mut later = recorded();
        *later.pointer_mut(&place).unwrap() = Value::from("something_later");
        let read = serde_json::from_value::<Answers>(later);
        let read = read.unwrap_or_else(|error| panic!("{place}: {error}"));
        for (now, before) in read.snapshots.iter().zip(&before.snapshots) {
            assert_eq!(now.resources.len(), before.resources.len(), "{place}");
            assert_eq!(now.reviews.len(), before.reviews.len(), "{place}");
            assert_eq!(now.notices.len(), before.notices.len(), "{place}");
        }
        // What was asked for and how falls back to the usual; the rest is seen to be unknown.
        let falls_back = place.ends_with("/approval") || place.ends_with("/purpose");
        assert!(
            falls_back || read != before,
            "{place} is not seen to be unknown"
        );
    }
}

/// Where such words stand, as JSON pointers (RFC 6901).
fn find(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}/{key}");
                match value {
                    Value::String(_) if WORDS.contains(&key.as_str()) => places.push(path),
                    Value::Array(roles) if key == "roles" => {
                        places.extend((0..roles.len()).map(|at| format!("{path}/{at}")));
                    }
                    value => find(value, path, places),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find(item, format!("{path}/{at}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
