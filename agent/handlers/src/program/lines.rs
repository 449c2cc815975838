//! Lines out of a pipe, of a bounded length.

use std::{io, mem};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The lines of a pipe.
pub(super) struct Lines<R> {
    pipe: BufReader<R>,
    longest: usize,
    line: Vec<u8>,
    /// Whether what comes up to the next line feed is the rest of a line that was cut.
    is_rest: bool,
}

/// A line, without its line feed.
pub(super) enum Line {
    Whole(Vec<u8>),
    /// The first bytes of a line that is too long.
    Cut(Vec<u8>),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R, longest: usize) -> Self {
        Self { pipe: BufReader::new(pipe), longest, line: Vec::new(), is_rest: false }
    }

    /// The next line; nothing at the end, where half a line is none. Nothing is lost if this is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let bytes = self.pipe.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let taken = part.len() + usize::from(end.is_some());
            if self.is_rest {
                self.is_rest = end.is_none();
                self.pipe.consume(taken);
                continue;
            }
            let room = self.longest - self.line.len();
            let is_cut = part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            self.is_rest = is_cut && end.is_none();
            self.pipe.consume(taken);
            if is_cut {
                return Ok(Some(Line::Cut(mem::take(&mut self.line))));
            }
            if end.is_some() {
                return Ok(Some(Line::Whole(mem::take(&mut self.line))));
            }
        }
    }
}
