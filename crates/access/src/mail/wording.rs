//! What a mail says: the words of the notices, as data that is then drawn as text and as HTML.

use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::deputy::DeputyEnd;
use hourkey_domain::outcome::{Outcome, with_comment};
use hourkey_domain::text::{one_line, several_lines};
use hourkey_protocol::notice::What;
use hourkey_store::mail::{AboutAccount, MailContent, TwoStepChange};

/// What became of it, with people by their names.
type Told<'a> = Outcome<'a, str>;

/// The most characters of a name in a subject: two of them and some words stay below 100.
const MAX_NAME_CHARS: usize = 36;

/// The most characters of a comment in a sentence.
const MAX_COMMENT_CHARS: usize = 500;

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 1_000;

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Its subject, and its heading: one line.
    pub(super) title: String,
    /// Sentences, each a paragraph.
    pub(super) sentences: Vec<String>,
    /// What somebody typed, in lines.
    pub(super) quote: Option<String>,
    /// What the link is called.
    pub(super) link: &'static str,
    /// What to know about the link, possibly nothing.
    pub(super) about_link: &'static str,
}

/// What is known only when a mail is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    /// When a request that waits lapses.
    pub(super) lapses_at: Option<Time>,
    /// When access would end if it were approved now.
    pub(super) ends_at: Option<Time>,
    /// The name that its reader signs in with.
    pub(super) login: &'a str,
}

/// What a mail says of `content`, which happened at `at`, about the resource of this name, if it is about
/// one.
pub(super) fn words(
    content: &MailContent,
    at: Time,
    resource_name: &str,
    known: Known<'_>,
) -> Words {
    let name = short(resource_name);
    let what = match content {
        MailContent::Ended { at, .. } => {
            let ended = Told::Ended { at: *at };
            return told(
                ended.title(&name),
                vec![format!("Access ended on {}.", dated(*at))],
            );
        }
        MailContent::Account { what } => return about_account(what, known.login),
        MailContent::Notice { what } => what,
    };
    let outcome = what.outcome(at).unwrap_or(Outcome::Unknown);
    let approval = what
        .approval()
        .map(|it| it.headline(decider))
        .unwrap_or_default();
    let became = |comment| vec![quoted(&outcome.headline(decider), comment)];
    let title = || match what.extends() {
        Some(_) => outcome.extension_title(&name),
        None => outcome.title(&name),
    };
    // What was not extended runs to its end.
    let goes_on = |mut sentences: Vec<String>| {
        let until = what.extends().filter(|until| *until > at);
        sentences.extend(until.map(|until| format!("Access goes on until {}.", dated(until))));
        sentences
    };
    match what {
        What::PleaseReview {
            requester,
            reason,
            asked,
            extends,
            starts_at,
            on_behalf_of,
            ..
        } => {
            let requester = short(requester);
            let mut sentences = match (asked, extends) {
                (Some(asked), Some(ends_at)) => vec![
                    format!("{requester} asks for more time on {name}: {asked} from approval on."),
                    format!("Their access ends on {}.", dated(*ends_at)),
                ],
                (Some(asked), None) => vec![format!("{requester} asks for {name} for {asked}.")],
                (None, _) => vec![format!(
                    "{requester} asks to unlock {name}. It locked because it wasn’t used for a while."
                )],
            };
            let ends_at = known.ends_at.map(dated);
            sentences.extend(match (starts_at.map(dated), ends_at) {
                (Some(from), Some(until)) => {
                    Some(format!("Access would start on {from}, and end on {until}."))
                }
                (Some(from), None) => Some(format!("Access would start on {from}.")),
                (None, Some(until)) => {
                    Some(format!("If it’s approved now, access ends on {until}."))
                }
                (None, None) => None,
            });
            if let Some(principal) = on_behalf_of {
                let principal = short(principal);
                sentences.push(format!("You decide for {principal}, who is away."));
            }
            if let Some(lapses_at) = known.lapses_at {
                let until = dated(lapses_at);
                sentences.push(format!("The request expires on {until} if nobody answers."));
            }
            Words {
                title: match (asked, extends) {
                    (_, Some(_)) => format!("{requester} asks to extend {name}"),
                    (Some(_), None) => format!("{requester} asks for {name}"),
                    (None, None) => format!("{requester} asks to unlock {name}"),
                },
                sentences,
                quote: Some(cut(reason)).filter(|reason| !reason.trim().is_empty()),
                link: "Review the request",
                about_link: "The page shows how the request stands when you open it. Nothing is \
                             decided by opening it.",
            }
        }
        What::Approved {
            starts_at,
            expires_at,
            comment,
            extends,
            ..
        } => {
            let is_later = *starts_at > at;
            let (title, when) = match is_later {
                false if extends.is_some() => {
                    (format!("{name} is extended"), "Access now ends".to_owned())
                }
                true => {
                    let scheduled = Told::Scheduled {
                        starts_at: *starts_at,
                    };
                    let from = dated(*starts_at);
                    (
                        scheduled.title(&name),
                        format!("Access starts on {from}, and ends"),
                    )
                }
                false => {
                    let open = Told::Open { until: *expires_at };
                    (open.title(&name), "Access ends".to_owned())
                }
            };
            let until = dated(*expires_at);
            told(
                title,
                vec![quoted(&approval, comment), format!("{when} on {until}.")],
            )
        }
        What::Unlocked {
            by,
            locks_at,
            comment,
            ..
        } => {
            let by = by.as_deref();
            let title = Outcome::Unlocked { at, by }.title(&name);
            let until = dated(*locks_at);
            let rest = format!("It locks on {until} if you don’t use it.");
            told(title, vec![quoted(&approval, comment), rest])
        }
        What::Denied { comment, .. } => told(title(), goes_on(became(comment))),
        What::Cancelled { cause, .. } => {
            let needed = no_longer_needed(*cause, &name);
            told(needed.unwrap_or_else(title), goes_on(became("")))
        }
        What::Revoked { cause, comment, .. } => {
            // As in notifications: the outcome’s title would read as an end like any other.
            let title = no_longer_needed(*cause, &name);
            let revoked = || format!("Access to {name} was revoked");
            told(title.unwrap_or_else(revoked), became(comment))
        }
        What::Lapsed { .. } => told(title(), goes_on(became(""))),
        What::Started { expires_at, .. } => {
            let open = Told::Open { until: *expires_at };
            let until = dated(*expires_at);
            told(open.title(&name), vec![format!("Access ends on {until}.")])
        }
        What::Unknown => told(format!("News about {name}"), Vec::new()),
    }
}

