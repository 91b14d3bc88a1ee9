//! What the figures were measured on.

use std::fs;
use std::thread::available_parallelism;

/// Processor, memory and system, as one line.
pub(crate) fn line() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let cpu = value("/proc/cpuinfo", "model name", ':');
    let memory = value("/proc/meminfo", "MemTotal", ':');
    let gibibytes = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = value("/etc/os-release", "PRETTY_NAME", '=');
    format!(
        "{cores} cores of {cpu}, {gibibytes} GiB of memory, {}, Linux {}",
        system.trim_matches('"'),
        kernel.trim()
    )
}

/// The first value of this name in a file of names and values.
fn value(file: &str, name: &str, between: char) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut pairs = text.lines().filter_map(|line| line.split_once(between));
    let found = pairs.find(|(found, _)| found.trim() == name);
    found.map_or_else(
        || format!("unknown {name}"),
        |(_, value)| value.trim().to_owned(),
    )
}
