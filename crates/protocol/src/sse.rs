//! Reads Server-Sent Events (WHATWG HTML, 9.2.6) from bytes, however they are cut.

use std::collections::VecDeque;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` when the stream gives none.
    pub name: String,
    /// Its data lines, joined by line feeds.
    pub data: String,
}

/// The largest event that is read: a snapshot of 100,000 resources is about 60 MB.
const LARGEST: usize = 64 << 20;

/// An event is larger than any that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is too large")]
pub struct TooLarge;

/// Reads one stream, from its first byte on.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_return: bool,
    first_line_done: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl Parser {
    /// Takes the next bytes, and hands each event that they complete to `found`.
    ///
    /// # Errors
    /// When an event is larger than 64 MiB. Give the stream up.
    pub fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Event)) -> Result<(), TooLarge> {
        while let Some(end) = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')) {
            let (part, rest) = bytes.split_at(end);
            let terminator = rest[0];
            bytes = &rest[1..];
            let continues_return =
                part.is_empty() && self.line.is_empty() && terminator == b'\n' && self.after_return;
            self.after_return = terminator == b'\r';
            if continues_return {
                continue;
            }
            self.line.extend_from_slice(part);
            self.check()?;
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.take_line(&line) {
                found(event);
            }
        }
        if !bytes.is_empty() {
            self.after_return = false;
            self.line.extend_from_slice(bytes);
        }
        self.check()
    }

    fn check(&self) -> Result<(), TooLarge> {
        (self.line.len() + self.data.len() <= LARGEST)
            .then_some(())
            .ok_or(TooLarge)
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Event> {
        let line = match std::mem::replace(&mut self.first_line_done, true) {
            false => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            true => line,
        };
        if line.is_empty() {
            return self.complete();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            // A comment (an empty field), `retry`, which is our own to choose, `id`, which is in
            // the data as well, or a field of a later version.
            _ => {}
        }
        None
    }

    fn complete(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| Event {
            name: if name.is_empty() {
                "message".to_owned()
            } else {
                name
            },
            data,
        })
    }
}

/// The events of one stream, in their order, as they become complete.
#[derive(Debug, Default)]
pub struct EventQueue {
    parser: Parser,
    events: VecDeque<Event>,
}

impl EventQueue {
    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// As [`Parser::feed`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        self.parser
            .feed(bytes, |event| self.events.push_back(event))
    }

    /// Returns the next event, if it is complete.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser
                .feed(chunk, |event| events.push((event.name, event.data)))
                .unwrap();
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        assert_eq!(
            read(&[b"data: YHOO\ndata: +2\ndata: 10\n\n"]),
            [event("message", "YHOO\n+2\n10")]
        );
        assert_eq!(
            read(&[b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"]),
            [
                event("message", "first event"),
                event("message", "second event"),
                event("message", " third event"),
            ]
        );
        assert_eq!(
            read(&[b"data\n\ndata\ndata\n\ndata:"]),
            [event("message", ""), event("message", "\n")]
        );
        assert_eq!(
            read(&[b"\xef\xbb\xbfevent: a\rdata: b\r\r"]),
            [event("a", "b")]
        );
    }

    #[test]
    fn an_event_without_data_is_none_and_leaves_no_name_behind() {
        assert_eq!(read(&[b"event: a\n\ndata: b\n\n"]), [event("message", "b")]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let megabyte = vec![b'x'; 1 << 20];
        let result = (0..100).try_for_each(|_| parser.feed(&megabyte, |_| {}));
        assert_eq!(result, Err(TooLarge));
    }

    proptest! {
        /// However the bytes are cut, and whichever line ends are used, the events are the same.
        #[test]
        fn cuts_and_line_ends_make_no_difference(
            lines in prop::collection::vec("(data: ?[a-zé]{0,3}|event: [ab]|: x|id: 1|)", 0..20),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 20),
            cuts in prop::collection::vec(1_usize..5, 0..80),
        ) {
            let plain: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let whole = read(&[plain.as_bytes()]);
            // A lone CR before an empty line's LF would join into one line end.
            let mut mixed = String::new();
            for (line, end) in lines.iter().zip(&ends) {
                if line.is_empty() && *end == "\n" && mixed.ends_with('\r') {
                    mixed.push('\r');
                } else {
                    mixed.push_str(line);
                    mixed.push_str(end);
                }
            }
            let mut rest = mixed.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (chunk, later) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = later;
            }
            chunks.push(rest);
            prop_assert_eq!(read(&chunks), whole);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let mut parser = Parser::default();
            let _ = parser.feed(&bytes, |_| {});
        }
    }
}
