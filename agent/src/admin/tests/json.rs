//! What `/status.json` says, and that its names stay.

use serde_json::{Value, json};
use spoa_actors::Registry;

use super::scene::{Answer, Scene, answer_nothing, haproxy, message};

#[actix_rt::test]
async fn the_names_of_the_json_stay() {
    let registry = Registry::new().on("m", answer_nothing);
    let (scene, agent) = Scene::with_agent(registry).await;
    let mut sound = haproxy(&agent).await;
    sound.notify(message("m")).await.unwrap();
    sound.notify(message("un<b>\n")).await.unwrap();
    let mut broken = haproxy(&agent).await;
    broken.send_bytes(&[0, 0, 0, 1, 7]).await.unwrap();
    let seen = |answer: &Answer| answer.body.contains("time_unix_seconds");
    let status = scene.until("/status.json", seen).await;
    let status: Value = serde_json::from_str(&status.body).unwrap();

    let mut got = shape(&status);
    let totals = got["totals"].take();
    assert_eq!(got, expected_shape());
    let totals = totals.as_object().unwrap();
    for name in ["notifies", "acks", "bytes_in", "hellos", "read_timeouts", "handler_restarts"] {
        assert_eq!(totals[name], "number", "{name}");
    }
    assert_eq!(totals["messages"], outcomes());
    assert_eq!(status["totals"]["disconnects_sent"][0]["count"], 1);
    let names = json!([{"status_code": "number", "status": "string", "count": "number"}]);
    assert_eq!(totals["disconnects_sent"], names);
    assert_eq!(totals["frames_received"]["notify"], json!({"frames": "number", "bytes": "number"}));

    assert_eq!(
        status["routes"][0]["arguments"][0],
        json!({"name": "ip", "type": "ipv4", "length_bytes": null})
    );
    assert_eq!(
        status["routes"][0]["arguments"][1],
        json!({"name": "ua", "type": "string", "length_bytes": 4})
    );
    assert_eq!(status["routes"][0]["calls"], 1);
    let unrouted = &status["messages_without_route"][0];
    assert_eq!((&unrouted["message"], &unrouted["count"]), (&json!(r"un<b>\n"), &json!(1)));
    assert_eq!(unrouted["arguments"], status["routes"][0]["arguments"]);
    assert_eq!(status["connections"]["shown"][0]["version"], "2.0");
    assert!(!status.to_string().contains("curl"), "no value of an argument is told");
}

/// The names in it, with the type of each value, and of the first of a list.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(entries) => Value::Object(
            entries.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        ),
    }
}

fn outcomes() -> Value {
    let names = [
        "answered",
        "bad_arguments",
        "failed",
        "panicked",
        "deadline_exceeded",
        "agent_overloaded",
        "route_full",
        "circuit_open",
        "too_large",
        "too_many_messages",
        "actor_stopped",
    ];
    Value::Object(names.into_iter().map(|name| (name.to_owned(), "number".into())).collect())
}

#[allow(clippy::too_many_lines, reason = "it is a table")]
fn expected_shape() -> Value {
    json!({
        "program": "string", "version": "string",
        "uptime_seconds": "number",
        "generation": "number",
        "readiness": {"is_ready": "bool", "state": "string", "text": "string"},
        "workers": {"total": "number", "unresponsive": "number"},
        "limits": {
            "connections": "number",
            "tls_handshakes": "number",
            "messages": "number",
            "messages_per_connection": "number",
            "memory_bytes": "number",
            "max_frame_size_bytes": "number",
            "max_reassembled_size_bytes": "number",
            "deadline_seconds": "number",
            "read_timeout_seconds": "number",
            "max_connection_age_seconds": "null",
        },
        "in_use": {
            "connections": "number",
            "tls_handshakes": "number",
            "messages": "number",
            "memory_bytes": "number",
        },
        "listeners": [{"listener": "string", "open": "number", "accepted": "number"}],
        "chains": [],
        "data": [],
        "engines": [{"engine_id": "string", "open": "number", "accepted": "number"}],
        "connections": {
            "total": "number",
            "shown": [{
                "peer": "string",
                "listener": "string",
                "engine_id": "string",
                "version": "string",
                "max_frame_size_bytes": "number",
                "capabilities": ["string"],
                "phase": "string",
                "messages_in_flight": "number",
                "memory_bytes": "number",
                "age_seconds": "number",
            }],
        },
        "routes": [route()],
        "messages_without_route": [unrouted()],
        "violations": [{
            "time_unix_seconds": "number",
            "peer": "string",
            "engine_id": "string",
            "status_code": "number",
            "status": "string",
            "reason": "string",
            "text": "string",
            "advice": "string",
        }],
        "latency": {
            "count": "number",
            "sum_seconds": "number",
            "buckets": [{"up_to_seconds": "number", "count": "number"}],
        },
        "totals": null,
    })
}

fn unrouted() -> Value {
    json!({
        "message": "string",
        "count": "number",
        "last_seen_seconds": "number",
        "arguments": [argument()],
    })
}

fn argument() -> Value {
    json!({"name": "string", "type": "string", "length_bytes": "null"})
}

fn route() -> Value {
    json!({
        "route": "string",
        "calls": "number",
        "outcomes": outcomes(),
        "p50_seconds": "number",
        "p99_seconds": "number",
        "concurrency": "number",
        "concurrency_limit": "number",
        "instances": {"up": "number", "restarting": "number", "down": "number", "stopped": "number"},
        "is_required": "bool",
        "restarts": "number",
        "starts_failed": "number",
        "times_down": "number",
        "background_panics": "number",
        "deadline_seconds": "number",
        "fallback": "string",
        "arguments": [argument()],
    })
}
