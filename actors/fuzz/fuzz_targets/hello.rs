//! The handshake of both sides: a HELLO is read as the grammar says, and whatever is agreed both sides accept.
//!
//! Input: one byte of own limit, one of own capabilities, then the KV-LIST of a HELLO.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spoa_actors::{
    TypedData,
    spop::{
        AgentHello, Capabilities, EngineId, Frame, FrameCodec, FrameType, HaproxyHello, Offer,
        Session, StatusCode, Step, Violation,
    },
};
use spoa_fuzz::{encoded, metered, model, whole};

/// Own limits, around those that the specification names.
const LIMITS: [u32; 8] = [16_380, 0, 255, 256, 257, 4096, 65_532, u32::MAX];

/// What a HELLO must be, in the model's words: its three mandatory values, or the status-code that refuses it.
type Keys<'a> = Result<(&'a [u8], u32, &'a [u8]), StatusCode>;

fn text(value: TypedData<'_>) -> Result<Option<&[u8]>, StatusCode> {
    match value {
        TypedData::String(bytes) => Ok(Some(bytes)),
        _ => Err(StatusCode::INVALID),
    }
}

/// The mandatory keys; the last one of a name counts, and a value of a wrong type refuses the frame.
fn keys<'a>(payload: &'a [u8], version_key: &str, is_haproxy: bool) -> Keys<'a> {
    let (mut version, mut size, mut capabilities) = (None, None, None);
    for (name, value) in model::list(payload, model::pair).ok_or(StatusCode::INVALID)? {
        match name {
            name if name == version_key.as_bytes() => version = text(value)?,
            b"max-frame-size" => {
                let number = value.as_integer().ok_or(StatusCode::INVALID)?;
                size = Some(number.clamp(0, u32::MAX.into()) as u32);
            }
            b"capabilities" => capabilities = text(value)?,
            b"engine-id" if is_haproxy => _ = text(value)?,
            b"healthcheck" if is_haproxy && !matches!(value, TypedData::Bool(_)) => {
                return Err(StatusCode::INVALID);
            }
            _ => {}
        }
    }
    let version = version.ok_or(StatusCode::NO_VERSION)?;
    let size = size.ok_or(StatusCode::NO_FRAME_SIZE)?;
    Ok((version, size, capabilities.ok_or(StatusCode::NO_CAPABILITIES)?))
}

/// Decodes a HELLO of one side, within a bound of what it may allocate.
fn decode(frame_type: FrameType, payload: &[u8]) -> Result<Frame, Violation> {
    let bytes = whole(frame_type, payload);
    let (decoded, allocated) = metered(|| Frame::decode(bytes));
    // The texts, at worst with a replacement character of three bytes for each of theirs.
    let most = 8 * payload.len() as u64 + 512;
    assert!(allocated.bytes_max <= most, "{allocated:?} for {} bytes", payload.len());
    if let Ok(frame) = &decoded {
        let bytes = encoded(frame);
        let again = FrameCodec::new(u32::MAX).cut(&mut bytes.clone());
        assert_eq!(again.as_ref(), Ok(&Some(frame.clone())));
        assert_eq!(frame.frame_type(), frame_type);
    }
    decoded
}

fn has(capabilities: &[u8], name: &[u8]) -> bool {
    capabilities.split(|byte| *byte == b',').any(|one| one.trim_ascii() == name)
}

/// Whether an ACK may find another connection of the same engine.
fn may_be_asynchronous(theirs: &HaproxyHello) -> bool {
    let has_a_name = theirs.engine_id.as_ref().is_some_and(|id| !id.as_bytes().is_empty());
    theirs.capabilities.asynchronous && has_a_name
}

/// Whether a list of versions has one of 2, whose minor is some digits: it includes all minors before it.
fn offers_2_0(versions: &str) -> bool {
    versions.split(',').any(|version| match version.trim().as_bytes() {
        [b'2', b'.', minor @ ..] => !minor.is_empty() && minor.iter().all(u8::is_ascii_digit),
        _ => false,
    })
}

