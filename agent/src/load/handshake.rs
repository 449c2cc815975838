//! Handshake: HELLO and its answer, before the load begins.

use bytes::BytesMut;
use spoa_actors::{
    client::{ClientError, Stream, hello},
    spop::{AgentHello, Capabilities, Frame, FrameCodec, HaproxyHello},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A stream whose agent has answered HELLO.
pub(crate) struct Greeted {
    pub(crate) stream: Stream,
    pub(crate) hello: AgentHello,
    /// The bytes after the answer.
    pub(crate) rest: Vec<u8>,
}

/// Sends the HELLO of HAProxy 3.2, with this max-frame-size.
pub(crate) async fn greet(mut stream: Stream, max_frame_size: u32) -> Result<Greeted, ClientError> {
    let capabilities = Capabilities { pipelining: true, ..Capabilities::default() };
    let ours = HaproxyHello { max_frame_size, capabilities, ..hello() };
    let mut bytes = BytesMut::new();
    Frame::HaproxyHello(ours.clone()).encode(&mut bytes);
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    bytes.clear();
    let codec = FrameCodec::default();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(ClientError::Closed);
        }
        match codec.cut(&mut bytes)? {
            None => {}
            Some(Frame::AgentHello(hello)) => {
                hello.check(&ours)?;
                return Ok(Greeted { stream, hello, rest: bytes.to_vec() });
            }
            Some(other) => return Err(other.into()),
        }
    }
}
