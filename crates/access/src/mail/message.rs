//! Writes a mail: headers, text and HTML.

use std::time::SystemTime;

use hourkey_domain::Time;
use hourkey_domain::text::one_line;
use hourkey_store::mail::MailSettings;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use maud::{DOCTYPE, html};
use url::Url;

use super::wording::Words;
use crate::config::Config;

/// The most characters of a name in an address line.
const MAX_NAME_CHARS: usize = 100;

/// The most characters of a subject.
const MAX_SUBJECT_CHARS: usize = 100;

/// Both themes, in the system's own font. No picture and no address of another server.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:24px;color:#1b1d21;\
    background:#fafaf8}main{max-width:560px}h1{font-size:20px;line-height:1.3;margin:0 0 16px}\
    blockquote{margin:0 0 16px;padding:8px 12px;border-left:3px solid #8a5a00;white-space:pre-wrap}\
    p{margin:0 0 16px}a{color:#8a5a00}footer{font-size:13px;color:#5e636b}\
    @media(prefers-color-scheme:dark){body{color:#ecedef;background:#16171a}\
    blockquote{border-color:#e0b354}a{color:#e0b354}footer{color:#9ca1aa}}";

/// To whom a mail goes.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// Their name.
    pub(super) name: String,
    /// Their mail address.
    pub(super) address: String,
}

/// What surrounds the words of a mail.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    /// How mail is sent.
    pub(super) settings: &'a MailSettings,
    /// Where the controller is reached.
    pub(super) config: &'a Config,
    /// The organisation's name.
    pub(super) organisation: &'a str,
    /// To whom.
    pub(super) to: &'a Recipient,
    /// The part of the Message-ID before the host: the same each time the mail is tried.
    pub(super) id: String,
    /// Now.
    pub(super) now: Time,
    /// Where the link leads.
    pub(super) link: &'a str,
    /// Where its reader chooses which mails they get.
    pub(super) choices: &'a str,
}

/// The mail.
///
/// # Errors
/// A sentence: what is wrong with one of the addresses.
pub(super) fn message(frame: &Frame<'_>, words: &Words) -> Result<Message, String> {
    let to = address(&frame.to.address)?;
    let from = address(&frame.settings.sender)?;
    let id = format!("<{}@{}>", frame.id, host(&frame.config.public_url));
    Message::builder()
        .from(mailbox(&frame.settings.sender_name, from))
        .to(mailbox(&frame.to.name, to))
        .subject(one_line(&words.title, MAX_SUBJECT_CHARS))
        .date(SystemTime::from(frame.now))
        .message_id(Some(id))
        // Nobody's absence is to be told to us (RFC 3834, 5).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(
            text(frame, words),
            html(frame, words),
        ))
        .map_err(|error| format!("The mail cannot be written: {error}."))
}

fn mailbox(name: &str, address: Address) -> Mailbox {
    let name = Some(one_line(name, MAX_NAME_CHARS)).filter(|name| !name.is_empty());
    Mailbox::new(name, address)
}

/// Reads a mail address.
///
/// # Errors
/// A sentence.
pub(super) fn address(typed: &str) -> Result<Address, String> {
    let is_plain = one_line(typed, usize::MAX) == typed;
    typed
        .parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| format!("{} is no mail address.", one_line(typed, MAX_NAME_CHARS)))
}

/// The host of the public address, for Message-IDs and greetings.
pub(super) fn host(public_url: &Url) -> &str {
    public_url.host_str().unwrap_or("localhost")
}

fn text(frame: &Frame<'_>, words: &Words) -> String {
    let mut parts = words.sentences.clone();
    if let Some(quote) = &words.quote {
        let lines: Vec<_> = quote.lines().map(|line| format!("> {line}")).collect();
        parts.push(format!("Reason:\n{}", lines.join("\n")));
    }
    parts.push(format!("{}:\n{}", words.link, frame.link));
    if !words.about_link.is_empty() {
        parts.push(words.about_link.to_owned());
    }
    let organisation = one_line(frame.organisation, MAX_NAME_CHARS);
    let choices = frame.choices;
    parts.push(format!(
        "-- \nSent by Hourkey for {organisation}. Choose which mails you get:\n{choices}"
    ));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

fn html(frame: &Frame<'_>, words: &Words) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (words.title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 dir="auto" { (words.title) }
                    @for sentence in &words.sentences { p dir="auto" { (sentence) } }
                    @if let Some(quote) = &words.quote {
                        p { "Reason:" }
                        blockquote dir="auto" { (quote) }
                    }
                    p { a href=(frame.link) { (words.link) } }
                    @if !words.about_link.is_empty() { p { (words.about_link) } }
                    footer {
                        "Sent by Hourkey for "
                        bdi { (one_line(frame.organisation, MAX_NAME_CHARS)) } ". "
                        a href=(frame.choices) { "Choose which mails you get" }
                    }
                }
            }
        }
    };
    page.into_string()
}
