//! `serve`: runs the controller until it is told to stop.

use std::path::PathBuf;

use hourkey_access::app::App;
use hourkey_access::identity::authorities::Authorities;
use hourkey_controller::server;

use super::init::print_setup_link;
use super::opened::{open, told};
use super::settings::Flags;

/// Takes what the system allows: each stream is an open file, and services and shells start with
/// 1,024 of them, for the sake of programs that use select(2).
fn allow_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let all = Rlimit {
            current: limit.maximum,
            ..limit
        };
        // Where that is refused, the limit stays what it was.
        let _ = setrlimit(Resource::Nofile, all);
    }
}

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(data: PathBuf, flags: Flags) -> anyhow::Result<()> {
    hourkey_terminal::log("info");
    allow_open_files();
    let config = flags.config(&data)?;
    let opened = open(&data).await?;
    print_setup_link(&opened, &config).await?;
    let authorities = Authorities::open(&data, opened.now())?;
    let app = App::new(opened.store, opened.clock, config, authorities);
    let organisation = app.organisation().await.map_err(told)?;
    if let Some(warning) = organisation.size().warning() {
        tracing::warn!("{warning}");
    }
    drop(organisation);
    server::serve(app).await
}
