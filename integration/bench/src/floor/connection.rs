//! One connection of the floor: one recv and one send a wake-up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::frames::answer;

/// As much as one recv takes, unless a frame is larger.
const INPUT_SIZE: usize = 64 * 1024;

/// Lent to the connection that is awake.
#[derive(Debug)]
pub(super) struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { input: vec![0; INPUT_SIZE], output: Vec::with_capacity(INPUT_SIZE) }
    }
}

/// An idle one holds nothing but its socket.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    /// A frame that has begun.
    left: Vec<u8>,
    /// What the peer did not take yet; it is not read meanwhile.
    unsent: Vec<u8>,
    is_over: bool,
}

/// What a connection waits for next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// The same as before.
    Same,
    /// Something else from now on.
    Change(EventFlags),
    /// Nothing: it has ended.
    End,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, left: Vec::new(), unsent: Vec::new(), is_over: false }
    }

    pub(super) fn wake(&mut self, buffers: &mut Buffers) -> Wish {
        let was_blocked = self.is_blocked();
        let awake = if was_blocked { self.send_the_rest() } else { self.converse(buffers) };
        match (awake, self.is_blocked()) {
            (Err(_), _) => Wish::End,
            (Ok(()), false) if self.is_over => Wish::End,
            (Ok(()), is_blocked) if is_blocked == was_blocked => Wish::Same,
            (Ok(()), true) => Wish::Change(EventFlags::OUT),
            (Ok(()), false) => Wish::Change(EventFlags::IN),
        }
    }

    fn is_blocked(&self) -> bool {
        !self.unsent.is_empty()
    }

    fn converse(&mut self, buffers: &mut Buffers) -> io::Result<()> {
        let Buffers { input, output } = buffers;
        let begun = self.left.len();
        input[..begun].copy_from_slice(&self.left);
        let end = match recv(&self.socket, &mut input[begun..], RecvFlags::empty()) {
            Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, count)) => begun + count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        output.clear();
        let answered = answer(&input[..end], output);
        self.is_over = answered.is_over;
        // A new one: an old one would keep its room while the connection is idle.
        self.left = input[answered.read..end].to_vec();
        if answered.wanted > input.len() {
            input.resize(answered.wanted, 0);
        }
        let sent = if output.is_empty() { 0 } else { send_some(&self.socket, output)? };
        self.unsent = output[sent..].to_vec();
        Ok(())
    }

    fn send_the_rest(&mut self) -> io::Result<()> {
        let sent = send_some(&self.socket, &self.unsent)?;
        self.unsent = self.unsent.split_off(sent);
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn send_some(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    match send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(count) => Ok(count),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
