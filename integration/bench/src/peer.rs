//! The peer: an agent on the crate `spop`, as its documentation has users write one.
//!
//! A task for each connection, `Framed` around the socket, every frame parsed, every ACK sent when
//! it is made.

use std::future::pending;
use std::io;

use futures_util::{SinkExt, StreamExt};
use spop::actions::VarScope;
use spop::frame::{FramePayload, FrameType, Message};
use spop::frames::{Ack, AgentDisconnect, AgentHello, FrameCapabilities, HaproxyHello};
use spop::{MAX_FRAME_SIZE_LIMIT, SpopCodec, SpopFrame, StatusCode, TypedData};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::codec::Framed;

use crate::Sockets;

/// Serves until it is dropped.
///
/// # Errors
/// It cannot listen, or accept.
pub async fn serve_peer(sockets: Sockets, nodelay: bool) -> io::Result<()> {
    let tcp = match sockets.listen {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    };
    let unix = sockets.unix.map(UnixListener::bind).transpose()?;
    tokio::try_join!(accept_tcp(tcp, nodelay), accept_unix(unix))?;
    Ok(())
}

async fn accept_tcp(listener: Option<TcpListener>, nodelay: bool) -> io::Result<()> {
    let Some(listener) = listener else { return pending().await };
    loop {
        let (stream, _) = listener.accept().await?;
        if nodelay {
            stream.set_nodelay(true)?;
        }
        tokio::spawn(converse(stream));
    }
}

async fn accept_unix(listener: Option<UnixListener>) -> io::Result<()> {
    let Some(listener) = listener else { return pending().await };
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(converse(stream));
    }
}

/// One connection; however it ends, the next one is served.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut frames = Framed::new(stream, SpopCodec::default());
    while let Some(Ok(frame)) = frames.next().await {
        let answer = answer(frames.codec_mut(), &*frame);
        let is_last = *answer.frame_type() == FrameType::AgentDisconnect;
        if frames.send(answer).await.is_err() || is_last {
            return;
        }
    }
}

fn answer(codec: &mut SpopCodec, frame: &dyn SpopFrame) -> Box<dyn SpopFrame> {
    match frame.frame_type() {
        FrameType::HaproxyHello => greet(codec, frame),
        FrameType::Notify => {
            let metadata = frame.metadata();
            let mut ack = Ack::new(metadata.stream_id, metadata.frame_id);
            if let FramePayload::ListOfMessages(messages) = frame.payload() {
                for message in messages {
                    ack = ack.set_var(VarScope::Session, "ip_score", score(message));
                }
            }
            Box::new(ack)
        }
        _ => farewell(StatusCode::None),
    }
}

/// The same as the agent's handlers: what is asked for, or the lengths of all arguments.
fn score(message: &Message) -> i64 {
    if message.name == "read-all" {
        return i64::try_from(message.args.iter().map(size).sum::<usize>()).unwrap_or(i64::MAX);
    }
    match message.get("ip") {
        Some(TypedData::IPv4(ip)) if ip.is_loopback() => 20,
        Some(TypedData::IPv6(ip)) if ip.is_loopback() => 20,
        _ => 10,
    }
}

fn size((name, value): &(String, TypedData)) -> usize {
    name.len()
        + match value {
            TypedData::String(text) => text.len(),
            TypedData::Binary(bytes) => bytes.len(),
            _ => 0,
        }
}

fn greet(codec: &mut SpopCodec, frame: &dyn SpopFrame) -> Box<dyn SpopFrame> {
    let Ok(hello) = HaproxyHello::try_from(frame.payload()) else {
        return farewell(StatusCode::Invalid);
    };
    let Some(version) = hello.negotiate_version() else {
        return farewell(StatusCode::BadVersion);
    };
    match hello.negotiate_max_frame_size(MAX_FRAME_SIZE_LIMIT) {
        Ok(max_frame_size) => {
            codec.set_max_frame_size(max_frame_size);
            let capabilities = vec![FrameCapabilities::Pipelining];
            Box::new(AgentHello { version, max_frame_size, capabilities })
        }
        Err(status) => farewell(status),
    }
}

fn farewell(status: StatusCode) -> Box<dyn SpopFrame> {
    let (status_code, message) = (status.to_u32(), status.message().to_owned());
    Box::new(AgentDisconnect { status_code, message })
}
