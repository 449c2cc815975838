//! Line queue: log lines that wait for a file, and the thread that writes them.
//!
//! Logging never waits: a pipe whose reader hangs would stop an arbiter.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How many bytes can wait; as many again can be in a write.
const SIZE: usize = 1 << 20;
/// How far apart two lines about lines that were dropped are.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait for a file that says itself that it takes nothing now.
const PAUSE: Duration = Duration::from_millis(10);

/// A queue of lines. Its thread ends when all clones are dropped and everything is written.
#[derive(Clone, Debug)]
pub(crate) struct LineQueue(Arc<Handle>);

/// Counts of lost lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LostLines {
    /// The queue was full.
    pub(crate) full: u64,
    /// They could not be written.
    pub(crate) failed: u64,
}

#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Lines wait, or all clones are dropped.
    filled: Condvar,
    /// All that waited is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
    is_closed: bool,
    lost: LostLines,
}

impl LineQueue {
    /// A queue in front of a file.
    ///
    /// # Errors
    ///
    /// If there is no thread for it.
    pub(crate) fn start(file: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let handle = Handle(Arc::clone(&shared));
        thread::Builder::new().name("lines".to_owned()).spawn(move || shared.write_all(file))?;
        Ok(Self(Arc::new(handle)))
    }

    /// Takes a line if there is room for it, and counts it otherwise. It never waits for the file.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.0.0.state();
        if state.waiting.len() + line.len() > SIZE {
            state.lost.full += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.0.0.filled.notify_one();
    }

    /// Waits until everything is written, up to `limit`; returns whether it is.
    pub(crate) fn flush_within(&self, limit: Duration) -> bool {
        let state = self.0.0.state();
        let waited = self.0.0.emptied.wait_timeout_while(state, limit, |state| !state.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_empty()
    }

    /// The counts of lost lines.
    pub(crate) fn lost(&self) -> LostLines {
        self.0.0.state().lost
    }
}

impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.filled.notify_one();
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.is_writing
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does.
    fn write_all(&self, mut file: impl Write) {
        let mut batch = Vec::new();
        let mut drops = Drops::default();
        while self.take(&mut batch, &mut drops) {
            let rest = write(&mut file, &batch);
            let lost = rest.split_inclusive(|&byte| byte == b'\n').count();
            batch.clear();
            let mut state = self.state();
            state.is_writing = false;
            state.lost.failed += lost as u64;
            self.emptied.notify_all();
        }
    }

    /// Waits for lines, and takes all that wait; whether there are any: not at the end.
    fn take(&self, batch: &mut Vec<u8>, drops: &mut Drops) -> bool {
        loop {
            let patience = drops.patience();
            let has_nothing = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
            let waited = self.filled.wait_timeout_while(self.state(), patience, has_nothing);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() && state.is_closed {
                return false;
            }
            let full = state.lost.full;
            state.is_writing = !state.waiting.is_empty();
            mem::swap(batch, &mut state.waiting);
            drop(state);
            // Now there is room for a line about it.
            drops.report(full);
            if !batch.is_empty() {
                return true;
            }
        }
    }
}

/// The lines that were dropped, and how many of them there is a line about.
#[derive(Debug, Default)]
struct Drops {
    all: u64,
    told: u64,
    last: Option<Instant>,
}

impl Drops {
    /// After which time there is something to tell, if nothing else is to be written.
    fn patience(&self) -> Duration {
        if self.all > self.told { INTERVAL } else { Duration::MAX }
    }

    fn report(&mut self, all: u64) {
        self.all = all;
        if all > self.told && self.last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            tracing::warn!(
                lines = all - self.told,
                "log lines dropped: stderr is read too slowly; check the program that reads it, \
                 or log less with --log"
            );
            self.told = all;
            self.last = Some(Instant::now());
        }
    }
}

