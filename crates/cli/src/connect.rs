//! `hourkey connect`: standard input and output to a resource.

use std::io;

use hourkey_client::dial::{CutReason, Destination, RelayError};
use hourkey_client::local_proxy::HOLD_TIMEOUT;

use crate::exit::{CommandError, Exit};
use crate::live::{Live, PromptPrinter};
use crate::text::visible;

/// `hourkey connect`.
pub(crate) async fn connect(host: &str, port: u16) -> Result<(), CommandError> {
    let host = host.parse().map_err(|_| {
        let message = format!("{} is no host name or IP address.", visible(host));
        CommandError::new(Exit::Usage, message)
    })?;
    let live = Live::start(PromptPrinter::One, 0).await?;
    let to = Destination { host, port };
    let tunnel = live.dialer().dial(&to, HOLD_TIMEOUT).await?;
    let cut = tunnel.cut();
    let (mut input, mut output) = (tokio::io::stdin(), tokio::io::stdout());
    let piped = tunnel.pipe(&mut input, &mut output, reader_gone()).await;
    match piped {
        // A program that has said all and wants nothing more is done, as ssh is.
        Ok(()) | Err(RelayError::CallerClosed) => Ok(()),
        Err(RelayError::Tunnel(error)) => match cut.await {
            // The sentence above says why.
            Some(CutReason::Blocked(_)) => {
                Err(CommandError::failed("The gateway cut the connection."))
            }
            Some(why) => Err(CommandError::failed(why)),
            None => {
                let why = live.dialer().why_lost(&to, Some(&error)).await;
                Err(CommandError::failed(why))
            }
        },
        Err(error) => Err(CommandError::failed(ended_here(&error))),
    }
}

/// Why a connection ended on this side.
fn ended_here(error: &RelayError) -> String {
    let closed = match error {
        RelayError::CallerGone => true,
        RelayError::Local(error) => error.kind() == io::ErrorKind::BrokenPipe,
        RelayError::CallerClosed | RelayError::Tunnel(_) => false,
    };
    if closed {
        "The program that read from this connection has closed it.".to_owned()
    } else {
        format!("What arrived could not be written: {error}.")
    }
}

/// Ends once nobody reads standard output any more: a pipe says so without being written to
/// (poll(2), POLLERR and POLLHUP). A thread waits for it, since a regular file, which may be the
/// output too, can be waited for in no other way.
#[cfg(unix)]
async fn reader_gone() {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    let (told, gone) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let output = io::stdout();
        let mut asked = [PollFd::new(&output, PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut asked, None) {}
        if asked[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
        {
            // Whoever waited may have gone.
            let _ = told.send(());
        }
    });
    if gone.await.is_err() {
        std::future::pending().await
    }
}

/// Elsewhere it shows at the next write.
#[cfg(not(unix))]
async fn reader_gone() {
    std::future::pending().await
}
