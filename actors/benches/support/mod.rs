//! What the benches share: NOTIFYs, and what they are asked for.

#![allow(dead_code, reason = "no bench needs all of it")]

use std::net::IpAddr;

use bytes::BytesMut;
use serde::Deserialize;
use spoa_actors::{
    Actions, Message, MessageRef, Var,
    spop::{Frame, FrameId, Notify, StreamId},
};

const SCORE: Var = Var::session("ip_score");

/// What is asked of every client.
#[derive(Deserialize)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
}

/// The smallest useful answer to the smallest useful question.
#[inline]
pub(crate) fn score(client: Client) -> Actions {
    let score = if client.ip.is_loopback() { 20 } else { 10 };
    Actions::new().set(SCORE, score)
}

/// Reads all arguments, and looks at no byte of a value.
#[inline]
pub(crate) fn weigh(message: MessageRef<'_>) -> Actions {
    let size = |value: &[u8]| i64::try_from(value.len()).unwrap_or(i64::MAX);
    let sizes = message.args().map(|arg| size(arg.name) + arg.value.as_bytes().map_or(0, size));
    Actions::new().set(SCORE, sizes.sum::<i64>())
}

/// One argument, an address.
pub(crate) fn with_ip() -> Message {
    Message::new("check-client-ip").arg("ip", IpAddr::from([10, 1, 2, 3]))
}

/// An address and two texts, as a request has them.
pub(crate) fn with_request() -> Message {
    with_ip()
        .arg("path", "/api/v1/accounts/4711/orders?page=2")
        .arg("ua", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
}

/// 40 numbers, by name: as many as most configurations will ever pass.
pub(crate) fn with_40_arguments() -> Message {
    let named = |message: Message, n: u32| message.arg(format!("argument_{n:02}"), u64::from(n));
    (0..40).fold(Message::new("check-client-ip"), named)
}

/// A body of 8 KiB.
pub(crate) fn with_body() -> Message {
    Message::new("check-client-ip").arg("body", vec![7; 8 << 10])
}

/// The NOTIFY of one message, with ids as they are before long.
pub(crate) fn notify(message: Message) -> BytesMut {
    let (stream_id, frame_id) = (StreamId(1_000), FrameId(1));
    let mut bytes = BytesMut::new();
    Frame::Notify(Notify { stream_id, frame_id, messages: message.into() }).encode(&mut bytes);
    bytes
}