/// Writes all of it, however long that takes; returns what could not be written.
fn write<'a>(file: &mut impl Write, mut bytes: &'a [u8]) -> &'a [u8] {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => break,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A process that shares the file has made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    // If that fails, the lost lines are unknown.
    let _ = file.flush();
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// The longest that a test may take.
    const LONG: Duration = Duration::from_secs(20);

    /// A file that takes a given number of bytes, or fails.
    struct Reluctant {
        orders: Receiver<io::Result<usize>>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = self.orders.recv().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
            let _ = self.written.send(bytes[..count].to_vec());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn queue() -> (LineQueue, Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
        let ((order, orders), (written, read)) = (mpsc::channel(), mpsc::channel());
        (LineQueue::start(Reluctant { orders, written }).unwrap(), order, read)
    }

    #[test]
    fn a_file_that_takes_nothing_stops_nobody_and_what_has_no_room_is_counted() {
        let (queue, order, read) = queue();
        let line = [b'x'; 1024];
        let began = Instant::now();
        for _ in 0..5000 {
            queue.push(&line);
        }
        assert!(!queue.flush_within(Duration::from_millis(10)));
        assert!(began.elapsed() < LONG);
        let LostLines { full, failed } = queue.lost();
        // One batch is being written, and as much as there is room for waits.
        let most_taken = 2 * SIZE as u64 / 1024;
        assert!(failed == 0 && (5000 - most_taken..5000).contains(&full), "{full}");
        drop(order);
        assert!(queue.flush_within(LONG));
        let taken: usize = read.try_iter().map(|piece| piece.len()).sum();
        assert_eq!(taken, (5000 - usize::try_from(full).unwrap()) * 1024);
        queue.push(b"again");
        assert!(queue.flush_within(LONG) && queue.lost() == LostLines { full, failed });
        assert_eq!(read.try_iter().last().unwrap(), b"again");
    }

    #[test]
    fn a_line_is_whole_whatever_pieces_it_is_written_in() {
        let (queue, order, read) = queue();
        let errors = [ErrorKind::Interrupted, ErrorKind::WouldBlock];
        errors.into_iter().for_each(|error| order.send(Err(error.into())).unwrap());
        (0..3).for_each(|_| order.send(Ok(2)).unwrap());
        drop(order);
        queue.push(b"a line of some length\n");
        assert!(queue.flush_within(LONG));
        assert_eq!(read.try_iter().collect::<Vec<_>>().concat(), b"a line of some length\n");
        assert_eq!(queue.lost(), LostLines::default());
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_no_more_than_that() {
        let (queue, order, read) = queue();
        order.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        queue.push(b"lost\n");
        assert!(queue.flush_within(LONG));
        drop(order);
        queue.push(b"kept\n");
        assert!(queue.flush_within(LONG));
        assert_eq!(queue.lost(), LostLines { full: 0, failed: 1 });
        assert_eq!(read.try_iter().collect::<Vec<_>>(), [b"kept\n"]);
    }

    #[test]
    fn of_lines_that_are_written_in_part_the_rest_is_lost() {
        let (queue, order, read) = queue();
        // What follows waits as one batch while the first line is written.
        queue.push(b"1\n");
        until_taken(&queue);
        for line in [b"2\n", b"3\n", b"4\n", b"5\n"] {
            queue.push(line);
        }
        for outcome in [Ok(2), Ok(5), Err(ErrorKind::BrokenPipe.into())] {
            order.send(outcome).unwrap();
        }
        assert!(queue.flush_within(LONG));
        assert_eq!(read.try_iter().collect::<Vec<_>>().concat(), b"1\n2\n3\n4");
        assert_eq!(queue.lost(), LostLines { full: 0, failed: 2 });
    }

    /// Waits until the thread writes what was pushed.
    fn until_taken(queue: &LineQueue) {
        let end = Instant::now() + LONG;
        while !queue.0.0.state().is_writing {
            assert!(Instant::now() < end);
            thread::yield_now();
        }
    }

    #[test]
    fn the_thread_ends_when_all_is_written_and_nobody_is_left_to_say_anything() {
        let (queue, order, read) = queue();
        queue.push(b"the last line\n");
        drop(queue);
        drop(order);
        assert_eq!(read.recv_timeout(LONG).unwrap(), b"the last line\n");
        // The thread had the sender.
        assert_eq!(read.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
