//! NOTIFYs of several messages, which the load tool does not have: one connection, 16 NOTIFYs a write.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;
use spoa_actors::Messages;
use spoa_actors::spop::{
    Ack, Capabilities, Frame, FrameId, HaproxyHello, Notify, StreamId, VERSION,
};
use spoa_integration::{Endpoint, Failure};

const WINDOW: u32 = 16;

/// Asks so often, in whole windows, and compares each answer.
///
/// # Errors
/// An answer is another one, or the connection breaks.
pub(crate) fn ask(
    endpoint: &Endpoint,
    messages: &Messages,
    expected: &str,
    notifies: u32,
) -> Result<(), Failure> {
    let Endpoint::Tcp(address) = endpoint else {
        return Err(Failure::new("the dialogue is over TCP"));
    };
    let broken = "the connection breaks";
    let mut stream = TcpStream::connect(address).map_err(Failure::during(broken))?;
    stream.set_nodelay(true).map_err(Failure::during(broken))?;
    exchange(&mut stream, &[Frame::HaproxyHello(hello())])?;
    let window: Vec<Frame> = (1..=u64::from(WINDOW))
        .map(|id| Notify {
            stream_id: StreamId(id),
            frame_id: FrameId(1),
            messages: messages.clone(),
        })
        .map(Frame::Notify)
        .collect();
    for _ in 0..notifies.div_ceil(WINDOW) {
        for answer in exchange(&mut stream, &window)? {
            match answer {
                Frame::Ack(Ack { actions, .. }) if actions.to_string() == expected => {}
                other => {
                    let failure = Failure::new(format!("the answer is not {expected}"));
                    return Err(failure.with("it", &format!("{other:?}")));
                }
            }
        }
    }
    Ok(())
}

/// Writes frames at once, and reads as many.
fn exchange(stream: &mut TcpStream, frames: &[Frame]) -> Result<Vec<Frame>, Failure> {
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| frame.encode(&mut bytes));
    stream.write_all(&bytes).map_err(Failure::during("nothing can be sent"))?;
    frames.iter().map(|_| receive(stream)).collect()
}

fn receive(stream: &mut TcpStream) -> Result<Frame, Failure> {
    let broken = "the connection breaks";
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(Failure::during(broken))?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).map_err(Failure::during(broken))?;
    Frame::decode(frame.into()).map_err(Failure::during("no frame of SPOP"))
}

fn hello() -> HaproxyHello {
    HaproxyHello {
        supported_versions: VERSION.to_owned(),
        max_frame_size: 16_380,
        capabilities: Capabilities { pipelining: true, ..Capabilities::default() },
        engine_id: None,
        healthcheck: false,
    }
}
