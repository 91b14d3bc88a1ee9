//! The words for people on pages, in tray, notifications and commands: one term for one thing, and
//! none that only its makers understand. The window's are in `ui/src/words.test.ts`.

use std::fs;
use std::path::Path;

/// Where words for people stand.
const SAID_IN: [&str; 9] = [
    "crates/console/assets",
    "crates/console/src",
    "crates/console/src/review",
    "crates/access/src",
    "crates/cli/src",
    "src-tauri",
    "src-tauri/app",
    "src-tauri/notify",
    "src-tauri/tray",
];

/// What nobody reads, and what they read instead.
const NEVER: [(&str, &str); 36] = [
    ("less…", "Shorter…"),
    ("approve for less", "Approve 1 hour"),
    ("a word to", "Comment (optional)"),
    ("lapses in", "Expires"),
    ("\"lapsed", "Expired"),
    ("as a member of", "Through group"),
    ("stays locked", "is locked again"),
    ("give up", "Give back"),
    ("release now", "Give back"),
    ("\"release…", "Give back…"),
    ("turn away", "Cancel"),
    ("turned away", "cancelled"),
    ("withdrawn", "cancelled"),
    ("refused:", "denied"),
    ("the clock starts", "Time starts"),
    ("a reason that is kept", "Your reason is recorded"),
    ("it was given first", "nothing"),
    ("the requester is told", "shown to the person"),
    ("the person is told", "shown to the person"),
    ("helps the reviewer", "Your reviewer will see it"),
    ("calls itself", "Device name"),
    ("runs on", "Computer"),
    ("does not fit", "isn’t valid"),
    ("stands on the terminal", "in the terminal"),
    ("nothing to see here", "Page not found"),
    ("not yours to", "You can’t do that"),
    ("somebody was faster", "Already decided"),
    ("something broke", "Something went wrong"),
    ("no such button", "This page is out of date. Reload it."),
    ("does not answer", "Can’t reach"),
    ("ask again", "Request again"),
    ("not for an hour", "Remind me in an hour"),
    (
        "sign-in is not kept",
        "You’ll need to sign in again after a restart",
    ),
    ("the time to wait", "Timed out waiting."),
    ("finish and save", "10 minutes left on …"),
    ("nothing is granted", "You have no active grants"),
];

#[test]
fn people_are_spoken_to_in_their_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in SAID_IN {
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let kind = path.extension().and_then(|kind| kind.to_str());
            if !matches!(kind, Some("rs" | "js")) || path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let (text, _tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            // Words for people stand in quotes, or in what a command says of itself.
            let helps = path.ends_with("args.rs");
            for line in text.lines() {
                let is_comment = line.trim().starts_with("//");
                let said = match line.split_once(['"', '`']) {
                    _ if is_comment && helps => line,
                    Some((_, said)) if !is_comment => said,
                    Some(_) | None => continue,
                };
                let said = format!("\"{}", said.to_lowercase());
                for (never, instead) in NEVER {
                    if said.contains(never) {
                        found.push(format!("{}: {} → {instead}", path.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
