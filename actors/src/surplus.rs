//! Surplus: a connection for which the agent has no place is told so, late, and closed.

use std::{borrow::Cow, io, rc::Rc};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Duration, sleep, timeout},
};

use crate::{
    log_limits::Cause,
    origin::PeerAddress,
    shared::Shared,
    spop::{Disconnect, Frame, FrameType, StatusCode},
};

/// How long the peer may take to hear it and close its side.
const LINGER: Duration = Duration::from_secs(1);

/// Tells the peer of `stream` that there is no place for it, and closes it.
///
/// A peer that speaks TLS could not read it, and is closed without a word. Nothing that a peer says
/// is looked at, so a health check is refused as well: HAProxy sees the server down and asks another
/// one.
pub(crate) fn refuse<S>(stream: S, address: PeerAddress, is_encrypted: bool, shared: &Rc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    shared.counters.count(|statistics| statistics.connections_refused += 1);
    if let Some(unsaid) = shared.limited(Cause::Refused) {
        tracing::warn!(
            peer = %address,
            limit = shared.common.limits.connections,
            unsaid,
            "connection refused: the agent has as many as it may; raise `connections`, or have \
             fewer HAProxy threads and processes ask this agent"
        );
    }
    let Some(place) = shared.common.refusals.take_place() else { return };
    let shared = Rc::clone(shared);
    actix_rt::spawn(async move {
        let _place = place;
        // HAProxy up to 3.0 comes back at once, a thousand times a second.
        sleep(shared.common.limits.refusal_delay).await;
        if is_encrypted {
            return;
        }
        match timeout(LINGER, say_farewell(stream, &shared)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(peer = %address, %error, "refused connection lost"),
            Err(_) => tracing::debug!(peer = %address, "refused connection did not close"),
        }
    });
}

async fn say_farewell<S>(mut stream: S, shared: &Shared) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let status_code = StatusCode::NO_RESOURCE;
    let message = Cow::Borrowed("the agent has as many connections as it may");
    let mut bytes = BytesMut::new();
    Frame::AgentDisconnect(Disconnect { status_code, message }).encode(&mut bytes);
    stream.write_all(&bytes).await?;
    shared.counters.count(|statistics| {
        statistics.disconnects_sent.count(status_code);
        statistics.frames_sent.count(FrameType::AGENT_DISCONNECT, bytes.len());
    });
    stream.shutdown().await?;
    // What the peer has sent and nobody read would make the kernel reset the connection.
    while stream.read(&mut [0; 256]).await? > 0 {}
    Ok(())
}