/// What this side agrees to is what the other side accepts.
fn agreement(theirs: &HaproxyHello, limit: u32, ours: Capabilities) -> Option<AgentHello> {
    let offers = offers_2_0(&theirs.supported_versions);
    let agreed = match theirs.agree(limit, ours) {
        Ok(agreed) => agreed,
        Err(violation) if !offers => {
            assert_eq!(violation.status(), StatusCode::BAD_VERSION);
            assert!(violation.to_string().len() < 2000, "a peer fills no log");
            return None;
        }
        Err(violation) => {
            assert_eq!(violation.status(), StatusCode::BAD_FRAME_SIZE);
            assert!(theirs.max_frame_size < 256);
            return None;
        }
    };
    assert!(offers && agreed.version == "2.0");
    assert!((256..=theirs.max_frame_size).contains(&agreed.max_frame_size));
    assert!(agreed.max_frame_size <= limit.max(256));
    assert_eq!(agreed.check(theirs), Ok(()), "the other side accepts it");
    let said = agreed.capabilities;
    assert_eq!(said.pipelining, ours.pipelining && theirs.capabilities.pipelining);
    assert_eq!(said.asynchronous, ours.asynchronous && may_be_asynchronous(theirs));
    assert_eq!(said.fragmentation, ours.fragmentation);
    let frame = encoded(&Frame::AgentHello(agreed.clone()));
    assert!(frame.len() <= 4 + 256, "a HELLO fits into the smallest frame there is");
    Some(agreed)
}

fn haproxy_says(payload: &[u8], limit: u32, ours: Capabilities) {
    let keys = keys(payload, "supported-versions", true);
    let theirs = match decode(FrameType::HAPROXY_HELLO, payload) {
        Ok(Frame::HaproxyHello(theirs)) => theirs,
        Err(violation) => return assert_eq!(Some(violation.status()), keys.err()),
        Ok(other) => panic!("a HELLO became {other:?}"),
    };
    let (versions, max_frame_size, capabilities) = keys.expect("the model reads it too");
    assert_eq!(theirs.supported_versions, String::from_utf8_lossy(versions));
    assert_eq!(theirs.max_frame_size, max_frame_size);
    assert_eq!(theirs.capabilities.pipelining, has(capabilities, b"pipelining"));
    assert_eq!(theirs.capabilities.asynchronous, has(capabilities, b"async"));
    assert_eq!(theirs.capabilities.fragmentation, has(capabilities, b"fragmentation"));
    if let Some(engine_id) = &theirs.engine_id {
        assert!(engine_id.as_bytes().len() <= EngineId::MAX_LENGTH);
        assert!(!engine_id.to_string().contains(char::is_control));
    }
    let agreed = agreement(&theirs, limit, ours);

    let hello = || Frame::HaproxyHello(theirs.clone());
    let asynchronous = ours.asynchronous;
    let offer = Offer { max_frame_size: limit, asynchronous, ..Offer::default() };
    let mut session = Session::new(offer);
    match session.receive(hello()) {
        Ok(Step::Greet { ours, .. }) => {
            let both = asynchronous && may_be_asynchronous(&theirs);
            assert!(!theirs.healthcheck && ours.capabilities.asynchronous == both);
            assert_eq!(agreed.map(|hello| hello.max_frame_size), Some(ours.max_frame_size));
            let second = session.receive(hello()).expect_err("one HELLO a connection");
            assert_eq!(second.status(), StatusCode::INVALID);
        }
        Ok(Step::Healthcheck(ours)) => {
            assert!(theirs.healthcheck && !session.is_greeted());
            assert_eq!(agreed.map(|hello| hello.max_frame_size), Some(ours.max_frame_size));
        }
        Err(_) => assert_eq!(agreed, None),
        Ok(other) => panic!("a HELLO led to {other:?}"),
    }
}

fn agent_says(payload: &[u8], announced: u32) {
    let keys = keys(payload, "version", false);
    let theirs = match decode(FrameType::AGENT_HELLO, payload) {
        Ok(Frame::AgentHello(theirs)) => theirs,
        Err(violation) => return assert_eq!(Some(violation.status()), keys.err()),
        Ok(other) => panic!("a HELLO became {other:?}"),
    };
    let (version, max_frame_size, _) = keys.expect("the model reads it too");
    assert_eq!(theirs.max_frame_size, max_frame_size);
    let ours = HaproxyHello { max_frame_size: announced, ..spoa_actors::testing::hello() };
    let expected = if version.trim_ascii() != b"2.0" {
        Err(StatusCode::BAD_VERSION)
    } else if !(256..=announced).contains(&max_frame_size) {
        Err(StatusCode::BAD_FRAME_SIZE)
    } else {
        Ok(())
    };
    assert_eq!(theirs.check(&ours).map_err(|violation| violation.status()), expected);
}

fuzz_target!(|data: &[u8]| {
    let Some((&[limit, bits], payload)) = data.split_first_chunk() else { return };
    let limit = LIMITS[usize::from(limit) % LIMITS.len()];
    let [pipelining, asynchronous, fragmentation] = [1, 2, 4].map(|bit| bits & bit != 0);
    haproxy_says(payload, limit, Capabilities { pipelining, asynchronous, fragmentation });
    agent_says(payload, limit);
});