fn about_account(what: &AboutAccount, login: &str) -> Words {
    let once = "It works once, for 24 hours from now.";
    match what {
        AboutAccount::Invited { by_name, .. } => Words {
            title: format!("{} added you to Hourkey", short(by_name)),
            sentences: vec![
                "It gives you access to private resources, for as long as you need it. Choose a \
                 password first."
                    .to_owned(),
                format!("You sign in as {}.", short(login)),
            ],
            quote: None,
            link: "Choose a password",
            about_link: once,
        },
        AboutAccount::PasswordLink { by_name, .. } => Words {
            title: "Set a new password".to_owned(),
            sentences: vec![format!(
                "{} had this link made for you. With a new password you’re signed out everywhere else. \
                 If you don’t expect it, leave it alone and tell them.",
                short(by_name)
            )],
            quote: None,
            link: "Set a new password",
            about_link: once,
        },
        AboutAccount::AddressMoved {
            of, by, is_removed, ..
        } => {
            let (of, by) = (short(of), short(by));
            let links = match is_removed {
                true => "are shown to administrators",
                false => "go to the new address",
            };
            told(
                format!("The mail address of {of} was changed"),
                vec![
                    format!(
                        "{by} did it. Links that set the password of {of} {links} from now on."
                    ),
                    "If you don’t know why, ask an administrator.".to_owned(),
                ],
            )
        }
        AboutAccount::TwoStepReset { of, by } => {
            let of = short(of);
            let by = by.as_ref().map(short);
            let by = by.as_deref().unwrap_or("Somebody on the controller’s host");
            told(
                format!("Two-step sign-in of {of} was reset"),
                vec![format!(
                    "{by} reset it. {of} signs in with a password alone until they set it up again."
                )],
            )
        }
        AboutAccount::TwoStepChanged { change } => {
            let (title, rest) = match change {
                TwoStepChange::SetUp => (
                    "Two-step sign-in was set up",
                    "From now on your account asks for a code of your authenticator app."
                        .to_owned(),
                ),
                TwoStepChange::TurnedOff => (
                    "Two-step sign-in was turned off",
                    "Your password alone opens your account now.".to_owned(),
                ),
                TwoStepChange::NewCodes => (
                    "You have new recovery codes",
                    "Those that you had before do not work any more.".to_owned(),
                ),
                TwoStepChange::RecoveryCodeUsed { left } => (
                    "A recovery code was used",
                    format!(
                        "It let somebody in as you. You have {left} left; make new ones on your account’s page."
                    ),
                ),
            };
            let unexpected =
                "If this was not you, choose another password at once and tell an administrator.";
            told(title.to_owned(), vec![rest, unexpected.to_owned()])
        }
        AboutAccount::GaveThemselves {
            who,
            through,
            is_behind,
            resources,
            count,
            until,
        } => {
            let who = short(who);
            let through = through.as_ref().map(short);
            let gained = through.as_ref().unwrap_or(&who);
            let names: Vec<_> = resources.iter().map(short).collect();
            let more = match count.saturating_sub(names.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let title = match &through {
                Some(account) if *is_behind => {
                    format!("{who} gave {account} more access, who could sign in as {who}")
                }
                Some(account) => {
                    format!("{who} gave {account} more access, which may be their own account")
                }
                None => format!("{who} gave themselves more access"),
            };
            let why = through.as_ref().filter(|_| !is_behind).map(|account| {
                format!(
                    "{account} has {who}’s mail address, or {who} was shown a link to its password."
                )
            });
            let why = why.into_iter();
            told(
                title,
                why.chain([
                    format!("It is about {}{more}.", names.join(", ")),
                    format!(
                        "It counts for {gained} from {}. If it should not, take it back before then.",
                        dated(*until)
                    ),
                ])
                .collect(),
            )
        }
        AboutAccount::AdminWent { of, by } => {
            let of = short(of);
            let by = by.as_ref().map(short);
            let by = by.as_deref().unwrap_or("Somebody on the controller’s host");
            told(
                format!("{of} does not administer any more"),
                vec![format!(
                    "{by} disabled or removed the account, or took the role away. If you did not expect \
                     that, talk to each other."
                )],
            )
        }
        AboutAccount::DeputyNamed {
            principal,
            deputy,
            by,
            from,
            until,
        } => {
            let (principal, deputy) = (short(principal), short(deputy));
            let by = by.as_ref().map(short);
            let by = by.unwrap_or_else(|| principal.clone());
            let (from, until) = (dated(*from), dated(*until));
            told(
                format!("{deputy} decides for {principal}"),
                vec![
                    format!(
                        "{by} named {deputy} as deputy of {principal} from {from} until {until}."
                    ),
                    format!(
                        "During that time {deputy} sees what waits for {principal}, and decides it on their \
                         behalf. {principal} or an administrator can end it at any time."
                    ),
                ],
            )
        }
        AboutAccount::DeputyEnded {
            principal,
            deputy,
            by,
            why,
        } => {
            let (principal, deputy) = (short(principal), short(deputy));
            let by = by.as_ref().map(short);
            let why = match (why, by) {
                (DeputyEnd::PrincipalLostRole, _) => {
                    format!("{principal} reviews no requests any more.")
                }
                (DeputyEnd::DeputyLostRole, _) => format!("{deputy} reviews no requests any more."),
                (DeputyEnd::Time, _) | (_, None) => "Its time is over.".to_owned(),
                (DeputyEnd::Person | DeputyEnd::Replaced, Some(by)) => format!("{by} ended it."),
            };
            told(
                format!("{deputy} no longer decides for {principal}"),
                vec![why],
            )
        }
        AboutAccount::LinkShown { of, to } => {
            let (of, to) = (short(of), short(to));
            told(
                format!("A link to the password of {of} was shown"),
                vec![
                    format!(
                        "{to} was shown a link that sets the password of {of}, because it could not be \
                         mailed to the account."
                    ),
                    format!("For a day, {of} can’t decide what {to} asks for."),
                ],
            )
        }
    }
}

fn told(title: String, sentences: Vec<String>) -> Words {
    Words {
        title,
        sentences,
        quote: None,
        link: "Open in Hourkey",
        about_link: "",
    }
}

fn no_longer_needed(cause: Cause, name: &str) -> Option<String> {
    (cause == Cause::NoLongerNeeded).then(|| format!("{name} needs no request any more"))
}

/// A name in a subject: it cannot begin another header, nor turn the reading direction.
pub(super) fn short(name: &(impl AsRef<str> + ?Sized)) -> String {
    one_line(name.as_ref(), MAX_NAME_CHARS)
}

/// Who decided: two names, where it was a deputy.
fn decider(name: &(impl AsRef<str> + ?Sized)) -> String {
    one_line(name.as_ref(), 2 * MAX_NAME_CHARS)
}

fn quoted(headline: &str, comment: &str) -> String {
    with_comment(headline, &one_line(comment, MAX_COMMENT_CHARS))
}

/// A reason as it was typed, up to a length.
fn cut(reason: &str) -> String {
    let reason = several_lines(reason);
    match reason.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("{}…", reason[..end].trim_end()),
        None => reason,
    }
}

