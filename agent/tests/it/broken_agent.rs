//! An agent that answers as a test wants it: right, wrong, or not at all.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use bytes::BytesMut;
use spoa_actors::spop::{AgentHello, Capabilities, Disconnect, Frame, StatusCode, VERSION};

/// The bytes that it answers a NOTIFY of this stream-id with; nothing more than once.
pub(crate) type Answers = fn(stream_id: u8) -> Vec<u8>;

/// Listens on a free port of the loopback, and takes one connection.
pub(crate) fn listen(answers: Answers) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || converse(listener.accept()?.0, answers));
    address
}

/// An ACK with these flags and payload.
pub(crate) fn ack(flags: u8, stream_id: u8, payload: &[u8]) -> Vec<u8> {
    let head = [103, 0, 0, 0, flags, stream_id, 1];
    framed(&[&head, payload].concat())
}

/// A right one.
pub(crate) fn right(stream_id: u8) -> Vec<u8> {
    ack(1, stream_id, b"")
}

/// AGENT-DISCONNECT.
pub(crate) fn disconnect() -> Vec<u8> {
    encoded(&Frame::AgentDisconnect(Disconnect::new(StatusCode::NO_RESOURCE)))
}

fn converse(mut stream: TcpStream, answers: Answers) -> io::Result<()> {
    read_frame(&mut stream)?;
    stream.write_all(&encoded(&Frame::AgentHello(AgentHello {
        version: VERSION.to_owned(),
        max_frame_size: 16_380,
        capabilities: Capabilities { pipelining: true, ..Capabilities::default() },
    })))?;
    loop {
        let notify = read_frame(&mut stream)?;
        // Type and flags stand before the stream-id, which is one byte in a test of a few NOTIFYs.
        let stream_id = *notify.get(5).ok_or(io::ErrorKind::InvalidData)?;
        stream.write_all(&answers(stream_id))?;
    }
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("it is short");
    [&length.to_be_bytes(), frame].concat()
}

/// The bytes of a frame.
pub(crate) fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}
