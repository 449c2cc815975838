//! PROXY headers, where a listener asks for them.

use std::time::Duration;

use async_trait::async_trait;
use spoa_actors::{
    Actions, BoxError, HandlerActor, Limits, Listen, Message, Origin, Registry, Scope,
    client::ClientError,
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::Instant,
};

use crate::{
    route::lifecycle,
    support::{Log, Result, stop, subscribe, until},
};

/// Answers where it is asked from.
#[derive(Default)]
struct Whence;

#[async_trait(?Send)]
impl HandlerActor for Whence {
    type Args = ();

    async fn handle(&self, (): (), origin: &Origin) -> std::result::Result<Actions, BoxError> {
        let address = origin.peer_address().to_string();
        Ok(Actions::new().set_var(Scope::Transaction, "address", address.as_str())?)
    }
}

async fn agent() -> InMemoryAgent {
    let registry = Registry::new().on("whence", Whence::default);
    InMemoryAgent::start(registry, Limits::default()).await.unwrap()
}

/// HAProxy's end of a connection to a listener that asks for a PROXY header.
fn open(agent: &InMemoryAgent) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    agent.adopt_on(&Listen::tcp("any").proxy_protocol(), theirs).unwrap();
    ours
}

/// The address that a handler sees behind this header.
async fn address(header: &[u8]) -> Result<String> {
    let mut stream = open(&agent().await);
    stream.write_all(header).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    let actions = haproxy.notify(Message::new("whence")).await?.to_string();
    Ok(actions.trim_start_matches("set-var txn.address ").trim_matches('"').to_owned())
}

/// A header of version 2.
fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    header.extend(content);
    header
}

const IPV4: &[u8] = &[192, 0, 2, 1, 192, 0, 2, 2, 0x1f, 0x90, 0x30, 0x39];
const TEXT: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 8080 12345\r\n";

#[actix_rt::test]
async fn checklist_41_the_source_that_a_proxy_header_names_is_the_peer() -> Result {
    assert_eq!(address(TEXT).await?, "192.0.2.1:8080");
    let text = b"PROXY TCP6 2001:db8::1 2001:db8::2 8080 12345\r\n";
    assert_eq!(address(text).await?, "[2001:db8::1]:8080");
    assert_eq!(address(&binary(0x21, 0x11, IPV4)).await?, "192.0.2.1:8080");
    let mut ipv6 = [0; 36];
    (ipv6[0], ipv6[15], ipv6[33]) = (0xfd, 1, 80);
    assert_eq!(address(&binary(0x21, 0x21, &ipv6)).await?, "[fd00::1]:80");
    assert_eq!(address(&binary(0x21, 0x31, &[b'/'; 216])).await?, "unix");
    Ok(())
}

#[actix_rt::test]
async fn a_proxy_that_speaks_for_itself_leaves_the_address_of_the_socket() -> Result {
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff:ffff::ffff ffff:ffff::ffff 65535 65535\r\n".to_vec(),
        binary(0x20, 0x00, b""),
        binary(0x20, 0x11, IPV4),
        binary(0x20, 0xff, b"whatever it says"),
        binary(0x21, 0x00, b"\x03\0\x04crc!"),
    ] {
        assert_eq!(address(&header).await?, "memory", "{}", header.escape_ascii());
    }
    Ok(())
}

#[actix_rt::test]
async fn tlvs_behind_the_addresses_are_skipped_up_to_4_kib() -> Result {
    let longest = 4096 - 16;
    for length in [IPV4.len() + 3, 512, longest] {
        let mut content = IPV4.to_vec();
        content.resize(length, 0xee);
        assert_eq!(address(&binary(0x21, 0x11, &content)).await?, "192.0.2.1:8080");
    }
    Ok(())
}