/// A moment with its date and zone: a mail is read anywhere, and later.
fn dated(at: Time) -> String {
    use chrono::Offset as _;
    let zone = chrono::Utc.fix();
    let (at, zone) = (
        hourkey_domain::format::dated(at, zone),
        hourkey_domain::format::zone(zone),
    );
    format!("{at} {zone}")
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::{GrantId, RequestId};
    use hourkey_domain::length::Length;

    use super::*;

    fn at(time: &str) -> Time {
        format!("2030-01-01T{time}:00Z").parse().unwrap()
    }

    fn said(what: What, lapses_at: Option<Time>) -> (String, Vec<String>) {
        let content = MailContent::Notice { what };
        let known = Known {
            lapses_at,
            ends_at: lapses_at.map(|at| at + chrono::TimeDelta::hours(1)),
            login: "ada",
        };
        let words = words(&content, at("12:00"), "Payroll\u{202e} database", known);
        (words.title, words.sentences)
    }

    #[test]
    fn a_request_for_more_time_says_what_it_extends() {
        let what = What::PleaseReview {
            starts_at: None,
            on_behalf_of: None,
            request: RequestId(2),
            requester: "Ada".to_owned(),
            reason: "not done".to_owned(),
            asked: Some(Length::HOUR),
            extends: Some(at("12:10")),
        };
        let (title, sentences) = said(what, Some(at("12:10")));
        assert_eq!(title, "Ada asks to extend Payroll database");
        assert_eq!(
            sentences,
            [
                "Ada asks for more time on Payroll database: 1 hour from approval on.",
                "Their access ends on 2030-01-01 12:10 UTC.",
                "If it’s approved now, access ends on 2030-01-01 13:10 UTC.",
                "The request expires on 2030-01-01 12:10 UTC if nobody answers.",
            ]
        );
    }

    #[test]
    fn what_became_of_a_request_for_more_time_says_until_when_access_goes_on() {
        let extends = Some(at("12:10"));
        let given = What::Approved {
            request: RequestId(2),
            grant: GrantId(1),
            by: Some("Rosa".to_owned()),
            length: Length::HOUR,
            starts_at: at("11:00"),
            expires_at: at("13:00"),
            comment: "Then stop.".to_owned(),
            extends,
        };
        let (title, sentences) = said(given, None);
        assert_eq!(title, "Payroll database is extended");
        assert_eq!(
            sentences,
            [
                "Extended by Rosa: “Then stop.”",
                "Access now ends on 2030-01-01 13:00 UTC.",
            ]
        );
        let denied = What::Denied {
            request: RequestId(2),
            by: "Rosa".to_owned(),
            comment: "Enough.".to_owned(),
            extends,
        };
        let lapsed = What::Lapsed {
            request: RequestId(2),
            extends,
        };
        for (what, heading) in [
            (denied, "Request to extend Payroll database was denied"),
            (lapsed, "Request to extend Payroll database expired"),
        ] {
            let (title, sentences) = said(what, None);
            assert_eq!(title, heading);
            let last = sentences.last().unwrap();
            assert_eq!(last, "Access goes on until 2030-01-01 12:10 UTC.");
        }
        let ended = What::Cancelled {
            request: RequestId(2),
            cause: Cause::GrantEnded,
            extends: Some(at("12:00")),
        };
        let (title, sentences) = said(ended, None);
        assert_eq!(title, "Request to extend Payroll database was cancelled");
        assert_eq!(
            sentences,
            ["Cancelled because access ended before anybody answered."]
        );
    }
}
