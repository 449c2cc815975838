//! `[message.NAME]`: an SPOE message, and what answers it.

use std::time::Duration;

use super::{run::Run, status::Status};
use crate::{file::List, input::Sources};

words! {
    /// What a verdict has HAProxy do.
    pub enum Action, "an action" {
        /// The request goes on.
        Allow = "allow",
        /// It is refused.
        Deny = "deny",
        /// It is sent elsewhere.
        Redirect = "redirect",
        /// The client has to show that it is no bot.
        Challenge = "challenge",
        /// HAProxy answers in place of the server.
        Respond = "respond",
        /// The answer is delayed.
        Tarpit = "tarpit",
        /// The connection ends without an answer.
        Drop = "drop",
    }
}

impl Action {
    /// The variable of the verdict without which HAProxy cannot apply it.
    #[must_use]
    pub fn needs(self) -> Option<&'static str> {
        match self {
            Self::Redirect => Some("location"),
            Self::Respond => Some("body"),
            _ => None,
        }
    }
}

words! {
    /// What HAProxy does with a request without any answer.
    pub enum Unanswered, "one of `allow` and `deny`" {
        /// The request goes on: fail open.
        Allow = "allow",
        /// It is refused: fail closed.
        Deny = "deny",
    }
}

words! {
    /// When HAProxy sends a message.
    pub enum At, "one of `request` and `response`" {
        /// With the request.
        Request = "request",
        /// With the response.
        Response = "response",
    }
}

settings! {
    /// The verdict in place of one that did not come in time.
    pub struct Fallback, "`fallback`" {
        /// What HAProxy does.
        action: Action,
        /// Why, in one word.
        reason: String = "unanswered".to_owned(),
        /// The status of the answer.
        status: Option<Status>,
    }
}

impl Fallback {
    /// The status of the answer, if it has one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status.map(u16::from)
    }
}

settings! {
    /// An SPOE message, and what answers it.
    pub struct MessageSettings, "`[message]`" {
        /// The handlers, in order; those in an inner list side by side.
        run: Option<Run>,
        /// The names of the messages that it answers; by default that of the section. `*` stands for all others.
        names: Option<List<String>>,
        /// When HAProxy sends it, for `gen-config`: by default with the response if its handlers read `status`, and with
        /// the request otherwise.
        at: Option<At>,
        /// Where its arguments come from, if not from those of their own names.
        args: Sources = Sources::default(),
        /// Whether HAProxy gets a verdict; without it, it gets only the variables of the handlers.
        verdict: bool = true,
        /// How long it waits for its answer; by default the agent's deadline.
        deadline: Option<Duration>,
        /// The verdict in place of one that did not come in time.
        fallback: Option<Fallback>,
        /// What HAProxy does without any answer: it has to be chosen where a handler can deny.
        unanswered: Option<Unanswered>,
        /// How many may wait for their answers on each worker thread.
        in_flight: Option<u32>,
    }
}
