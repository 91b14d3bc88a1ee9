//! Sentences of the rules on a page: names lead to the pages that their reader may see.

use hourkey_domain::sentence::{Piece, Sentence, Thing};
use maud::{Markup, html};

use super::layout::plain;

/// Which pages of single things the reader may see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    pub(super) configuration: bool,
    pub(super) people: bool,
}

impl Links {
    fn to(self, thing: Thing) -> Option<String> {
        match thing {
            Thing::User(id) => self.people.then(|| format!("/people/{id}")),
            Thing::Group(id) => self.configuration.then(|| format!("/groups/{id}")),
            Thing::Resource(id) => self.configuration.then(|| format!("/resources/{id}")),
        }
    }
}

/// The sentence with its links.
pub(super) fn shown(sentence: &Sentence, links: Links) -> Markup {
    html! {
        @for piece in sentence.pieces() {
            @match piece {
                Piece::Words(words) => (words),
                Piece::Name { text, of } => @match of.and_then(|thing| links.to(thing)) {
                    Some(page) => a href=(page) { bdi { (plain(text)) } },
                    None => bdi { (plain(text)) },
                },
            }
        }
    }
}
