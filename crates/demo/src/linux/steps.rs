//! The lines that the tour prints.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

/// Counts the steps, and tells of each.
#[derive(Default)]
pub(crate) struct Steps {
    done: usize,
    current: String,
}

impl Steps {
    /// Plays one step, which returns what was observed.
    pub(crate) async fn step(
        &mut self,
        what: &str,
        play: impl Future<Output = Result<String>>,
    ) -> Result<()> {
        what.clone_into(&mut self.current);
        let start = Instant::now();
        let observed = play.await?;
        self.done += 1;
        let took = start.elapsed().as_millis();
        println!("{:>3}. {what}: {observed} ({took} ms)", self.done);
        Ok(())
    }

    /// Says how it all ended, and where the pictures are.
    pub(crate) fn end(&self, played: Result<()>, pictures: &Path) -> ExitCode {
        match played {
            Ok(()) => {
                println!("pictures: {}", pictures.display());
                println!("tour: {} steps, 0 failed", self.done);
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("{:>3}. {} ✗\n     {error:#}", self.done + 1, self.current);
                println!("tour: {} steps, 1 failed", self.done + 1);
                ExitCode::FAILURE
            }
        }
    }
}
