//! The default browser, as programs of a session start it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use url::Url;

use crate::browser::Browser;
use crate::poll::eventually;
use crate::session::Session;

/// Stands in for `xdg-open` in a session: remembers each address that a program opens.
#[derive(Debug)]
pub struct Opener {
    record: PathBuf,
}

impl Opener {
    /// Remembers addresses, and opens nothing.
    ///
    /// # Errors
    /// When the script cannot be written.
    pub fn install(session: &Session) -> Result<Self> {
        Self::with(session, "")
    }

    /// Remembers addresses, and opens each in a new tab of the browser, which must be shown on the
    /// session's display.
    ///
    /// # Errors
    /// When the script cannot be written.
    pub fn install_for(session: &Session, browser: &Browser) -> Result<Self> {
        Self::with(session, &format!("exec {} \"$1\"\n", browser.hand_over()))
    }

    fn with(session: &Session, then: &str) -> Result<Self> {
        let record = session.home().join(".opened");
        fs::write(&record, "")?;
        let body = format!("printf '%s\\n' \"$1\" >> '{}'\n{then}", record.display());
        session.add_script("xdg-open", &body)?;
        Ok(Self { record })
    }

    /// Every address that was opened so far, in order.
    ///
    /// # Errors
    /// When what was opened is not an address.
    pub fn urls(&self) -> Result<Vec<Url>> {
        let record = fs::read_to_string(&self.record)?;
        record.lines().map(|line| Ok(Url::parse(line)?)).collect()
    }

    /// The address that is opened after the first `seen` ones.
    ///
    /// # Errors
    /// When none is opened in time.
    pub async fn next_after(&self, seen: usize) -> Result<Url> {
        eventually("an address opened in the browser", async || {
            let urls = self.urls().map_err(|error| format!("{error:#}"))?;
            let count = urls.len();
            urls.into_iter()
                .nth(seen)
                .ok_or_else(|| format!("{count} addresses"))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn remembers_addresses_in_order() {
        let session = Session::start().await.unwrap();
        let opener = Opener::install(&session).unwrap();
        let addresses = ["http://127.0.0.1:1/a?b=c&d='e'", "http://127.0.0.1:1/%20"];
        for address in addresses {
            session.run("xdg-open", &[address]).await.unwrap();
        }
        let opened = opener.next_after(1).await.unwrap();
        assert_eq!(opened.as_str(), addresses[1]);
        assert_eq!(opener.urls().unwrap().len(), 2);
    }
}
