//! Hourkey at work: the tour, or a controller and an app to try. Run as `cargo xtask demo`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output is its purpose"
)]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "The demo needs Linux. Here: start hourkey-controller (docs/admin/controller.md), then \
         hourkey-desktop."
    );
    std::process::ExitCode::FAILURE
}
