//! How a connection ends towards the system: what is written together, what is dropped, what is logged.

use std::{
    io::ErrorKind,
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    time::Duration,
};

use bytes::BytesMut;
use spoa_actors::{
    Actions, Limits, Message, Route,
    spop::{
        Disconnect, Flags, Fragment, Frame, FrameCodec, FrameId, FrameType, HaproxyHello, Notify,
        StatusCode, StreamId,
    },
    testing::{ClientError, FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use crate::support::{
    Result, agent, ask_big, ask_score, ask_sleep, registry, stop,
    streams::{Broken, Recorded, loud_lines},
    until,
};

/// Tells when it is dropped.
struct Watched(Sender<()>);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// A route that never answers, and tells when a call of it is dropped.
fn watched() -> (Route, Receiver<()>) {
    let (sender, dropped) = channel();
    let route = Route::new(move |(): ()| {
        let watched = Watched(sender.clone());
        async move {
            let _watched = watched;
            std::future::pending::<std::result::Result<Actions, ClientError>>().await
        }
    });
    (route, dropped)
}

async fn watching() -> Result<(InMemoryAgent, Receiver<()>)> {
    let (route, dropped) = watched();
    let registry = registry().on("watched", route);
    Ok((InMemoryAgent::start(registry, Limits::default()).await?, dropped))
}

fn bytes(frames: impl IntoIterator<Item = Frame>) -> BytesMut {
    let mut bytes = BytesMut::new();
    frames.into_iter().for_each(|frame| frame.encode(&mut bytes));
    bytes
}

fn notify(stream: u64, message: Message) -> Frame {
    let (stream_id, frame_id) = (StreamId(stream), FrameId(1));
    Frame::Notify(Notify { stream_id, frame_id, messages: message.into() })
}

fn goodbye() -> Frame {
    Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL))
}

/// The types of the frames that these bytes are.
fn types(mut written: BytesMut) -> Vec<FrameType> {
    let codec = FrameCodec::default();
    let types = std::iter::from_fn(|| codec.cut(&mut written).unwrap());
    let types = types.map(|frame| frame.frame_type()).collect();
    assert!(written.is_empty(), "a frame is split: {written:?}");
    types
}

/// The types of the frames that were written, write by write.
fn writes(written: &Receiver<Vec<u8>>) -> Vec<Vec<FrameType>> {
    written.try_iter().map(|write| types(BytesMut::from(&write[..]))).collect()
}

/// A connection whose writes are told.
async fn recorded(agent: &InMemoryAgent) -> Result<(FakeHaproxy<DuplexStream>, Receiver<Vec<u8>>)> {
    let (ours, theirs) = duplex(1 << 20);
    let (theirs, written) = Recorded::new(theirs);
    agent.adopt(theirs);
    let haproxy = FakeHaproxy::over(ours).await?;
    assert_eq!(writes(&written), [[FrameType::AGENT_HELLO]]);
    Ok((haproxy, written))
}

/// A TCP connection of this process with itself, one end of which is the agent's.
async fn tcp(agent: &InMemoryAgent) -> Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    agent.adopt(listener.accept().await?.0);
    Ok(ours)
}

#[actix_rt::test]
async fn checklist_30_before_a_disconnect_is_answered_what_is_answered_leaves_and_the_rest_is_dropped()
-> Result {
    tokio::time::pause();
    let (agent, dropped) = watching().await?;
    let mut haproxy = agent.connect().await?;
    let asked = [notify(1, Message::new("watched")), notify(3, ask_score()), goodbye()];
    haproxy.send_bytes(&bytes(asked)).await?;
    assert_eq!(haproxy.ack().await?.stream_id, StreamId(3));
    let Frame::AgentDisconnect(ours) = haproxy.receive().await? else { panic!() };
    assert_eq!(ours.status_code, StatusCode::NORMAL);
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    assert_eq!(dropped.try_recv(), Ok(()), "the call goes on");
    let seen = agent.statistics().await;
    assert_eq!(
        (
            seen.acks,
            seen.notifies_cancelled,
            seen.notifies_in_flight,
            seen.messages.deadline_exceeded
        ),
        (1, 1, 0, 0)
    );
    Ok(())
}

/// All that a peer may say in one life, which ends with a word.
fn a_life() -> BytesMut {
    let fragment = |frame_type, flags, payload| {
        let (stream_id, frame_id) = (StreamId(5), FrameId(1));
        Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload })
    };
    let message = bytes::Bytes::copy_from_slice(ask_score().as_bytes());
    bytes([
        Frame::HaproxyHello(hello()),
        notify(1, ask_score()),
        notify(3, ask_sleep(60_000)),
        fragment(FrameType::NOTIFY, Flags::NONE, message.slice(..4)),
        fragment(FrameType::UNSET, Flags::FIN, message.slice(4..)),
        goodbye(),
    ])
}

