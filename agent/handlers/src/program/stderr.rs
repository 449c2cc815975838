//! What a program writes to stderr, in our log.

use std::{sync::Arc, time::Duration};

use spoa_actors::ForeignText;
use tokio::{
    io::AsyncRead,
    time::{Instant, sleep_until},
};

use super::lines::{Line, Lines};

/// The longest line that is logged whole.
const LONGEST: usize = 1 << 10;
/// How many lines a process logs in a second.
const LOGGED: u32 = 20;
/// How many lines are read in a second: a process that writes more waits.
const READ: u32 = 2_000;
const SECOND: Duration = Duration::from_secs(1);

/// Logs what comes, up to the end of the pipe.
pub(super) async fn log(handler: Arc<str>, pid: u32, pipe: impl AsyncRead + Unpin) {
    let mut lines = Lines::new(pipe, LONGEST);
    let mut until = Instant::now() + SECOND;
    let (mut read, mut suppressed) = (0, 0_u64);
    while let Ok(Some(Line::Whole(line) | Line::Cut(line))) = lines.next().await {
        if Instant::now() >= until {
            (read, until) = (0, Instant::now() + SECOND);
        }
        read += 1;
        if read > LOGGED {
            suppressed += 1;
        } else {
            let line = ForeignText::new(&line).up_to(LONGEST);
            let handler = &*handler;
            tracing::info!(handler, pid, suppressed, "stderr of the program: {line}");
            suppressed = 0;
        }
        if read == READ {
            sleep_until(until).await;
        }
    }
}
