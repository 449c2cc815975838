//! Dispatch: calls the handlers of one NOTIFY's messages, in order.
//!
//! A handler is called in place. If all answer at once, as most do, their actions are one list.
//! Only pending answers make a [`PendingAck`].

use std::rc::Rc;

use tokio::time::Instant;
use tracing::Span;

use super::{
    completion::PendingMessage,
    pending_ack::{CompletedAck, PendingAck},
};
use crate::{
    error::HandlerError,
    handler::{Call, Reply, Subject},
    observe::Counters,
    origin::Origin,
    route::{LiveRoute, NotifyRoute, PendingCall, Routes, Together},
    spop::{Actions, MessageRef, MessagesRef},
    trace::NotifyTrace,
    turn::Turn,
};

/// The state of a NOTIFY after its handlers were called.
pub(crate) enum Dispatched {
    /// All handlers answered at once.
    Now,
    /// All handlers answered at once, with more actions than the ACK has room for.
    InPart(CompletedAck),
    /// These messages wait for their answers, each with its position.
    Later(PendingAck, Vec<(usize, PendingMessage)>),
}

/// How many messages of one NOTIFY reach handlers. HAProxy sends those of one event or group, up to
/// a few dozen; a frame of 1 MiB has room for half a million.
const MAX_MESSAGES: usize = 1024;

/// How many more are read, for their fallbacks: the ACK of a frame as large as HAProxy's has no
/// room for more. Further messages add nothing, and are only counted, because finding their routes
/// takes time.
const MAX_FALLBACKS: usize = 16 * MAX_MESSAGES;

/// The limits of a NOTIFY.
pub(crate) struct NotifyContext<'a> {
    pub(crate) routes: &'a Routes,
    pub(crate) counters: &'a Counters,
    /// The size of the messages in bytes.
    pub(crate) bytes: usize,
    /// The largest actions of the ACK in bytes.
    pub(crate) room: usize,
    /// How many messages of one NOTIFY can wait for answers.
    pub(crate) waiting: usize,
    /// Whether no call was made in this turn yet.
    pub(crate) begins_turn: bool,
    pub(crate) turn: &'a Turn,
}

/// Calls the handlers of a NOTIFY's messages, in order; appends immediate answers to `settled`.
#[inline(always)]
pub(crate) fn dispatch(
    messages: MessagesRef<'_>,
    origin: &mut Origin,
    context: &NotifyContext<'_>,
    settled: &mut Actions,
    trace: Option<&mut NotifyTrace>,
) -> Dispatched {
    // The first message is dispatched here and not in the loop: nearly all NOTIFYs have one
    // message, and the loop with its state stays out of the hot path, in a function that is never
    // inlined.
    let left = MAX_MESSAGES - 1;
    let (is_first, waiting, number) = (true, 0, 0);
    let mut dispatcher = Dispatcher { origin, context, trace, is_first, left, waiting, number };
    // Most NOTIFYs have one message, and most handlers answer at once.
    let Some((first, others)) = messages.split_first() else {
        return Dispatched::Now;
    };
    let waiting = dispatcher.dispatch(&first, &others, settled);
    if waiting.is_none() && settled.encoded_len() <= context.room && others.is_empty() {
        return Dispatched::Now;
    }
    dispatcher.go_on(waiting, others, settled)
}

/// Answers a NOTIFY that was too large to be read, with the fallbacks of the messages that it
/// names.
pub(crate) fn refuse(
    messages: MessagesRef<'_>,
    origin: &Origin,
    routes: &Routes,
    room: usize,
    mut trace: Option<NotifyTrace>,
) -> CompletedAck {
    let mut ack = PendingAck::new(origin, 0, room);
    let mut number = 0;
    for message in messages {
        let route = routes.find(message.name()).or_else(|| {
            match routes.find_together(message.name(), &mut number) {
                Together::First(together) => Some(&together.route),
                Together::Taken | Together::Unnamed => None,
            }
        });
        if let Some(route) = route {
            let begun = Instant::now();
            if let Some(trace) = &mut trace {
                trace.fail(&route.name, &HandlerError::TooLarge, begun, &Span::none());
            }
            ack.complete(route.settle(Err(HandlerError::TooLarge), begun));
        }
    }
    ack.traced(trace).finish()
}

/// Calls the handlers of one NOTIFY.
struct Dispatcher<'a> {
    origin: &'a mut Origin,
    context: &'a NotifyContext<'a>,
    trace: Option<&'a mut NotifyTrace>,
    /// Whether the next message is the first of the NOTIFY.
    is_first: bool,
    /// How many of the next messages can still reach handlers.
    left: usize,
    /// How many messages wait for their answers, or for one before them.
    waiting: usize,
    /// The number of the NOTIFY, if it has messages for a route that takes several together; else 0.
    number: u64,
}

