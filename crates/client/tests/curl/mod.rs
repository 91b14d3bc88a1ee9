//! Curl, as people run it.

use std::process::Stdio;

use tokio::process::{Child, Command};

pub fn curl(arguments: &[&str]) -> Child {
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "",
        ])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("curl must be installed")
}

/// What curl printed; or its exit code and complaint.
pub async fn done(child: Child) -> Result<String, (i32, String)> {
    let output = child.wait_with_output().await.unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    let complaint = String::from_utf8(output.stderr).unwrap();
    Err((output.status.code().unwrap(), complaint))
}
