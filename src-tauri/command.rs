//! What the session task does for the app.

use hourkey_client::dial::Destination;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use url::Url;

/// What the app asks of the session task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// Resume the stored sign-in; the answer is [`Resumed`](crate::event::Event::Resumed).
    Resume(Url),
    /// Sign in through the browser; the answer is [`SignedIn`](crate::event::Event::SignedIn).
    SignIn(Url),
    /// Stop waiting for the browser.
    CancelSignIn,
    /// Revoke and forget the sign-in.
    SignOut,
    /// Reconnect to the controller now.
    Reconnect,
    /// Let programs reach a resource at a port of this computer; the answer is
    /// [`Forwards`](crate::event::ProxyEvent::Forwards).
    Forward {
        /// Which.
        resource: ResourceId,
        /// Where it is.
        to: Destination,
    },
    /// End the forward of a resource.
    EndForward(ResourceId),
    /// Cancel one's own request.
    Cancel(RequestId),
    /// Give a grant back.
    Release(GrantId),
    /// Approve a request.
    Approve {
        /// Which.
        request: RequestId,
        /// For how many seconds; `None` for what was asked.
        seconds: Option<u32>,
        /// A comment for the requester, possibly empty.
        comment: String,
    },
    /// Deny a request.
    Deny {
        /// Which.
        request: RequestId,
        /// Why.
        comment: String,
    },
    /// Take one's own decision about a request back.
    Undo(RequestId),
}
