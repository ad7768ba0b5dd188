//! A stream to the outside as a queue with a thread of its own: a reader that has stopped reading keeps
//! no one waiting who must not wait.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// At most this much waits for a reader at most. One text that is longer is taken where nothing else waits.
const BYTES_MAX: usize = 1 << 20;
/// A reader shares its end of a pipe, and has made it non-blocking: how often it is tried again.
const FULL: Duration = Duration::from_millis(10);

/// What writes the bytes out.
type Sink = dyn Fn(&[u8]) -> io::Result<()> + Send + Sync;
/// What is written in place of texts that were dropped.
type DroppedText = dyn Fn(u64) -> Vec<u8> + Send + Sync;

/// One stream of the process.
pub(super) struct Stream {
    shared: Arc<SharedSink>,
}

struct SharedSink {
    sink: Box<Sink>,
    told: Box<DroppedText>,
    state: Mutex<StreamState>,
    changed: Condvar,
    dropped: Arc<AtomicU64>,
}

#[derive(Default)]
struct StreamState {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Dropped since that was last told.
    lost: u64,
    /// Texts that the sink has taken.
    written: u64,
    writer: WriterThread,
}

/// The thread that writes.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum WriterThread {
    #[default]
    NotStarted,
    Idle,
    Writing,
    /// The system gave no thread: whoever has something to say writes it.
    Nobody,
}

impl Stream {
    /// A stream into `sink`. Its thread starts with the first text.
    pub(super) fn new(
        sink: impl Fn(&[u8]) -> io::Result<()> + Send + Sync + 'static,
        told: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = SharedSink {
            sink: Box::new(sink),
            told: Box::new(told),
            state,
            changed,
            dropped: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How many texts were dropped so far.
    pub(super) fn dropped(&self) -> Arc<AtomicU64> {
        self.shared.dropped.clone()
    }

    /// Takes a text without waiting; where there is no room it is dropped and counted. Says whether it was
    /// taken.
    pub(super) fn offer(&self, text: Vec<u8>) -> bool {
        let state = self.shared.lock();
        if !state.has_room(text.len()) {
            let mut state = state;
            state.lost += 1;
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.take(state, text);
        true
    }

    /// Takes a text once there is room for it: nothing is lost.
    pub(super) fn put(&self, text: Vec<u8>) {
        let mut state = self.shared.lock();
        while !state.has_room(text.len()) {
            state = self.shared.wait(state, None);
        }
        self.take(state, text);
    }

    fn take(&self, mut state: MutexGuard<'_, StreamState>, text: Vec<u8>) {
        if state.writer == WriterThread::NotStarted {
            let shared = self.shared.clone();
            let started = thread::Builder::new().name("numctl-out".to_owned()).spawn(move || shared.write());
            state.writer = if started.is_ok() { WriterThread::Idle } else { WriterThread::Nobody };
        }
        if state.writer == WriterThread::Nobody {
            drop(state);
            // No one is left to be told where it cannot be written.
            let _ = (self.shared.sink)(&text);
            return;
        }
        state.push_lost(&self.shared.told);
        state.push(text);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until everything is written, for as long as the reader takes something at least every
    /// `patience`; for ever without one. Says whether everything is written.
    pub(super) fn flush(&self, patience: Option<Duration>) -> bool {
        let mut state = self.shared.lock();
        let (mut seen, mut since) = (state.written, Instant::now());
        while state.is_busy() {
            if state.written != seen {
                (seen, since) = (state.written, Instant::now());
            }
            let left = patience.map(|patience| patience.saturating_sub(since.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            state = self.shared.wait(state, left);
        }
        true
    }
}

impl StreamState {
    fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= BYTES_MAX || (self.waiting.is_empty() && self.writer != WriterThread::Writing)
    }

    fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.writer == WriterThread::Writing || self.has_lost_more()
    }

    /// The thread has yet to tell what was lost.
    fn has_lost_more(&self) -> bool {
        self.lost > 0 && self.writer == WriterThread::Idle
    }

    fn push(&mut self, text: Vec<u8>) {
        self.bytes += text.len();
        self.waiting.push_back(text);
    }

    fn push_lost(&mut self, told: &DroppedText) {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            self.push(told(lost));
        }
    }
}

impl SharedSink {
    fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, StreamState>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, StreamState> {
        match limit {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.changed.wait_timeout(state, limit);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// The thread: it lives as long as the process.
    fn write(&self) {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                state.push_lost(&self.told);
            }
            let Some(text) = state.waiting.pop_front() else {
                state.writer = WriterThread::Idle;
                self.changed.notify_all();
                state = self.wait(state, None);
                continue;
            };
            state.writer = WriterThread::Writing;
            drop(state);
            // A stream that cannot be written (a closed terminal, a full disk) says so to no one.
            let _ = (self.sink)(&text);
            state = self.lock();
            // Counted until it is written: it is held in memory as well.
            state.bytes = state.bytes.saturating_sub(text.len());
            state.written += 1;
            if state.waiting.is_empty() {
                state.writer = WriterThread::Idle;
            }
            self.changed.notify_all();
        }
    }
}

/// A stream that waits where the other side has made a shared pipe non-blocking, instead of failing.
pub(super) struct PatientStream<W>(pub(super) W);

impl<W: Write> Write for PatientStream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(FULL),
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.0.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(FULL),
                flushed => return flushed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A stream whose reader takes one text for each permit.
    fn gated() -> (Stream, mpsc::Sender<()>, Arc<Mutex<String>>) {
        let (permit, permits) = mpsc::channel();
        let (permits, read) = (Mutex::new(permits), Arc::new(Mutex::new(String::new())));
        let reader = read.clone();
        let sink = move |bytes: &[u8]| {
            // Without its sender it reads freely.
            let _ = permits.lock().expect("unpoisoned").recv();
            reader.lock().expect("unpoisoned").push_str(&String::from_utf8_lossy(bytes));
            Ok(())
        };
        (Stream::new(sink, |lost| format!("[{lost} lost]").into_bytes()), permit, read)
    }

    #[test]
    fn a_reader_that_has_stopped_delays_nobody_and_what_is_lost_is_told_in_its_place() {
        let (stream, permit, read) = gated();
        assert!(stream.offer(b"first ".to_vec()));
        assert!(stream.offer(vec![b'.'; BYTES_MAX - 100]));
        for _ in 0..3 {
            assert!(!stream.offer(vec![b'x'; 200]));
        }
        assert!(!stream.flush(Some(Duration::from_millis(20))));
        assert_eq!(stream.dropped().load(Ordering::Relaxed), 3);
        drop(permit);
        assert!(stream.flush(None));
        assert!(stream.offer(b"last".to_vec()) && stream.flush(None));
        let read = read.lock().expect("unpoisoned").replace('.', "");
        assert_eq!(read, "first [3 lost]last");
    }

    #[test]
    fn what_must_not_be_lost_waits_for_room_and_one_long_text_is_taken() {
        let (stream, permit, read) = gated();
        stream.put(vec![b'a'; 2 * BYTES_MAX]);
        assert!(!stream.offer(b"x".to_vec()));
        std::thread::scope(|scope| {
            scope.spawn(|| stream.put(b"b".to_vec()));
            permit.send(()).expect("it reads");
            permit.send(()).expect("it reads");
            permit.send(()).expect("it reads");
        });
        assert!(stream.flush(None));
        let read = read.lock().expect("unpoisoned").clone();
        assert_eq!((read.len(), read.ends_with('b')), (2 * BYTES_MAX + 1 + "[1 lost]".len(), true));
    }
}
