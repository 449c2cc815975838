//! Frames: what goes over the wire, and how peers break the protocol.

use spoa_actors::{
    observe::{FrameCount, Statistics, StatusCounts},
    spop::StatusCode,
};

use crate::telemetry::family::Family;

/// Frames and bytes.
pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let disconnects = |family: Family, direction, counts: &StatusCounts| {
        counts.iter().fold(family, |family, (code, count)| {
            let labels = [("direction", direction), ("status_code", status_code(code))];
            family.with(&labels, count)
        })
    };
    let family = Family::counter(
        "spoa_disconnects_total",
        "DISCONNECT frames by direction and status code; the agent sends them, and HAProxy.",
    );
    let family = disconnects(family, "sent", &statistics.disconnects_sent);
    let frames = |family: Family, count: fn(FrameCount) -> u64| {
        let directions =
            [("received", &statistics.frames_received), ("sent", &statistics.frames_sent)];
        directions.into_iter().fold(family, |family, (direction, counts)| {
            family.with_each(counts.iter(), |(frame_type, frame)| {
                ([("direction", direction), ("frame_type", frame_type)], count(frame))
            })
        })
    };
    vec![
        frames(
            Family::counter(
                "spoa_frames_total",
                "Frames by direction and type; unset is a further fragment, unknown is not in the \
             specification.",
            ),
            |frame| frame.frames,
        ),
        frames(
            Family::counter("spoa_frame_bytes_total", "Bytes of frames by direction and type."),
            |frame| frame.bytes,
        ),
        Family::counter("spoa_received_bytes_total", "Bytes received.")
            .with(&[], statistics.bytes_in),
        Family::counter("spoa_sent_bytes_total", "Bytes sent.").with(&[], statistics.bytes_out),
        Family::counter("spoa_fragments_total", "Fragments received.")
            .with(&[], statistics.fragments),
        Family::counter(
            "spoa_frames_truncated_total",
            "Connections that ended within a frame, or within a NOTIFY in fragments.",
        )
        .with(&[], statistics.frames_truncated),
        Family::counter(
            "spoa_violations_total",
            "Connections closed after HELLO because the peer violated the protocol, by reason.",
        )
        .with_each(statistics.violations.iter(), |(reason, count)| ([("reason", reason)], count)),
        disconnects(family, "received", &statistics.disconnects_received),
    ]
}

/// The name of a status-code as a label.
fn status_code(code: StatusCode) -> &'static str {
    match code {
        StatusCode::NORMAL => "normal",
        StatusCode::IO_ERROR => "io_error",
        StatusCode::TIMEOUT => "timeout",
        StatusCode::TOO_BIG => "too_big",
        StatusCode::INVALID => "invalid",
        StatusCode::NO_VERSION => "no_version",
        StatusCode::NO_FRAME_SIZE => "no_frame_size",
        StatusCode::NO_CAPABILITIES => "no_capabilities",
        StatusCode::BAD_VERSION => "bad_version",
        StatusCode::BAD_FRAME_SIZE => "bad_frame_size",
        StatusCode::NO_FRAGMENTATION => "no_fragmentation",
        StatusCode::INTERLACED => "interlaced",
        StatusCode::FRAME_NOT_FOUND => "frame_not_found",
        StatusCode::NO_RESOURCE => "no_resource",
        _ => "unknown",
    }
}
