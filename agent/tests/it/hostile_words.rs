//! Servers whose words end lines, move cursors, or fill a screen: they are printed as one short line.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use spoa_actors::{
    Actions, ForeignText, Message, Scope,
    spop::{Ack, AgentHello, Capabilities, Flags, Fragment, Frame, FrameId, FrameType, StreamId},
};
use tokio::runtime::Runtime;
use tonic::{
    Request, Response, Status, codegen::tokio_stream::wrappers::TcpListenerStream,
    transport::Server,
};

use crate::{
    broken_agent::{encoded, listen},
    hostile::log_of_an_export,
    scene::{spoa_agent, stranger},
};

/// Ends the line, turns the direction of writing, and clears the screen in two ways.
const HOSTILE: &str =
    "bob\n2026 ERROR forged\r\u{202e}\u{2066}\u{2028}\u{85}\u{9b}2J\u{1b}[2J\u{7f}";

fn long() -> String {
    format!("{HOSTILE}{}", "\u{9b}x".repeat(3000))
}

/// One short line, with a part of what was said.
#[track_caller]
fn check_is_harmless(text: &str, most: usize) {
    let line = text.strip_suffix('\n').expect("it is a line");
    assert!(line.chars().all(ForeignText::is_plain), "{text}");
    assert!(line.len() < most, "{} bytes: {text}", line.len());
    assert!(line.contains(r"bob\n2026 ERROR forged\r"), "{text}");
}

fn value(stream_id: u8) -> Vec<u8> {
    let actions = Actions::new().set_var(Scope::Request, "name", &*long()).expect("it is a name");
    encoded(&Frame::Ack(Ack {
        stream_id: StreamId(stream_id.into()),
        frame_id: FrameId(1),
        actions,
    }))
}

/// The message of a DISCONNECT has 255 bytes at most, if an agent keeps to the specification.
fn farewell(_: u8) -> Vec<u8> {
    let list = Message::new("").arg("status-code", 3_u32).arg("message", &*long());
    encoded(&Frame::Fragment(Fragment {
        frame_type: FrameType::AGENT_DISCONNECT,
        flags: Flags { fin: true, abort: false },
        stream_id: StreamId(0),
        frame_id: FrameId(0),
        payload: list.as_bytes().get(2..).expect("a name and a count come first").to_vec().into(),
    }))
}

#[test]
fn a_value_is_printed_as_one_short_line_and_all_of_it_as_json() {
    let ask = |options: &[&str]| {
        let address = listen(value).to_string();
        spoa_agent(&[&["call", "--addr", &address, "m"], options].concat()).stdout
    };
    check_is_harmless(&ask(&[]), 400);
    let json = ask(&["--json"]);
    check_is_harmless(&json, 50_000);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["actions"][0]["value"], long());
}

#[test]
fn a_farewell_is_printed_as_one_short_line() {
    for command in [&["call"][..], &["load", "--quiet", "--frames", "1"]] {
        let address = listen(farewell).to_string();
        let outcome = spoa_agent(&[command, &["--addr", &address, "m"]].concat());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        check_is_harmless(&outcome.stderr, 600);
    }
}

#[test]
fn a_version_is_printed_as_one_short_line() {
    let (version, capabilities) = (long(), Capabilities::default());
    let hello = AgentHello { version, max_frame_size: 16_380, capabilities };
    let address = stranger(encoded(&Frame::AgentHello(hello)).leak()).to_string();
    let outcome = spoa_agent(&["healthcheck", "--addr", &address]);
    check_is_harmless(&format!("{}{}", outcome.stdout, outcome.stderr), 600);
}

/// A collector that takes nothing, and says why in its answer or in its status.
struct Collector {
    answers: bool,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let error_message = long();
        if !self.answers {
            return Err(Status::invalid_argument(HOSTILE));
        }
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: 1, error_message });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[test]
fn what_a_collector_says_is_one_short_line_of_the_log_in_either_format() {
    for (answers, format) in [(true, "human"), (true, "json"), (false, "human"), (false, "json")] {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(Collector { answers }));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let options = ["--otlp", &url, "--otlp-protocol", "grpc", "--log-format", format];
        let log = log_of_an_export(&options);
        let what = if answers { "spans rejected" } else { "span export failed" };
        let line = log.lines().find(|line| line.contains(what)).expect(what);
        // JSON escapes the backslash of an escape.
        check_is_harmless(&format!("{}\n", line.replace(r"\\", r"\")), 2000);
        assert!(!log.lines().any(|line| line.starts_with("2026 ERROR")), "{log}");
    }
}