#[actix_rt::test]
async fn checklist_31_a_stream_that_ends_at_any_byte_ends_its_connection_quietly() -> Result {
    let agent = agent().await;
    let (_log, said) = loud_lines();
    let life = a_life();
    let asked = [notify(1, ask_score()), notify(3, ask_sleep(60_000))];
    let begins_to_wait = bytes([Frame::HaproxyHello(hello())]).len() + bytes(asked).len();
    let begins_to_wait = begins_to_wait as u64;
    let mut half_closed = Vec::new();
    for end in 0..life.len() {
        let mut haproxy = agent.open();
        haproxy.send_bytes(&life[..end]).await?;
        haproxy.stream_mut().shutdown().await?;
        half_closed.push(haproxy);
    }
    let all = life.len() as u64;
    until(&agent, |seen| seen.connections_accepted == all && seen.connections_open == 0).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies_in_flight, seen.connections_panicked), (0, 0));
    assert!(seen.acks > 0);
    assert_eq!(
        (seen.notifies_cancelled, seen.messages.deadline_exceeded),
        (all - begins_to_wait, 0)
    );
    assert_eq!(seen.disconnects_sent.iter().count(), 0);
    assert_eq!(said.try_recv(), Err(TryRecvError::Empty));
    // This log does hear of what is wrong.
    let mut wrong = agent.connect().await?;
    wrong.send_bytes(&[0; 4]).await?;
    assert!(matches!(wrong.receive().await?, Frame::AgentDisconnect(_)));
    assert!(said.try_recv().is_ok_and(|line| line.starts_with("WARN")));
    Ok(())
}

#[actix_rt::test]
async fn checklist_31_any_error_of_the_system_ends_a_connection_quietly_and_drops_its_jobs()
-> Result {
    let (agent, dropped) = watching().await?;
    let (_log, said) = loud_lines();
    let asked = [
        Frame::HaproxyHello(hello()),
        notify(1, Message::new("watched")),
        notify(3, ask_sleep(60_000)),
    ];
    let asked = bytes(asked);
    let errors = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::NotConnected,
        ErrorKind::TimedOut,
        ErrorKind::HostUnreachable,
    ];
    for error in errors {
        for on_write in [true, false] {
            let (mut ours, theirs) = duplex(1024);
            agent.adopt(Broken { stream: theirs, error, on_write });
            ours.write_all(&asked).await?;
            if !on_write {
                until(&agent, |seen| seen.notifies_in_flight == 2).await;
            }
            drop(ours);
            until(&agent, |seen| seen.connections_open == 0 && seen.notifies_in_flight == 0).await;
            assert_eq!(dropped.try_recv(), Ok(()), "{error}: the call goes on");
        }
    }
    assert_eq!(agent.statistics().await.connections_panicked, 0);
    assert_eq!(said.try_recv(), Err(TryRecvError::Empty));
    Ok(())
}

#[actix_rt::test]
async fn what_is_answered_at_once_is_sent_though_nothing_more_can_be_read() -> Result {
    let agent = agent().await;
    let (mut ours, theirs) = duplex(1024);
    let error = ErrorKind::UnexpectedEof;
    agent.adopt(Broken { stream: theirs, error, on_write: false });
    let asked = bytes([Frame::HaproxyHello(hello()), notify(7, ask_score())]);
    ours.write_all(&asked).await?;
    ours.shutdown().await?;
    let mut haproxy = FakeHaproxy::new(ours);
    assert!(matches!(haproxy.receive().await?, Frame::AgentHello(_)));
    assert_eq!(haproxy.ack().await?.stream_id, StreamId(7));
    Ok(())
}

