//! Wrong traffic: what speaks another protocol than the port is told from SPOP and closed.

use std::time::Duration;

use spoa_actors::{
    Limits,
    observe::ProtocolMismatches,
    spop::{ForeignProtocol, FrameCodec, Violation},
    testing::{ClientError, FakeHaproxy},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::support::{Log, Result, agent, until};

/// What a port gets to see, what it is, and what the log says about it.
const TRAFFIC: [(&[u8], ForeignProtocol, &str); 9] = [
    (
        b"GET /metrics HTTP/1.1\r\n\r\n",
        ForeignProtocol::Http,
        "an HTTP client speaks to the SPOE port",
    ),
    (b"POST / HTTP/1.0\r\n\r\n", ForeignProtocol::Http, "use `option spop-check`"),
    (b"OPTIONS / HTTP/1.0\r\n\r\n", ForeignProtocol::Http, "keep `mode http` out"),
    (b"CONNECT a:1 HTTP/1.1\r\n\r\n", ForeignProtocol::Http, "expected SPOP, received HTTP"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ForeignProtocol::Http, "expected SPOP, received HTTP"),
    (b"HTTP/1.1 200 OK\r\n\r\n", ForeignProtocol::Http, "expected SPOP, received HTTP"),
    (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        ForeignProtocol::Tls,
        "put no `ssl` on the server line",
    ),
    (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        ForeignProtocol::ProxyHeader,
        "put no `send-proxy`",
    ),
    (
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        ForeignProtocol::ProxyHeader,
        "have the listener take the PROXY",
    ),
];

fn counts(traffic: ProtocolMismatches) -> [u64; 4] {
    [traffic.http, traffic.tls, traffic.proxy_header, traffic.other]
}

#[test]
fn no_length_that_a_hello_may_have_is_foreign() {
    for length in 0..=FrameCodec::HELLO_LIMIT {
        assert_eq!(ForeignProtocol::of(length.to_be_bytes()), None, "{length}");
    }
}

#[actix_rt::test]
async fn a_foreign_protocol_is_closed_without_a_frame_counted_by_kind_and_logged_with_advice()
-> Result {
    tokio::time::pause();
    for (bytes, protocol, advice) in TRAFFIC {
        let log = Log::default();
        let _log = log.listen();
        let agent = agent().await;
        let mut peer = agent.open();
        let begun = Instant::now();
        peer.send_bytes(bytes).await?;
        let mut answer = Vec::new();
        peer.stream_mut().read_to_end(&mut answer).await?;
        assert_eq!(answer, b"", "{protocol}");
        assert!(begun.elapsed() >= Limits::default().refusal_delay, "{:?}", begun.elapsed());
        let seen = agent.statistics().await;
        let mut expected = [0; 4];
        expected[protocol as usize] = 1;
        assert_eq!(counts(seen.protocol_mismatches), expected, "{protocol}");
        assert_eq!((seen.hellos_refused, seen.disconnects_sent.iter().count()), (0, 0));
        let lines = log.lines();
        assert!(lines.len() == 1 && lines[0].contains(advice), "{lines:?}");
        assert!(lines[0].contains("peer=memory"), "{lines:?}");
        drop(peer);
        until(&agent, |seen| seen.connections_open == 0).await;
    }
    Ok(())
}

#[actix_rt::test]
async fn a_foreign_protocol_that_comes_byte_by_byte_is_told_at_its_fourth_byte() -> Result {
    tokio::time::pause();
    for (bytes, ..) in TRAFFIC {
        let agent = agent().await;
        let mut peer = agent.open();
        for byte in &bytes[..3] {
            peer.send_bytes(&[*byte]).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(counts(agent.statistics().await.protocol_mismatches), [0; 4]);
        peer.send_bytes(&bytes[3..4]).await?;
        assert_eq!(peer.stream_mut().read(&mut [0]).await?, 0, "{}", bytes.escape_ascii());
        assert_eq!(counts(agent.statistics().await.protocol_mismatches).iter().sum::<u64>(), 1);
    }
    Ok(())
}

#[actix_rt::test]
async fn of_many_foreign_connections_one_line_a_second_is_logged_for_each_kind() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let agent = agent().await;
    for (bytes, ..) in TRAFFIC.iter().chain(&TRAFFIC) {
        let mut peer = agent.open();
        peer.send_bytes(bytes).await?;
    }
    until(&agent, |seen| counts(seen.protocol_mismatches) == [12, 2, 4, 0]).await;
    assert_eq!(log.lines().len(), 3, "{:?}", log.lines());
    tokio::time::advance(Duration::from_secs(1)).await;
    agent.open().send_bytes(TRAFFIC[0].0).await?;
    until(&agent, |seen| seen.protocol_mismatches.http == 13).await;
    assert!(log.lines()[3].contains("suppressed=11"), "{:?}", log.lines());
    Ok(())
}

#[actix_rt::test]
async fn a_frame_of_an_agreed_conversation_may_be_as_long_as_get() -> Result {
    let mut haproxy = agent().await.connect().await?;
    haproxy.send_bytes(b"GET / HTTP/1.1\r\n\r\n").await?;
    let error = ClientError::from(haproxy.receive().await?);
    assert!(error.to_string().contains("frame length 1195725856 is above the limit"), "{error}");
    Ok(())
}

#[actix_rt::test]
async fn a_haproxy_too_tells_what_answers_it_in_another_protocol() -> Result {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
    let error = FakeHaproxy::over(ours).await.unwrap_err();
    let ClientError::Violation(Violation::ForeignProtocol(ForeignProtocol::Http)) = error else {
        panic!("{error}")
    };
    assert!(error.to_string().ends_with("expected SPOP, received HTTP"), "{error}");
    Ok(())
}
