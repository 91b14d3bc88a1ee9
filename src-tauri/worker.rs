//! Work that blocks, off the tasks that ask for it: files, and programs that are waited for.

use tokio::sync::{mpsc, oneshot};
use tokio::task;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Does one job after another on threads for blocking calls, with what only these jobs use. Without
/// jobs it holds no thread.
pub(crate) struct Worker<T> {
    jobs: mpsc::UnboundedSender<Job<T>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts the worker. It ends when this is dropped, after the jobs that it has.
    pub(crate) fn start(mut owned: T) -> Self {
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job<T>>();
        tokio::spawn(async move {
            while let Some(job) = queue.recv().await {
                let done = task::spawn_blocking(move || {
                    job(&mut owned);
                    owned
                });
                match done.await {
                    Ok(back) => owned = back,
                    Err(error) => return tracing::error!(%error, "a background job failed"),
                }
            }
        });
        Self { jobs }
    }

    /// Queues a job, and returns at once. The receiver gets its result; it may be dropped.
    pub(crate) fn queue<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> oneshot::Receiver<R> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move |owned: &mut T| {
            // Whoever asked may not want to know.
            let _ = done.send(job(owned));
        });
        // After a job that failed there is no worker; the receiver learns of it.
        let _ = self.jobs.send(job);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_job_that_hangs_keeps_nobody_waiting_and_the_next_one_follows_it() {
        let worker = Worker::start(Vec::new());
        let (go_on, hangs) = channel();
        let first = worker.queue(move |done: &mut Vec<u8>| {
            hangs.recv().unwrap();
            done.push(1);
        });
        let second = worker.queue(|done| {
            done.push(2);
            done.clone()
        });
        // This task went on; only now the first job may.
        tokio::task::yield_now().await;
        go_on.send(()).unwrap();
        assert_eq!(second.await, Ok(vec![1, 2]));
        assert_eq!(first.await, Ok(()));
    }

    #[tokio::test]
    async fn what_was_queued_is_done_also_when_the_app_ends() {
        let worker = Worker::start(());
        let (go_on, hangs) = channel();
        let first = worker.queue(move |()| hangs.recv().unwrap());
        let last = worker.queue(|()| 7);
        drop(worker);
        go_on.send(()).unwrap();
        assert_eq!((first.await, last.await), (Ok(()), Ok(7)));
    }
}
