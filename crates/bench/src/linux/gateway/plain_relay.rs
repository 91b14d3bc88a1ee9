//! The least that a relay can be: tokio's copy with large buffers, in plain text.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::net::TcpStream;

use super::origin::serve;

const BUFFER: usize = 64 << 10;

/// The subcommand: prints its address, and relays to `to` until it is ended.
pub(crate) async fn run(to: SocketAddr) -> Result<()> {
    serve(move |mut near: TcpStream| async move {
        let mut far = TcpStream::connect(to).await?;
        far.set_nodelay(true)?;
        tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER).await?;
        Ok(())
    })
    .await
}
