//! The words of the pages: one term for one thing, and none that only its makers understand.

use std::fs;
use std::path::Path;

/// What no page says, and what it says instead.
const NEVER: [(&str, &str); 30] = [
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
];

#[test]
fn pages_speak_to_people_in_their_words() {
    let controller = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src/pages", "src/pages/review", "assets"] {
        for file in fs::read_dir(controller.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if !path.is_file() || path.extension().is_some_and(|kind| kind == "css") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let (text, _tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            for line in text.lines().filter(|line| !line.trim().starts_with("//")) {
                // Words for people stand in quotes.
                let Some((_, said)) = line.split_once(['"', '`']) else {
                    continue;
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
