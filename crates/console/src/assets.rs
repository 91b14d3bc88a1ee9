//! What pages load: one style sheet, one script with its modules, one icon, all from the binary.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_access::identity::secret::digest;

const STYLE: &str = concat!(
    include_str!("../../../ui/src/tokens.css"),
    include_str!("../assets/pages.css")
);
const SCRIPTS: [(&str, &str); 8] = [
    ("pages.js", include_str!("../assets/pages.js")),
    ("drafts.js", include_str!("../assets/drafts.js")),
    ("forms.js", include_str!("../assets/forms.js")),
    ("keys.js", include_str!("../assets/keys.js")),
    ("lengths.js", include_str!("../assets/lengths.js")),
    ("live.js", include_str!("../assets/live.js")),
    ("steady.js", include_str!("../assets/steady.js")),
    ("time.js", include_str!("../assets/time.js")),
];
const ICON: &str = include_str!("../../../icons/app.svg");

/// The type and the text of a file; `None` for one that there is not.
pub(super) fn file(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "pages.css" => Some(("text/css; charset=utf-8", STYLE)),
        "icon.svg" => Some(("image/svg+xml", ICON)),
        name => {
            let mut scripts = SCRIPTS.iter();
            let (_, script) = scripts.find(|(script, _)| *script == name)?;
            Some(("text/javascript; charset=utf-8", script))
        }
    }
}

/// The modules that the script of the pages imports.
pub(super) fn modules() -> impl Iterator<Item = &'static str> {
    SCRIPTS.iter().skip(1).map(|(name, _)| *name)
}

/// The address of the style sheet, another one for every version. It is kept for good, so it is
/// there before a page is laid out: on a page without it, a late second click hits whatever lies
/// under the pointer then.
pub(super) fn style() -> &'static str {
    static STYLE_ADDRESS: LazyLock<String> =
        LazyLock::new(|| format!("/static/pages.css?{}", version(STYLE)));
    &STYLE_ADDRESS
}

/// Another one for every version of a text.
pub(super) fn version(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(text))
}
