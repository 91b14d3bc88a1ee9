//! `hourkey connect`: standard input and output to a resource.

use hourkey_client::dial::Destination;
use hourkey_client::entry::PATIENCE;

use crate::exit::{Exit, Failure};
use crate::live::{Live, Notes};
use crate::text::visible;

/// `hourkey connect`.
pub(crate) async fn connect(host: &str, port: u16) -> Result<(), Failure> {
    let host = host.parse().map_err(|_| {
        let message = format!("{} is no host name or IP address.", visible(host));
        Failure::new(Exit::Usage, message)
    })?;
    let live = Live::start(Notes::One, 0).await?;
    let tunnel = live
        .dialer
        .dial(&Destination { host, port }, PATIENCE)
        .await?;
    let (mut input, mut output) = (tokio::io::stdin(), tokio::io::stdout());
    let piped = tunnel.pipe(&mut input, &mut output).await;
    live.dialer.has_told().await;
    piped.map_err(|_| {
        Failure::failed("The connection was cut: access has ended, or the gateway is gone.")
    })
}
