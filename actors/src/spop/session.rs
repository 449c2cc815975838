//! The session: what the frames of one connection mean over time.
//!
//! It holds the handshake and the reassembly and knows no socket, no clock and no runtime: a frame
//! goes in, the step to take comes out.

use super::{
    capabilities::Capabilities,
    disconnect::Disconnect,
    fragment::Fragment,
    frame::Frame,
    frame_type::FrameType,
    hello::{AgentHello, HaproxyHello},
    notify::Notify,
    reassembly::{Progress, Reassembly},
    violation::Violation,
};

/// What the agent offers in the handshake, and how much of a fragmented NOTIFY it keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The largest frame, in bytes; at least 256, default 1 MiB.
    pub max_frame_size: u32,
    /// The largest NOTIFY that is put together from fragments, in bytes; default 4 MiB.
    pub max_reassembled_size: usize,
    /// Whether an ACK may leave on another connection of the same engine, if HAProxy says so too; by
    /// default it may not.
    pub asynchronous: bool,
}

impl Default for Offer {
    fn default() -> Self {
        Self { max_frame_size: 1 << 20, max_reassembled_size: 4 << 20, asynchronous: false }
    }
}

impl Offer {
    /// What this agent can do: several NOTIFY at a time, reassembly, and `async` if that is wanted.
    fn capabilities(&self) -> Capabilities {
        Capabilities { pipelining: true, asynchronous: self.asynchronous, fragmentation: true }
    }
}

/// What to do after a frame.
#[derive(Debug, Eq, PartialEq)]
pub enum Step {
    /// Nothing: a fragment was kept.
    Continue,
    /// Nothing: a frame of a type that the specification does not know.
    Skip(FrameType),
    /// Answer the HELLO; the conversation begins.
    Greet {
        /// What HAProxy said.
        theirs: HaproxyHello,
        /// What to answer.
        ours: AgentHello,
    },
    /// Answer the HELLO of a health check and close.
    Healthcheck(AgentHello),
    /// Hand the messages to their handlers, and answer.
    Dispatch(Notify),
    /// Answer a NOTIFY whose fragments came to more than is kept: it was not read, but for the names
    /// of the messages that had begun by then.
    Overflowed(Notify),
    /// HAProxy gave up on a fragmented NOTIFY: no answer is wanted.
    Aborted,
    /// HAProxy ends the connection: answer and close.
    Disconnected(Disconnect),
}

/// The agent's side of one connection.
#[derive(Debug)]
pub struct Session {
    offer: Offer,
    greeted: bool,
    /// In a box, as most connections have none.
    reassembly: Option<Box<Reassembly>>,
}

impl Session {
    /// A session that waits for HELLO.
    #[must_use]
    pub fn new(offer: Offer) -> Self {
        Self { offer, greeted: false, reassembly: None }
    }

    /// Whether HELLO was agreed.
    #[must_use]
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// How many bytes of memory are kept for a NOTIFY whose fragments have not all come.
    pub(crate) fn kept(&self) -> usize {
        self.reassembly.as_ref().map_or(0, |reassembly| reassembly.kept())
    }

    /// Whether the fragments of a NOTIFY have begun to come.
    pub(crate) fn is_reassembling(&self) -> bool {
        self.reassembly.is_some()
    }

    /// Whether a NOTIFY may come: HELLO was agreed, and no fragment is missing.
    #[inline]
    pub(crate) fn takes_notify(&self) -> bool {
        self.greeted && self.reassembly.is_none()
    }

    /// Gives up a NOTIFY whose fragments have not all come.
    pub(crate) fn forget(&mut self) {
        self.reassembly = None;
    }

    /// Takes one frame; says what to do.
    ///
    /// # Errors
    ///
    /// If the frame is not legal here; nothing of the connection is usable afterwards.
    #[inline]
    pub fn receive(&mut self, frame: Frame) -> Result<Step, Violation> {
        match frame {
            Frame::Notify(notify) if self.greeted => {
                self.uninterrupted(FrameType::NOTIFY)?;
                Ok(Step::Dispatch(notify))
            }
            Frame::Fragment(fragment) if self.greeted => self.reassemble(&fragment),
            Frame::HaproxyHello(hello) if !self.greeted => self.greet(hello),
            // Legal at any time, HELLO or not: HAProxy says so too when it cannot read our HELLO.
            Frame::HaproxyDisconnect(disconnect) => Ok(Step::Disconnected(disconnect)),
            Frame::Unknown(frame_type) if self.greeted => Ok(Step::Skip(frame_type)),
            unexpected => Err(Violation::Unexpected {
                received: unexpected.frame_type(),
                expected: if self.greeted { "NOTIFY" } else { "HAPROXY-HELLO" },
            }),
        }
    }

    fn greet(&mut self, theirs: HaproxyHello) -> Result<Step, Violation> {
        let ours = theirs.agree(self.offer.max_frame_size, self.offer.capabilities())?;
        // A health check has no conversation: HAProxy closes the connection when it has our HELLO.
        if theirs.healthcheck {
            return Ok(Step::Healthcheck(ours));
        }
        self.greeted = true;
        Ok(Step::Greet { theirs, ours })
    }

    fn reassemble(&mut self, fragment: &Fragment) -> Result<Step, Violation> {
        let bound = self.offer.max_reassembled_size;
        if let Some(reassembly) = &mut self.reassembly {
            let progress = reassembly.proceed(fragment, bound)?;
            // Whatever it came to, the next frame begins anew.
            if progress != Progress::Unfinished {
                self.reassembly = None;
            }
            return Ok(match progress {
                Progress::Unfinished => Step::Continue,
                Progress::Complete(notify) => Step::Dispatch(notify),
                Progress::Overflowed(names) => Step::Overflowed(names),
                Progress::Aborted => Step::Aborted,
            });
        }
        match fragment.frame_type {
            // HAProxy may give up with the first fragment already: no further one comes.
            FrameType::NOTIFY if fragment.flags.abort => Ok(Step::Aborted),
            FrameType::NOTIFY => {
                self.reassembly = Some(Box::new(Reassembly::begin(fragment, bound)));
                Ok(Step::Continue)
            }
            FrameType::UNSET => Err(Violation::UnknownFragment),
            received => Err(Violation::Unexpected { received, expected: "NOTIFY" }),
        }
    }

    /// No other NOTIFY may come between the fragments of one.
    fn uninterrupted(&self, received: FrameType) -> Result<(), Violation> {
        match self.reassembly {
            None => Ok(()),
            Some(_) => Err(Violation::Interlaced { received }),
        }
    }
}
