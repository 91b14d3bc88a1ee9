//! The API's description is committed, so that a change of the API is seen where it is reviewed.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use hourkey_controller::api::openapi;

#[test]
fn the_committed_description_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let now = openapi().to_pretty_json().unwrap() + "\n";
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed == now {
        return;
    }
    std::fs::write(&path, now).unwrap();
    panic!(
        "docs/openapi.json was out of date. `cargo test -p hourkey-controller --test openapi` has \
         written it anew: look at it, and commit it."
    );
}
