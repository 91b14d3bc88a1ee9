//! What a notification is: its words, its buttons, and what it is about.

use hourkey_domain::ids::{GrantId, RequestId, ResourceId};

use crate::intent::Intent;

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Comes back in [`crate::event::Event::Notified`].
    pub id: NotificationId,
    /// What it is about: one about the same takes its place.
    pub topic: Topic,
    /// What it says.
    pub message: Message,
}

/// What a notification says and offers. All texts are plain.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The headline.
    pub title: String,
    /// The second line, possibly empty.
    pub body: String,
    /// What a click on it does.
    pub click: Intent,
    /// Its buttons.
    pub buttons: Vec<Button>,
}

/// A button of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    /// What it says.
    pub label: &'static str,
    /// What it does.
    pub action: Intent,
}

/// Tells one notification from another within this run of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationId(pub u64);

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What became of one's own request.
    Request(RequestId),
    /// How a grant goes on.
    Grant(GrantId),
    /// A request that waits for one's review.
    Review(RequestId),
    /// Where programs reach this resource.
    Forward(ResourceId),
    /// A program that wants to use this locked resource.
    AccessPrompt(ResourceId),
    /// Whether the person is signed in, and stays so.
    SignIn,
    /// Something that did not work.
    Failure,
}

/// Why a notification was not shown, as a sentence's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyError(pub String);
