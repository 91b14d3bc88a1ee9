//! What a process and its children cost, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What each thread of a tree of processes has used so far.
pub(crate) struct Load {
    at: Instant,
    threads: HashMap<PathBuf, Used>,
}

#[derive(Clone, Copy, Default)]
struct Used {
    /// Time on a processor.
    processor: Duration,
    /// Times that the thread went to sleep by itself, and so was woken.
    wakes: u64,
}

/// What a tree of processes used per second.
pub(crate) struct Rate {
    /// Milliseconds on a processor.
    pub(crate) processor: f64,
    pub(crate) wakes: f64,
}

impl Load {
    pub(crate) fn of(root: u32) -> Result<Self> {
        let mut threads = HashMap::new();
        for process in tree(root)? {
            for thread in fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
                let thread = thread.path();
                // A thread that has ended meanwhile counts nothing.
                if let (Some(processor), Some(wakes)) = (processor_time(&thread), wake_ups(&thread))
                {
                    threads.insert(thread, Used { processor, wakes });
                }
            }
        }
        Ok(Self {
            at: Instant::now(),
            threads,
        })
    }

    /// What was used since an earlier look. What threads used that ended meanwhile is not known.
    #[expect(clippy::cast_precision_loss, reason = "a rate of small numbers")]
    pub(crate) fn since(&self, before: &Self) -> Rate {
        let (mut processor, mut wakes) = (Duration::ZERO, 0);
        for (thread, now) in &self.threads {
            let then = before.threads.get(thread).copied().unwrap_or_default();
            // Less only where the system gave a thread's number to another one.
            processor += now.processor.saturating_sub(then.processor);
            wakes += now.wakes.saturating_sub(then.wakes);
        }
        let seconds = (self.at - before.at).as_secs_f64();
        Rate {
            processor: processor.as_secs_f64() * 1_000.0 / seconds,
            wakes: wakes as f64 / seconds,
        }
    }
}

/// Private memory of each process of a tree.
pub(crate) struct Memory(Vec<(String, Private)>);

/// Private memory of one process, in KiB.
#[derive(Clone, Copy, Default)]
struct Private {
    /// Read from files that nobody else has open now; the system may take it back at any time.
    clean: u32,
    /// Written by the process.
    dirty: u32,
}

impl Memory {
    /// Reads it from the kernel.
    pub(crate) fn of(root: u32) -> Result<Self> {
        let processes = tree(root)?.into_iter().map(|process| {
            let name = fs::read_to_string(format!("/proc/{process}/comm"))?;
            Ok((name.trim().to_owned(), private(process)?))
        });
        Ok(Self(processes.collect::<Result<_>>()?))
    }

    /// All of it, in MiB.
    pub(crate) fn total(&self) -> f64 {
        let parts = self.0.iter();
        let parts = parts.map(|(_, memory)| f64::from(memory.clean + memory.dirty));
        parts.sum::<f64>() / 1024.0
    }

    /// Each process with what it has written and what it has read from files, in MiB.
    pub(crate) fn parts(&self) -> String {
        let parts = self.0.iter().map(|(name, memory)| {
            let [dirty, clean] = [memory.dirty, memory.clean].map(|part| f64::from(part) / 1024.0);
            format!("{name}: {dirty:.1} written, {clean:.1} of files")
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Processor time of a tree of processes so far, with what ended children used.
pub(crate) fn processor(root: u32) -> Result<Duration> {
    /// Of the fields after the name (proc(5)): utime, stime, cutime and cstime.
    const TIMES: std::ops::Range<usize> = 11..15;
    let ticks_a_second = rustix::param::clock_ticks_per_second();
    let mut ticks = 0;
    for process in tree(root)? {
        // One that has ended meanwhile counts with its parent.
        let Some(stat) = stat(process) else { continue };
        let times = stat.split_whitespace().skip(TIMES.start).take(TIMES.len());
        ticks += times.flat_map(str::parse::<u64>).sum::<u64>();
    }
    Ok(Duration::from_millis(ticks * 1_000 / ticks_a_second))
}

/// Memory of a process that is in the machine's (RSS), in MiB.
pub(crate) fn resident(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .context("there is no VmRSS")?
        .trim()
        .trim_end_matches(" kB");
    Ok(kib.parse::<f64>()? / 1024.0)
}

/// Memory of a tree of processes in KiB, where what is shared counts in parts (PSS).
pub(crate) fn proportional(root: u32) -> Result<f64> {
    let mut sum = 0.0;
    for process in tree(root)? {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let line = line.context("smaps_rollup has no Pss")?;
        sum += line.trim().trim_end_matches(" kB").parse::<f64>()?;
    }
    Ok(sum)
}

fn private(process: u32) -> Result<Private> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let mut private = Private::default();
    for line in rollup.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let sum = match name {
            "Private_Clean" => &mut private.clean,
            "Private_Dirty" => &mut private.dirty,
            _ => continue,
        };
        let value = value.trim().trim_end_matches(" kB");
        *sum = value
            .parse()
            .with_context(|| format!("smaps says {line:?}"))?;
    }
    Ok(private)
}

/// The process and everything that it started.
fn tree(root: u32) -> Result<Vec<u32>> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, parent(process)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        let children = parents.iter().filter(|(_, parent)| *parent == process);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    Ok(found)
}

fn parent(process: u32) -> Option<u32> {
    stat(process)?.split_whitespace().nth(1)?.parse().ok()
}

/// The fields of /proc/PID/stat after the name, which may contain anything, also brackets.
fn stat(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.to_owned())
}

fn processor_time(thread: &Path) -> Option<Duration> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn wake_ups(thread: &Path) -> Option<u64> {
    let text = fs::read_to_string(thread.join("status")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line?.trim().parse().ok()
}
