//! Texts of others, shown harmlessly: the one place that says which characters may not reach a
//! terminal, a menu, a notification, a page or the window. The window's copy is tested against a
//! table made from this module (`ui/src/wording-cases.json`).

/// True for characters that steer a terminal, turn the reading direction, break a line, or are not
/// seen at all: the Unicode properties Control, `Bidi_Control`, `Line_Separator`,
/// `Paragraph_Separator` and `Default_Ignorable_Code_Point`, and interlinear annotations.
///
/// Joiners and variation selectors are not seen either, but stay: Persian and Hindi names, Japanese
/// names and emoji need them.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// The text for one line of a menu or notification: unsafe characters are left out, any run of white
/// space and controls becomes one space, and what is longer than `longest` characters ends in `…`.
#[must_use]
pub fn one_line(text: &str, longest: usize) -> String {
    let (mut line, mut count) = (String::new(), 0);
    let mut is_apart = false;
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() {
            is_apart = count > 0;
            continue;
        }
        if is_unsafe(c) {
            continue;
        }
        let space = std::mem::take(&mut is_apart).then_some(' ');
        for c in space.into_iter().chain([c]) {
            if count == longest {
                line.pop();
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(c);
            count += 1;
        }
    }
    line
}

/// A text of several lines as it was typed, for a page or a window: unsafe characters are left out,
/// line feeds and tabs stay.
#[must_use]
pub fn several_lines(text: &str) -> String {
    let stays = |c: &char| matches!(c, '\n' | '\t') || !is_unsafe(*c);
    text.chars().filter(stays).collect()
}

/// The text for one line of a terminal: each unsafe character becomes its escape, such as
/// `\u{202e}`, so that it is seen that something was there.
#[must_use]
pub fn for_terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Several lines for a terminal: as [`for_terminal`], with the line feeds kept.
#[must_use]
pub fn lines_for_terminal(text: &str) -> String {
    text.split('\n')
        .map(for_terminal)
        .collect::<Vec<_>>()
        .join("\n")
}

/// JSON for a terminal: the same value, with unsafe characters as `\u202e` (RFC 8259, 7). In JSON
/// they stand in strings alone, but for the line feeds of an indented text, which stay.
#[must_use]
pub fn json_for_terminal(json: &str) -> String {
    use std::fmt::Write as _;

    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_unsafe(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// Each character there is, against Unicode's own properties.
    #[test]
    fn unsafe_is_what_unicode_says_is_steering_or_unseen() {
        let unseen = r"[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{FFF9}-\u{FFFB}]";
        let unseen = Regex::new(unseen).unwrap();
        let kept = Regex::new(r"[\p{Join_Control}\p{Variation_Selector}]").unwrap();
        let mut buffer = [0; 4];
        for c in '\0'..=char::MAX {
            let text = &*c.encode_utf8(&mut buffer);
            let expected = unseen.is_match(text) && !kept.is_match(text);
            assert_eq!(is_unsafe(c), expected, "U+{:04X}", u32::from(c));
        }
    }

    /// Each character there is, in each form of output.
    #[test]
    fn nothing_unsafe_is_left_in_any_form() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}b");
            assert!(!for_terminal(&text).contains(is_unsafe), "{c:?}");
            assert!(!one_line(&text, 9).contains(is_unsafe), "{c:?}");
            let left = |shown: String| shown.replace('\n', "").contains(is_unsafe);
            assert!(!left(lines_for_terminal(&text)), "{c:?}");
            let json = serde_json::to_string(&text).unwrap();
            let shown = json_for_terminal(&json);
            assert!(!left(shown.clone()), "{c:?}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }

    /// Each character there is: no form of output has a set of its own.
    #[test]
    fn every_form_takes_the_same_characters_for_unsafe() {
        for c in '\0'..=char::MAX {
            let (is_unsafe, text) = (is_unsafe(c), format!("a{c}b"));
            assert_eq!(for_terminal(&text) != text, is_unsafe, "{c:?}");
            assert_eq!(json_for_terminal(&text) != text, is_unsafe && c != '\n');
            assert_eq!(lines_for_terminal(&text) != text, is_unsafe && c != '\n');
            let is_kept = matches!(c, '\n' | '\t');
            assert_eq!(several_lines(&text) != text, is_unsafe && !is_kept, "{c:?}");
            let line = match c {
                c if c.is_control() || c.is_whitespace() => "a b".to_owned(),
                _ if is_unsafe => "ab".to_owned(),
                _ => text,
            };
            assert_eq!(one_line(&format!("a{c}b"), 9), line, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn one_line_is_one_line_and_no_longer(text in any::<String>(), longest in 1_usize..40) {
            let line = one_line(&text, longest);
            prop_assert!(line.chars().count() <= longest);
            prop_assert!(!line.contains("  ") && line.trim() == line);
            prop_assert_eq!(one_line(&line, longest), line);
        }

        #[test]
        fn what_is_plain_stays(text in "[a-zA-Z0-9 äé数–“”'·]*") {
            prop_assert_eq!(for_terminal(&text), text.clone());
            prop_assert_eq!(json_for_terminal(&text), text);
        }

        #[test]
        fn json_keeps_its_value(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let json = serde_json::to_string_pretty(&texts).unwrap();
            let read: Vec<String> = serde_json::from_str(&json_for_terminal(&json)).unwrap();
            prop_assert_eq!(read, texts);
        }
    }

    #[test]
    fn hostile_names_become_one_harmless_line() {
        assert_eq!(one_line("a\u{202e}b\u{2066}c\u{200b}", 60), "abc");
        assert_eq!(one_line("  two\n\n\tlines \u{7}\r ", 60), "two lines");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abc  def", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
        assert_eq!(one_line("abcd \n", 4), "abcd");
        assert_eq!(one_line("می\u{200c}خواهم", 60), "می\u{200c}خواهم");
        assert_eq!(one_line("<b>&amp;_x", 60), "<b>&amp;_x");
    }

    #[test]
    fn a_text_of_several_lines_keeps_them() {
        assert_eq!(several_lines("a\r\n\tb\u{202e}c\u{7}"), "a\n\tbc");
    }

    #[test]
    fn a_terminal_shows_that_something_was_there() {
        assert_eq!(for_terminal("a\u{1b}[2J\u{9b}\n"), r"a\u{1b}[2J\u{9b}\n");
        assert_eq!(lines_for_terminal("a\u{202e}\nb"), "a\\u{202e}\nb");
        assert_eq!(
            json_for_terminal("\"\u{9b}\u{e0041}\""),
            r#""\u009b\udb40\udc41""#
        );
    }
}