/// What HAProxy 3.2 sends first, behind a header.
async fn header_and_hello(header: &[u8]) -> Vec<u8> {
    let (ours, mut theirs) = duplex(1024);
    FakeHaproxy::new(ours)
        .send(spoa_actors::spop::Frame::HaproxyHello(hello()))
        .await
        .expect("there is room");
    let mut bytes = header.to_vec();
    theirs.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[actix_rt::test]
async fn checklist_41_a_header_and_hello_may_be_cut_anywhere() -> Result {
    for header in [TEXT.to_vec(), b"PROXY UNKNOWN\r\n".to_vec(), binary(0x21, 0x11, IPV4)] {
        let bytes = header_and_hello(&header).await;
        let agent = agent().await;
        for cut in 0..=bytes.len() {
            let mut stream = open(&agent);
            stream.write_all(&bytes[..cut]).await?;
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            stream.write_all(&bytes[cut..]).await?;
            assert_eq!(stream.read_u8().await?, 0, "AGENT-HELLO is shorter than 16 MB");
        }
        let seen = agent.statistics().await;
        let opened = bytes.len() as u64 + 1;
        assert_eq!((seen.connections_accepted, seen.hellos), (opened, opened));
        assert_eq!(seen.proxy_headers_refused, 0);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_header_may_come_byte_by_byte_within_the_hello_timeout() -> Result {
    tokio::time::pause();
    let mut stream = open(&agent().await);
    for byte in TEXT {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    FakeHaproxy::over(stream).await?.notify(Message::new("whence")).await?;
    Ok(())
}

#[actix_rt::test]
async fn a_header_and_hello_have_the_hello_timeout_together() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let agent = agent().await;

    for sent in [&b""[..], &TEXT[..1], &TEXT[..30]] {
        let mut stream = open(&agent);
        let begun = Instant::now();
        stream.write_all(sent).await?;
        assert_eq!(stream.read(&mut [0]).await?, 0, "{}", sent.escape_ascii());
        let waited = begun.elapsed();
        assert!((10_000..11_000).contains(&waited.as_millis()), "{waited:?}");
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.proxy_headers_refused, seen.hellos_refused), (3, 0));
    assert!(log.lines()[0].contains("PROXY header timeout"), "{:?}", log.lines());

    let mut stream = open(&agent);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(9)).await;
    stream.write_all(TEXT).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    let waited = begun.elapsed();
    assert!((10_000..11_000).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(agent.statistics().await.hellos_refused, 1);
    Ok(())
}

/// Sends bytes that are no header; nothing may be answered. Returns the line of the log.
async fn refused(agent: &InMemoryAgent, bytes: &[u8]) -> Result<String> {
    let log = Log::default();
    let _log = log.listen();
    let mut stream = open(agent);
    let begun = Instant::now();
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert_eq!(answer, b"", "{}", bytes.escape_ascii());
    assert!(begun.elapsed() >= Limits::default().refusal_delay, "{:?}", begun.elapsed());
    drop(stream);
    until(agent, |seen| seen.connections_open == 0).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    Ok(log.lines().join("\n"))
}

#[actix_rt::test]
async fn a_connection_without_a_proxy_header_is_closed_and_logged_with_advice() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    for (bytes, text) in [
        (
            header_and_hello(b"").await,
            "expected a PROXY header, received plain SPOP or an unknown protocol;",
        ),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "an HTTP client speaks to the SPOE port"),
        (
            b"\x16\x03\x01\x02\0".to_vec(),
            "expected a PROXY header, received TLS; put `send-proxy-v2`",
        ),
        (b"\xff\xff\xff\xff".to_vec(), "put `send-proxy-v2` on the server line"),
    ] {
        let line = refused(&agent, &bytes).await?;
        assert!(line.contains(text), "{text:?} is not in {line}");
    }
    let seen = agent.statistics().await;
    let wrong = seen.protocol_mismatches;
    assert_eq!((wrong.http, wrong.tls, wrong.proxy_header, wrong.other), (1, 1, 0, 2));
    assert_eq!((seen.connections_accepted, seen.proxy_headers_refused), (4, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_proxy_header_that_is_none_is_refused_and_logged_with_its_cause() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 4096]].concat();
    let table = [
        (b"PROXY TCP4 192.0.2.1\r\n".to_vec(), "missing source port"),
        (b"PROXY TCP4 192.0.2.300 192.0.2.2 1 2\r\n".to_vec(), "invalid IP address"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n".to_vec(), "invalid TCP port"),
        (b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), "invalid protocol"),
        (b"PROXY \xff\xff\xff\xff\xff\xff\xff\r\n".to_vec(), "not valid UTF-8"),
        (b"PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), "start with 'PROXY'"),
        (endless, "it does not end within 107 bytes"),
        (b"\r\n\r\n\0\r\nQUIS\n\x21\x11\0\0".to_vec(), "start with a prefix"),
        (binary(0x11, 0x11, IPV4), "Expected version 10 to be equal to 2"),
        (binary(0x2f, 0x11, IPV4), "Invalid command F"),
        (binary(0x21, 0x41, IPV4), "Invalid Address Family 40"),
        (binary(0x21, 0x11, &IPV4[..8]), "cannot store the 12 bytes"),
        (binary(0x21, 0x11, &[0; 4081]), "announces 4097 bytes"),
        (binary(0x21, 0x11, &[0; 65535]), "announces 65551 bytes"),
    ];
    let count = table.len() as u64;
    for (bytes, text) in table {
        let line = refused(&agent, &bytes).await?;
        assert!(line.contains(text), "{text:?} is not in {line}");
        assert!(line.contains("invalid PROXY header"), "{line}");
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.proxy_headers_refused, seen.connections_accepted), (count, count));
    Ok(())
}

