//! What a peer or a client has chosen, on its way into the log: no line is forged, and none is long.

use serde::Deserialize;
use spoa_actors::{
    Actions, BoxError, Limits, Message, Registry, TypedData,
    spop::{EngineId, Flags, Fragment, Frame, FrameId, FrameType, HaproxyHello, StreamId},
    testing::{InMemoryAgent, hello},
};

use crate::support::{Log, Result, until};

/// Ends the line, turns the direction of writing, moves the cursor: in UTF-8, and as a single byte.
const HOSTILE: &str =
    "bob\n2026-01-01T00:00:00Z ERROR forged\r\u{202e}\u{2066}\u{2028}\u{85}\u{9b}2J\u{1b}[2J";

#[derive(Deserialize)]
struct User {
    name: String,
}

fn unknown_user(user: User) -> std::result::Result<Actions, BoxError> {
    Err(format!("no user {}", user.name).into())
}

fn unexpected_user(user: User) -> std::result::Result<Actions, BoxError> {
    panic!("no user {}", user.name)
}

fn registry() -> Registry {
    Registry::new().on("find", unknown_user).on("trust", unexpected_user)
}

/// The lines that come of a conversation: one, which holds nothing that a terminal obeys.
async fn logged(engine_id: &[u8], frame: impl Into<Sent>) -> Result<String> {
    let log = Log::default();
    let _log = log.listen();
    let limits = Limits::default().max_frame_size(2 << 20);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.open();
    let engine_id = Some(EngineId::new(engine_id));
    haproxy.hello(HaproxyHello { engine_id, max_frame_size: 2 << 20, ..hello() }).await?;
    match frame.into() {
        Sent::Notify(message) => drop(haproxy.notify(message).await?),
        Sent::Frame(frame) => haproxy.send(frame).await?,
    }
    drop(haproxy);
    until(&agent, |seen| seen.connections_open == 0).await;
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("{} lines: {lines:?}", lines.len()) };
    let is_plain = |letter: char| letter.escape_debug().len() == 1 || "\"'\\".contains(letter);
    assert!(line.chars().all(is_plain), "{line:?}");
    Ok(line.clone())
}

enum Sent {
    Notify(Message),
    Frame(Frame),
}

impl From<Message> for Sent {
    fn from(message: Message) -> Self {
        Self::Notify(message)
    }
}

/// A DISCONNECT that no HAProxy sends: its message may be longer than 255 bytes.
fn disconnect(message: &str) -> Sent {
    let list = Message::new("").arg("status-code", 4_u32).arg("message", message);
    let payload = list.as_bytes().get(2..).unwrap().to_vec().into();
    Sent::Frame(Frame::Fragment(Fragment {
        frame_type: FrameType::HAPROXY_DISCONNECT,
        flags: Flags { fin: true, abort: false },
        stream_id: StreamId(0),
        frame_id: FrameId(0),
        payload,
    }))
}

#[actix_rt::test]
async fn a_client_forges_no_line_through_an_error_or_a_panic_of_a_handler() -> Result {
    for (message, said) in [("find", "the handler failed"), ("trust", "the handler panicked")] {
        let line = logged(b"e", Message::new(message).arg("name", HOSTILE)).await?;
        assert!(line.contains(&format!("{said}: no user bob\\n2026-01-01T00:00:00Z")), "{line}");
        assert!(line.contains(r"\r\u{202e}\u{2066}\u{2028}\u{85}\u{9b}2J\u{1b}[2J"), "{line}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_client_fills_no_log_through_an_error_or_a_panic_of_a_handler() -> Result {
    let name = "x".repeat(1_000_000);
    for message in ["find", "trust"] {
        let line = logged(b"e", Message::new(message).arg("name", name.as_str())).await?;
        assert!(line.len() < 2000 && line.contains("… (1000008 bytes)"), "{}", line.len());
    }
    Ok(())
}

#[actix_rt::test]
async fn names_of_messages_and_arguments_forge_nothing_and_are_short() -> Result {
    let line = logged(b"e", Message::new(HOSTILE)).await?;
    assert!(line.contains(r"spoe_message=bob\n2026"), "{line}");
    let line = logged(b"e", Message::new("find").arg(HOSTILE, 1).arg("name", 1)).await?;
    assert!(line.contains("argument \"name\": invalid type"), "{line}");
    let line = logged(b"e", Message::new("x".repeat(1_000_000))).await?;
    assert!(line.len() < 1000 && line.contains("… (1000000 bytes)"), "{}", line.len());
    Ok(())
}

#[actix_rt::test]
async fn what_haproxy_says_when_it_goes_forges_nothing_and_is_short() -> Result {
    for message in [HOSTILE, &format!("{HOSTILE}{}", "\u{9b}".repeat(500_000))] {
        let line = logged(HOSTILE.as_bytes(), disconnect(message));
        let line = line.await?;
        assert!(
            line.contains(r#"text="bob\n2026"#) && line.contains(r"engine_id=bob\n2026"),
            "{line}"
        );
        assert!(line.len() < 1000, "{} bytes", line.len());
    }
    Ok(())
}

#[test]
fn messages_and_actions_show_what_they_hold_in_part() {
    let text = "\u{202e}".repeat(100_000);
    let message = Message::new(text.as_str()).arg(text.as_str(), text.as_str());
    let message = message.arg("raw", TypedData::Binary(text.as_bytes()));
    assert!(message.to_string().len() < 1500, "{} bytes", message.to_string().len());
    assert!(message.to_string().is_ascii() || message.to_string().contains('…'));
    let actions = Actions::new().set_var(spoa_actors::Scope::Session, "a", text.as_str()).unwrap();
    assert!(actions.to_string().len() < 500, "{} bytes", actions.to_string().len());
}
