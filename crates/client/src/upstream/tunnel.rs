//! A way through a gateway, and the gateway's word on why it was cut.

use std::sync::Arc;
use std::time::Duration;

use hourkey_protocol::gateway::{FLOW_PATH, FlowEnd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::pool::Pool;
use super::settled::Settled;
use super::watched::Watched;

/// The longest head of an answer that is read.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// A way through a gateway to a destination, ready for its bytes.
pub struct Tunnel {
    pub(super) stream: Watched,
    /// What the destination said in the same breath as the gateway's answer.
    pub(super) early: Vec<u8>,
    pub(super) settled: Settled,
    /// The gateway's name for it, if it has one.
    pub(super) flow: Option<(Arc<Pool>, String)>,
    pub(super) why_cut: WhyCut,
}

impl Tunnel {
    /// Has something done when the gateway has cut it and says why.
    pub(crate) fn on_cut<F>(&mut self, done: F)
    where
        F: FnOnce(&FlowEnd) + Send + 'static,
    {
        let (said, why_cut) = watch::channel(None);
        self.why_cut = WhyCut(why_cut);
        if let Some((pool, flow)) = self.flow.take() {
            let ask = async move {
                if let Some(end) = why(pool, flow).await {
                    done(&end);
                    said.send_replace(Some(end));
                }
            };
            self.stream.on_break(Box::new(move || {
                tokio::spawn(ask);
            }));
        }
    }

    /// What the gateway says if it cuts this, for whoever wants to know once this is gone.
    pub(crate) fn why_cut(&self) -> WhyCut {
        self.why_cut.clone()
    }
}

/// Why a gateway cut a connection, as far as it says.
#[derive(Clone, Debug)]
pub(crate) struct WhyCut(watch::Receiver<Option<FlowEnd>>);

impl WhyCut {
    /// Waits for the gateway's word; `None` when it has cut nothing, or says nothing. To be asked
    /// once the tunnel is gone.
    pub(crate) async fn said(mut self) -> Option<FlowEnd> {
        let said = self.0.wait_for(Option::is_some).await;
        said.ok().and_then(|end| end.clone())
    }
}

impl Default for WhyCut {
    fn default() -> Self {
        Self(watch::channel(None).1)
    }
}

/// How long a gateway may take to say why it cut a connection.
const WHY_TIMEOUT: Duration = Duration::from_secs(3);

async fn why(pool: Arc<Pool>, flow: String) -> Option<FlowEnd> {
    let asked = async {
        let mut stream = pool.connect().await.ok()?;
        let request =
            format!("GET {FLOW_PATH}{flow} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = Vec::new();
        // One that ends without a word of TLS is whole as far as it says so itself.
        let _ = (&mut stream)
            .take(MAX_HEAD as u64)
            .read_to_end(&mut answer)
            .await;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&answer).ok()? {
            httparse::Status::Complete(length) if response.code == Some(200) => {
                serde_json::from_slice(&answer[length..]).ok()
            }
            httparse::Status::Complete(_) | httparse::Status::Partial => None,
        }
    };
    tokio::time::timeout(WHY_TIMEOUT, asked).await.ok()?
}