#[actix_rt::test]
async fn a_header_that_its_peer_leaves_unfinished_ends_the_connection() -> Result {
    tokio::time::pause();
    for header in [TEXT.to_vec(), binary(0x21, 0x11, IPV4)] {
        let agent = agent().await;
        for end in 0..header.len() {
            let mut stream = open(&agent);
            stream.write_all(&header[..end]).await?;
            stream.shutdown().await?;
            assert_eq!(stream.read(&mut [0]).await?, 0);
        }
        until(&agent, |seen| seen.connections_open == 0).await;
        let seen = agent.statistics().await;
        // What ends before it can be told for a header is nobody's fault: a TCP check does so.
        assert_eq!(seen.proxy_headers_refused, header.len() as u64 - 4);
        assert_eq!(seen.connections_panicked, 0);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_second_header_is_a_protocol_mismatch() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut stream = open(&agent);
    stream.write_all(TEXT).await?;
    stream.write_all(TEXT).await?;
    assert_eq!(stream.read(&mut [0]).await?, 0);
    assert_eq!(agent.statistics().await.protocol_mismatches.proxy_header, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_stop_drops_a_connection_that_does_not_come_to_spop_in_half_a_second() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let (mut waiting, mut refused) = (open(&agent), open(&agent));
    waiting.write_all(&TEXT[..20]).await?;
    refused.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    until(&agent, |seen| seen.protocol_mismatches.http == 1).await;
    let begun = Instant::now();
    let stopped = stop(&agent).await.unwrap();
    assert!((500..=502).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!((stopped.connections_accepted, stopped.connections_open), (2, 0));
    assert_eq!(waiting.read(&mut [0]).await?, 0);
    let late = open(&agent);
    until(&agent, |seen| seen.connections_accepted == 3 && seen.connections_open == 0).await;
    drop(late);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_comes_to_spop_while_the_agent_stops_is_answered() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut stream = open(&agent);
    stream.write_all(&TEXT[..20]).await?;
    until(&agent, |seen| seen.connections_open == 1).await;
    let stopping = stop(&agent);
    tokio::time::sleep(Duration::from_millis(400)).await;
    stream.write_all(&TEXT[20..]).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    haproxy.notify(Message::new("whence")).await?;
    let error = ClientError::from(haproxy.receive().await?);
    assert!(matches!(error, ClientError::Disconnected(_)), "{error}");
    drop(haproxy);
    let stopped = stopping.await.unwrap();
    assert_eq!((stopped.connections_open, stopped.acks), (0, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_panic_before_spop_ends_one_connection() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let (mut bystander, mut culprit) = (open(&agent), open(&agent));
    bystander.write_all(&TEXT[..20]).await?;
    let trap = lifecycle::Log(|metadata| {
        assert!(metadata.target() != "spoa_actors::listen::rejection", "the log cannot be written");
    });
    let broken = subscribe(trap);
    culprit.write_all(b"PROXY TCP5 whatever comes here\r\n").await?;
    assert_eq!(culprit.read(&mut [0]).await?, 0);
    drop(broken);
    bystander.write_all(&TEXT[20..]).await?;
    FakeHaproxy::over(bystander).await?.notify(Message::new("whence")).await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_panicked, seen.connections_open), (1, 0));
    Ok(())
}
