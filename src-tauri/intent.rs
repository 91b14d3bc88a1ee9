//! What people want. One enum for window, tray and notifications, with typed ids from the click to the
//! call: the window's JSON and the ids of the tray menu's entries are read into it, once.

use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a person wants of the app. The answer is only success or failure; effects arrive as pushed
/// view models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(rename = "Command")]
pub enum Intent {
    /// Push every view model (the window asks once, on load).
    Load,
    /// Open the request page of a locked resource in the browser.
    Authenticate {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Open the page in the browser on which more time is asked for what runs.
    Extend {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Open an open resource in the browser.
    Open {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Say nothing for a while when programs want to use a locked resource.
    Snooze {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Put a resource's address on the clipboard.
    Copy {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Let programs reach a resource at a port of this computer, and copy where.
    Forward {
        /// The resource.
        #[ts(type = "number")]
        resource: ResourceId,
    },
    /// Put the proxy's address on the clipboard.
    CopyProxy,
    /// Put the address of the automatic proxy configuration on the clipboard.
    CopyPac,
    /// Open a request's page in the browser.
    ViewRequest {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
    },
    /// Open the page on which somebody else's request is reviewed.
    ReviewPage {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
    },
    /// Cancel one's own pending request.
    Cancel {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
    },
    /// Give back a running or scheduled grant.
    Release {
        /// The grant.
        #[ts(type = "number")]
        grant: GrantId,
    },
    /// Approve a request, for the length asked or less.
    Approve {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
        /// Length in seconds; `None` for the length asked.
        #[ts(type = "number | null")]
        seconds: Option<u32>,
        /// A comment for the requester; may be empty.
        comment: String,
    },
    /// Deny a request.
    Deny {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
        /// Why, for the requester; not blank.
        comment: String,
    },
    /// Take one's own decision about a request back.
    Undo {
        /// The request.
        #[ts(type = "number")]
        request: RequestId,
    },
    /// Start signing in through the browser.
    SignIn {
        /// The controller's address.
        controller: String,
    },
    /// Stop waiting for the browser.
    CancelSignIn,
    /// Sign out here.
    SignOut,
    /// Start at login, or don't.
    SetStartAtLogin {
        /// Wanted.
        on: bool,
    },
    /// Show notifications, or don't.
    SetNotifications {
        /// Wanted.
        on: bool,
    },
    /// Set browsers up to reach resources, or put back what was there.
    SetBrowsers {
        /// Wanted.
        on: bool,
    },
    /// The person looks at their inbox.
    ReadInbox,
    /// Open the web pages of the controller.
    OpenPages,
    /// Open the folder of the log files.
    OpenLogs,
    /// Close the window.
    CloseWindow,
    /// Sign in at the controller used last; the window asks for one when there is none.
    #[ts(skip)]
    SignInAgain,
    /// Show the window, on this tab if one is named.
    #[ts(skip)]
    Show {
        /// The tab.
        tab: Option<Tab>,
    },
    /// End the app.
    #[ts(skip)]
    Quit,
}

/// The window's tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Tab {
    /// Resources and their lock states.
    Resources,
    /// The notices kept.
    Inbox,
    /// The review queue.
    Review,
    /// Settings.
    Settings,
}
