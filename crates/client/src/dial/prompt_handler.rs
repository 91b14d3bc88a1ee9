//! Who prompts the person for access.

use std::time::Duration;

use hourkey_protocol::access::Resource;
use url::Url;

use super::blocked_connection::BlockedConnection;

/// Prompts the person when a connection finds its resource locked. Each call returns at once.
pub trait PromptHandler: Send + Sync {
    /// Open the request page in the browser.
    fn open_page(&self, prompt: &AccessPrompt);
    /// Show a notification of it: the page was opened before, or another one just now.
    fn notify(&self, prompt: &AccessPrompt);
    /// A connection waits, and no prompt is due: the person was prompted just now, or has requested
    /// access already.
    fn waits(&self, _ask: &AccessPrompt) {}
    /// A gateway cut a connection for what went through it.
    fn blocked(&self, _blocked: &BlockedConnection) {}
}

/// A locked resource that something on this machine wants to use.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessPrompt {
    /// The resource, as last heard.
    pub resource: Resource,
    /// Its request page.
    pub page: Url,
    /// How long the connection is held.
    pub hold_timeout: Duration,
}