#[actix_rt::test]
async fn checklist_31_a_tcp_connection_that_is_reset_at_any_point_ends_quietly() -> Result {
    let (agent, dropped) = watching().await?;
    let (_log, said) = loud_lines();
    let hello = bytes([Frame::HaproxyHello(hello())]);
    let asking = |message| [&hello[..], &bytes([notify(1, message)])].concat();
    let points: [(&[u8], u64); 6] = [
        (&[], 0),
        (&hello[..30], 0),
        (&hello, 0),
        (&asking(ask_score())[..hello.len() + 9], 0),
        (&asking(ask_score()), 0), // and its ACK is not read
        (&asking(Message::new("watched")), 1),
    ];
    for (said_before, waiting) in points {
        let before = agent.statistics().await.bytes_in;
        let mut ours = tcp(&agent).await?;
        ours.write_all(said_before).await?;
        let read = before + said_before.len() as u64;
        until(&agent, |seen| seen.bytes_in == read && seen.notifies_in_flight == waiting).await;
        // No farewell of the kernel: a reset.
        socket2::SockRef::from(&ours).set_linger(Some(Duration::ZERO))?;
        drop(ours);
        until(&agent, |seen| seen.connections_open == 0 && seen.notifies_in_flight == 0).await;
    }
    assert_eq!(dropped.try_recv(), Ok(()));
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_accepted, seen.connections_panicked), (6, 0));
    assert_eq!(seen.disconnects_sent.iter().count(), 0);
    assert_eq!(said.try_recv(), Err(TryRecvError::Empty));
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_the_acks_of_a_drain_and_the_farewell_are_one_write() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let (mut haproxy, written) = recorded(&agent).await?;
    haproxy.send_notify(ask_sleep(50)).await?;
    until(&agent, |seen| seen.notifies_in_flight == 1).await;
    let stopping = stop(&agent);
    // Until word of it has reached the connection; time stands still meanwhile.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    haproxy.send_notify(ask_score()).await?;
    for _ in 0..2 {
        haproxy.ack().await?;
    }
    haproxy.receive().await?;
    let farewell = [FrameType::ACK, FrameType::ACK, FrameType::AGENT_DISCONNECT];
    assert_eq!(writes(&written), [farewell]);
    drop(haproxy);
    stopping.await.unwrap();
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_what_is_answered_at_once_and_the_farewell_are_one_write() -> Result {
    let agent = agent().await;
    for last in [&bytes([goodbye()])[..], &[0; 4]] {
        let (mut haproxy, written) = recorded(&agent).await?;
        let asked = bytes([notify(1, ask_score()), notify(3, ask_score())]);
        haproxy.send_bytes(&[&asked[..], last].concat()).await?;
        for _ in 0..3 {
            haproxy.receive().await?;
        }
        let farewell = [FrameType::ACK, FrameType::ACK, FrameType::AGENT_DISCONNECT];
        assert_eq!(writes(&written), [farewell]);
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_the_message_of_a_farewell_has_255_bytes_at_most() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.open();
    // Each of these is shown as `\u{200b}`: eight times its length on the wire of its own.
    let supported_versions = "\u{200b}".repeat(2000);
    haproxy.send(Frame::HaproxyHello(HaproxyHello { supported_versions, ..hello() })).await?;
    let Frame::AgentDisconnect(refusal) = haproxy.receive().await? else { panic!() };
    assert_eq!(refusal.status_code, StatusCode::BAD_VERSION);
    assert!((200..=255).contains(&refusal.message.len()), "{}", refusal.message.len());
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_a_peer_that_does_not_close_its_side_is_waited_for_but_not_for_long() -> Result
{
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    haproxy.send_bytes(&[0; 4]).await?;
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    let mut rest = Vec::new();
    haproxy.stream_mut().read_to_end(&mut rest).await?;
    let closed = Instant::now();
    // The write side is closed, the read side is not: what still comes is read.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = agent.statistics().await;
    haproxy.send_notify(ask_score()).await?;
    until(&agent, |seen| seen.bytes_in > before.bytes_in).await;
    assert_eq!((before.connections_open, before.notifies), (1, 0));
    // A write fails when nobody is there to read it.
    while haproxy.send_bytes(&[0; 100]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(closed.elapsed() < Duration::from_secs(3), "it waits for ever");
    }
    assert!(closed.elapsed() >= Duration::from_millis(900), "{:?}", closed.elapsed());
    assert_eq!(agent.statistics().await.connections_open, 0);
    Ok(())
}

#[actix_rt::test]
async fn checklist_32_a_peer_that_is_still_sending_gets_the_farewell_and_no_reset() -> Result {
    let agent = agent().await;
    let mut haproxy = FakeHaproxy::over(tcp(&agent).await?).await?;
    haproxy.send_notify(ask_big(10_000)).await?;
    // More than the agent reads in one turn; nothing of it is a frame.
    let (mut reader, mut writer) = haproxy.stream_mut().split();
    let sending = async {
        let sent = writer.write_all(&vec![0; 4 << 20]).await;
        writer.shutdown().await.and(sent)
    };
    let mut received = Vec::new();
    let (sent, read) = timeout(Duration::from_secs(5), async {
        tokio::join!(sending, reader.read_to_end(&mut received))
    })
    .await?;
    sent.expect("all that was sent is read");
    read.expect("the stream ends without a reset");
    let received = types(BytesMut::from(&received[..]));
    assert_eq!(received, [FrameType::ACK, FrameType::AGENT_DISCONNECT]);
    Ok(())
}

#[actix_rt::test]
async fn checklist_35_a_connection_that_has_worked_or_not_may_be_silent_for_ever() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    // Nothing but HELLO; at once, later, and never: whatever timer was on, it ends nothing.
    let last = [None, Some(ask_score()), Some(ask_sleep(10)), Some(Message::new("never"))];
    let mut connections = Vec::new();
    for message in last {
        let mut haproxy = agent.connect().await?;
        if let Some(message) = message {
            haproxy.notify(message).await?;
        }
        connections.push(haproxy);
    }
    tokio::time::sleep(Duration::from_secs(7 * 24 * 3600)).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_open, seen.disconnects_sent.iter().count()), (4, 0));
    for haproxy in &mut connections {
        assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    }
    Ok(())
}