/// How many messages of one call are collected on the stack; more are collected in a `Vec`.
const FEW: usize = 8;

impl Dispatcher<'_> {
    /// Calls the handler of a message, if it has a route; `others` are the messages after it. An immediate
    /// answer is appended to `settled`; otherwise the message waits.
    #[inline(always)]
    fn dispatch<'m>(
        &mut self,
        message: &MessageRef<'m>,
        others: &MessagesRef<'m>,
        settled: &mut Actions,
    ) -> Option<PendingMessage> {
        match self.context.routes.find(message.name()) {
            Some(route) => self.call(route, Subject::Message(message), settled),
            None => self.dispatch_together(message, others.clone(), settled),
        }
    }

    /// Calls the handler that takes this message together with others, when this is the first of them.
    // Cold, though an agent may have such routes: without it the compiler takes the route that was found
    // for one case of two, and the call of its handler for too rare to be inlined.
    #[cold]
    #[inline(never)]
    fn dispatch_together<'m>(
        &mut self,
        message: &MessageRef<'m>,
        others: MessagesRef<'m>,
        settled: &mut Actions,
    ) -> Option<PendingMessage> {
        match self.context.routes.find_together(message.name(), &mut self.number) {
            Together::First(together) => self.call_together(together, message, others, settled),
            Together::Taken => None,
            Together::Unnamed => {
                self.miss(message);
                None
            }
        }
    }

    fn call_together<'m>(
        &mut self,
        together: &NotifyRoute,
        first: &MessageRef<'m>,
        others: MessagesRef<'m>,
        settled: &mut Actions,
    ) -> Option<PendingMessage> {
        let (mut few, mut count, mut many) = ([*first; FEW], 1, Vec::new());
        // The others come after the first.
        let others = others.take(self.left);
        for message in others.filter(|message| together.takes(message.name())) {
            match few.get_mut(count) {
                Some(place) => *place = message,
                None => {
                    if many.is_empty() {
                        many.extend_from_slice(&few);
                    }
                    many.push(message);
                }
            }
            count += 1;
        }
        let messages = if many.is_empty() { few.get(..count)? } else { &many };
        self.call(&together.route, Subject::Notify(messages), settled)
    }

    /// Calls the handler of a route.
    #[inline(always)]
    fn call(
        &mut self,
        route: &Rc<LiveRoute>,
        subject: Subject<'_>,
        settled: &mut Actions,
    ) -> Option<PendingMessage> {
        // Before the handler is called: whether it answers at once is unknown, so a message that
        // cannot wait is not started.
        if self.waiting >= self.context.waiting {
            self.fall_back(
                route,
                HandlerError::AgentOverloaded,
                Instant::now(),
                &Span::none(),
                settled,
            );
            return None;
        }
        let (time, turn) = (route.time_for(subject), self.context.turn);
        // Earlier messages can have taken all the time: the handler is not called then.
        if turn.is_late(time) {
            let begun = self.origin.arrived();
            self.fall_back(route, HandlerError::DeadlineExceeded, begun, &Span::none(), settled);
            return None;
        }
        let is_before = !(self.is_first && self.context.begins_turn);
        self.is_first = false;
        self.origin.set_time(time);
        let begun = route.record.begin(subject.messages(), turn, is_before);
        let before = settled.encoded_len();
        let (reply, span) = match &self.trace {
            Some(trace) if trace.is_sampled() => {
                let span = trace.handle(&route.name);
                (self.call_in(&span, route, subject, settled), span)
            }
            _ => (route.call(&Call::about(subject, self.origin), settled), Span::none()),
        };
        let looked = (begun.is_some() || turn.wants_a_look()).then(|| turn.look());
        match reply {
            Reply::Answered if looked.is_some() && turn.is_late(time) => {
                // The answer is ready, but its deadline has passed: it counts as late, as it would
                // a moment later, so that a deadline means the same for handlers that wait and for
                // those that do not.
                settled.take_back(before);
                let begun = begun.unwrap_or(self.origin.arrived());
                self.fall_back(route, HandlerError::DeadlineExceeded, begun, &span, settled);
            }
            Reply::Answered => {
                let took = match (begun, looked) {
                    // The time before it in the turn is not its own.
                    (Some(begun), Some(looked)) if is_before => {
                        Some(looked.saturating_sub(begun - turn.began()))
                    }
                    (Some(_), looked) => looked,
                    _ => None,
                };
                route.record.answered_in_place(took);
            }
            Reply::Failed(error) => {
                // If it was not timed, the time since the arrival: too long is better than none.
                let begun = begun.unwrap_or(self.origin.arrived());
                self.fall_back(route, error, begun, &span, settled);
            }
            Reply::Later(answer) => {
                // A call that waits is always timed: otherwise its histogram would have only the
                // timed calls.
                let begun = begun.unwrap_or_else(Instant::now);
                let (deadline, route) = (self.origin.deadline(), Rc::clone(route));
                return Some(PendingMessage { answer, begun, deadline, route, span });
            }
        }
        None
    }

    /// Calls a handler in its span.
    #[inline(never)]
    fn call_in(
        &self,
        span: &Span,
        route: &Rc<LiveRoute>,
        subject: Subject<'_>,
        settled: &mut Actions,
    ) -> Reply<PendingCall> {
        span.in_scope(|| route.call(&Call::about(subject, self.origin), settled))
    }

    /// Appends the fallback of a message to `settled`.
    #[cold]
    fn fall_back(
        &mut self,
        route: &LiveRoute,
        error: HandlerError,
        begun: Instant,
        span: &Span,
        settled: &mut Actions,
    ) {
        if let Some(trace) = &mut self.trace {
            trace.fail(&route.name, &error, begun, span);
        }
        settled.append_all(route.fall_back(error, begun));
    }

    /// Calls the handlers of all messages but the first.
    #[inline(never)]
    fn go_on(
        mut self,
        mut waiting: Option<PendingMessage>,
        mut messages: MessagesRef<'_>,
        settled: &mut Actions,
    ) -> Dispatched {
        while waiting.is_none() && settled.encoded_len() <= self.context.room {
            let Some(message) = self.next(&mut messages) else {
                if messages.is_empty() {
                    return Dispatched::Now;
                }
                break;
            };
            waiting = self.dispatch_next(&message, &messages, settled);
        }
        self.wait_for(std::mem::take(settled), waiting, messages)
    }

    /// The next message that can reach its handler.
    fn next<'m>(&mut self, messages: &mut MessagesRef<'m>) -> Option<MessageRef<'m>> {
        self.left = self.left.checked_sub(1)?;
        self.context.turn.take_message();
        messages.next()
    }

    #[inline(never)]
    fn dispatch_next<'m>(
        &mut self,
        message: &MessageRef<'m>,
        others: &MessagesRef<'m>,
        settled: &mut Actions,
    ) -> Option<PendingMessage> {
        self.dispatch(message, others, settled)
    }

    #[cold]
    fn miss(&self, message: &MessageRef<'_>) {
        self.context.counters.count(|statistics| statistics.messages_without_route += 1);
        self.context.counters.unrouted.count(message);
        self.context.routes.report_missing(message.name());
    }

    /// Continues a NOTIFY with a pending answer, or whose answers exceed their limit.
    #[cold]
    fn wait_for(
        mut self,
        settled: Actions,
        waiting: Option<PendingMessage>,
        mut messages: MessagesRef<'_>,
    ) -> Dispatched {
        let mut ack = PendingAck::new(self.origin, self.context.bytes, self.context.room);
        // The leading answers share one slot, so that a NOTIFY of a thousand immediate answers has
        // one list of actions and not a thousand.
        ack.complete(settled);
        let mut calls = Vec::new();
        calls.extend(waiting.map(|waiting| (ack.wait(), waiting)));
        while let Some(message) = self.next(&mut messages) {
            self.waiting = ack.waiting();
            let mut settled = Actions::new();
            match self.dispatch_next(&message, &messages, &mut settled) {
                None => ack.complete(settled),
                Some(waiting) => calls.push((ack.wait(), waiting)),
            }
        }
        if !messages.is_empty() {
            self.fall_back_beyond(messages, &mut ack);
        }
        if calls.is_empty() {
            return Dispatched::InPart(ack.finish());
        }
        ack.close();
        Dispatched::Later(ack, calls)
    }

    /// Completes the messages over the limit with their fallbacks: no handler is called.
    #[cold]
    fn fall_back_beyond(&mut self, mut messages: MessagesRef<'_>, ack: &mut PendingAck) {
        let begun = Instant::now();
        let mut trace = self.trace.take();
        for message in messages.by_ref().take(MAX_FALLBACKS) {
            self.context.turn.take_message();
            let routes = self.context.routes;
            let route = match routes.find(message.name()) {
                Some(route) => route,
                None => match routes.find_together(message.name(), &mut self.number) {
                    Together::First(together) => &together.route,
                    Together::Taken => continue,
                    Together::Unnamed => {
                        self.miss(&message);
                        continue;
                    }
                },
            };
            // One span stands for all of them.
            if let Some(trace) = trace.take() {
                trace.fail(&route.name, &HandlerError::TooManyMessages, begun, &Span::none());
            }
            ack.complete(route.fall_back(HandlerError::TooManyMessages, begun).clone());
        }
        if !messages.is_empty() {
            self.leave_unread(messages.count());
        }
    }

    /// Counts messages after the last one that is read.
    #[cold]
    fn leave_unread(&self, messages: usize) {
        let NotifyContext { counters, routes, .. } = self.context;
        counters.count(|statistics| statistics.messages_unread += messages as u64);
        routes.report_unread(self.origin.peer(), messages);
    }
}
