//! Servers that send without end: nobody takes more of it than is of use.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use spoa_actors::spop::{
    AgentHello, Capabilities, Flags, Fragment, Frame, FrameId, FrameType, StreamId, VERSION,
};
use tokio::runtime::Runtime;
use tonic::{
    Request, Response, Status, codegen::tokio_stream::wrappers::TcpListenerStream,
    transport::Server,
};

use crate::scene::{Agent, Folder, Outcome, spoa_agent};

const MIB: usize = 1 << 20;
/// Who takes so much would take anything: the buffers of both sockets hold a tenth of it.
const FLOOD: usize = 64 * MIB;

/// A server that says `first` to the first bytes that come, and then `again` until nobody takes it any
/// more.
struct Flood {
    address: SocketAddr,
    server: JoinHandle<usize>,
}

impl Flood {
    fn new(first: Vec<u8>, again: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            let mut sent = 0;
            // An error says that nobody takes it any more.
            let _ = pour(&mut stream, &first, &again, &mut sent);
            sent
        });
        Self { address, server }
    }

    /// How many bytes were taken.
    fn taken(self) -> usize {
        self.server.join().expect("it does not panic")
    }
}

fn pour(stream: &mut TcpStream, first: &[u8], again: &[u8], sent: &mut usize) -> io::Result<()> {
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(());
    }
    stream.write_all(first)?;
    while *sent < FLOOD {
        stream.write_all(again)?;
        *sent += again.len();
    }
    Ok(())
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}

fn agent_hello() -> Vec<u8> {
    encoded(&Frame::AgentHello(AgentHello {
        version: VERSION.to_owned(),
        max_frame_size: 16_380,
        capabilities: Capabilities { pipelining: true, ..Capabilities::default() },
    }))
}

/// An ACK for the first NOTIFY, or its continuation, that is never the last.
fn fragment(frame_type: FrameType) -> Vec<u8> {
    encoded(&Frame::Fragment(Fragment {
        frame_type,
        flags: Flags::default(),
        stream_id: StreamId(1),
        frame_id: FrameId(1),
        payload: Bytes::from_static(&[0; 16_000]),
    }))
}

fn call(flood: &Flood) -> Outcome {
    spoa_agent(&["call", "--addr", &flood.address.to_string(), "m"])
}

#[test]
fn an_ack_without_an_end_is_not_kept_by_a_call() {
    let first = [agent_hello(), fragment(FrameType::ACK)].concat();
    let flood = Flood::new(first, fragment(FrameType::UNSET));
    let outcome = call(&flood);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("fragments"), "{outcome:?}");
    assert!(flood.taken() < FLOOD);
}

#[test]
fn frames_without_an_end_end_a_call() {
    let unknown = encoded(&Frame::Unknown(FrameType(77)));
    let acks = [&7_u32.to_be_bytes()[..], &[103, 0, 0, 0, 1, 9, 9]].concat().repeat(1000);
    for again in [unknown.repeat(1000), acks, b"HTTP/1.1 200 OK\r\n".repeat(1000)] {
        for first in [agent_hello(), Vec::new()] {
            let flood = Flood::new(first, again.clone());
            let outcome = call(&flood);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            assert!(flood.taken() < FLOOD);
        }
    }
}

#[test]
fn a_load_goes_on_beside_frames_that_answer_nothing_and_ends_in_time() {
    let ack = [&7_u32.to_be_bytes()[..], &[103, 0, 0, 0, 1, 9, 1]].concat();
    let flood = Flood::new(agent_hello(), ack.repeat(1000));
    let (address, begun) = (flood.address.to_string(), Instant::now());
    let timed = ["--duration", "100ms", "--timeout", "300ms", "--quiet"];
    let outcome = spoa_agent(&[&["load", "--addr", &address], &timed[..], &["m"]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("never sent"), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(flood);
}

#[test]
fn a_load_does_not_wait_for_acks_that_come_one_by_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        if stream.read(&mut [0; 4096])? > 0 {
            stream.write_all(&agent_hello())?;
        }
        for stream_id in (1..200).step_by(2) {
            thread::sleep(Duration::from_millis(100));
            stream.write_all(&[0, 0, 0, 7, 103, 0, 0, 0, 1, stream_id, 1])?;
        }
        Ok(())
    });
    let begun = Instant::now();
    let timed = ["--duration", "10ms", "--timeout", "500ms", "--window", "100", "--quiet"];
    let outcome = spoa_agent(&[&["load", "--addr", &address], &timed[..], &["m"]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(server.join().unwrap().is_err(), "all acks were waited for");
}

/// What an agent logs that has a span for this collector.
pub(crate) fn log_of_an_export(options: &[&str]) -> String {
    let folder = Folder::new();
    let log = folder.file("log");
    let variables = [("OTEL_METRICS_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")];
    let agent = Agent::with_variables(options, &variables, &log);
    let call = ["call", "--addr", &agent.address(), "check-client-ip", "ip=::1"];
    assert_eq!(spoa_agent(&call).code, Some(0));
    assert_eq!(agent.end_by("TERM"), Some(0));
    fs::read_to_string(&log).expect("there is a log")
}

#[test]
fn an_answer_without_an_end_is_not_kept_for_a_collector() {
    let length = format!("content-length: {}", u64::MAX / 2);
    for framing in ["transfer-encoding: chunked", &length] {
        let first = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
        let piece = [&b"10000\r\n"[..], &[b'0'; 0x10000], b"\r\n"].concat();
        let flood = Flood::new(first.into(), piece);
        let said = log_of_an_export(&["--otlp", &format!("http://{}", flood.address)]);
        assert!(said.contains("more than 65536 bytes"), "{said}");
        assert!(flood.taken() < FLOOD);
    }
}

#[test]
fn a_head_without_an_end_is_not_kept_for_a_collector() {
    let flood = Flood::new(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-more: and more\r\n".repeat(1000));
    let said = log_of_an_export(&["--otlp", &format!("http://{}", flood.address)]);
    assert!(said.contains("export failed") || said.contains("push failed"), "{said}");
    assert!(flood.taken() < FLOOD);
}

/// A collector that has much to say about what it did not take.
struct Talkative;

#[tonic::async_trait]
impl TraceService for Talkative {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let error_message = "no".repeat(MIB);
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: 1, error_message });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[test]
fn an_answer_by_grpc_is_as_large_as_one_by_http_at_the_most() {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(TraceServiceServer::new(Talkative));
    runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let said = log_of_an_export(&["--otlp", &url, "--otlp-protocol", "grpc"]);
    // That is asked for again, as gRPC has it, until the time is up.
    assert!(said.contains("export failed") || said.contains("push failed"), "{} bytes", said.len());
    assert!(!said.contains("nono"), "{} bytes", said.len());
}
