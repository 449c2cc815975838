//! What a TLS listener gives to peers that have not proved who they are, and to unfinished records.

use std::{num::NonZero, time::Duration};

use spoa_actors::{Agent, Limits, Listen, Message, spop::StatusCode, testing::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::TcpStream,
    time::{Instant, sleep},
};
use tokio_rustls::client::TlsStream;

use crate::{
    arbiter::limits::{SECOND, agent},
    listen::tls::{NAME, connect, open, scores},
    support::{
        Log, Result, ask_score,
        certificates::{Authority, Client, Files},
        farewell, registry, until,
    },
};

const KIB: usize = 1024;
/// What an idle TLS connection is taken to cost.
const IDLE: u64 = 10 * KIB as u64;

/// A `ClientHello` that announces 64 KiB, and so many bytes of it.
fn client_hello(size: usize) -> Vec<u8> {
    let message = [&[1, 0, 0xff, 0xf0, 3, 3][..], &vec![0; size - 6]].concat();
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, length[0], length[1]], part].concat()
    };
    message.chunks(16 * KIB).flat_map(record).collect()
}

fn with_memory(memory: usize) -> Limits {
    let max_frame_size = 64 * KIB as u32;
    Limits::default().memory(memory).max_frame_size(max_frame_size).max_reassembled_size(64 * KIB)
}

/// A client whose handshake and HELLO are done.
async fn greeted(
    agent: &InMemoryAgent,
    files: &Files,
    client: &Client,
) -> Result<FakeHaproxy<TlsStream<DuplexStream>>> {
    let stream = client.connect(NAME, open(agent, &files.tls())).await?;
    Ok(FakeHaproxy::over(stream).await?.patience(60 * SECOND))
}

#[actix_rt::test]
async fn a_tls_record_that_is_not_finished_ends_its_connection_after_the_read_timeout() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    for (round, size) in [1, 5, 100, 10_000].into_iter().enumerate() {
        let mut haproxy = greeted(&agent, &files, &client).await?;
        sleep(3600 * SECOND).await;
        let record = [&[23, 3, 3, 0x40, 0][..], &[0; 10_000]].concat();
        haproxy.stream_mut().get_mut().0.write_all(&record[..size]).await?;
        let begun = Instant::now();
        assert_eq!(farewell(&mut haproxy).await?.status_code, StatusCode::TIMEOUT, "{size} bytes");
        assert_eq!(begun.elapsed().as_secs(), 10, "{size} bytes");
        assert_eq!(agent.statistics().await.read_timeouts, round as u64 + 1);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_tls_record_that_drips_is_waited_for_no_longer() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = greeted(&agent, &files, &client).await?;
    let begun = Instant::now();
    for byte in [23, 3, 3, 0x40, 0].into_iter().chain([0; 60]) {
        haproxy.stream_mut().get_mut().0.write_all(&[byte]).await?;
        sleep(SECOND).await;
        if agent.statistics().await.read_timeouts == 1 {
            break;
        }
    }
    assert!(begun.elapsed() <= 11 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(farewell(&mut haproxy).await?.status_code, StatusCode::TIMEOUT);
    Ok(())
}

#[actix_rt::test]
async fn an_idle_tls_connection_is_no_unfinished_record_even_with_new_keys() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default().read_timeout(10 * SECOND)).await;
    let mut haproxy = greeted(&agent, &files, &client).await?;
    for _ in 0..10 {
        haproxy.stream_mut().get_mut().1.refresh_traffic_keys().unwrap();
        haproxy.stream_mut().flush().await?;
        sleep(3600 * SECOND).await;
        assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    }
    assert_eq!(agent.statistics().await.read_timeouts, 0);
    Ok(())
}

#[actix_rt::test]
async fn what_tls_buffers_for_a_peer_is_counted_as_kept() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default()).await;
    let mut haproxy = greeted(&agent, &files, &client).await?;
    haproxy.notify(ask_score()).await?;
    until(&agent, |seen| seen.buffered_bytes == IDLE).await;
    let record = [&[23, 3, 3, 0x40, 0][..], &[0; 14_000]].concat();
    haproxy.stream_mut().get_mut().0.write_all(&record).await?;
    until(&agent, |seen| seen.buffered_bytes == IDLE + 14_005 - 4096).await;
    drop(haproxy);
    until(&agent, |seen| seen.buffered_bytes == 0).await;
    Ok(())
}

#[actix_rt::test]
async fn a_handshake_takes_its_turn_and_a_stalled_one_loses_its_place_to_others() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default().handshakes(2)).await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut stream = open(&agent, &files.tls());
        stream.write_all(&client_hello(100)).await?;
        stalled.push(stream);
    }
    until(&agent, |seen| seen.tls_handshakes == 2).await;
    let begun = Instant::now();
    scores(client.connect(NAME, open(&agent, &files.tls())).await?).await?;
    let waited = begun.elapsed();
    assert!(waited <= Duration::from_millis(1100), "{waited:?}");
    assert_eq!(stalled[0].read(&mut [0]).await?, 0, "closed");
    let seen = agent.statistics().await;
    assert!(seen.tls_handshakes_refused.of("limit") >= 1, "{:?}", seen.tls_handshakes_refused);
    assert!(log.lines()[0].contains("TLS handshake limit reached"), "{:?}", log.lines());
    assert!(log.lines()[0].contains("raise Limits::handshakes"), "{:?}", log.lines());
    drop(stalled);
    until(&agent, |seen| seen.tls_handshakes == 0 && seen.buffered_bytes == 0).await;
    Ok(())
}

#[actix_rt::test]
async fn a_slow_handshake_keeps_its_place_while_nobody_waits_for_one() -> Result {
    tokio::time::pause();
    let files = Files::new(&Authority::new().issue(NAME));
    let agent = agent(Limits::default().handshakes(1)).await;
    let mut slow = open(&agent, &files.tls());
    slow.write_all(&client_hello(100)).await?;
    sleep(5 * SECOND).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.tls_handshakes, seen.tls_handshakes_refused.iter().count()), (1, 0));
    drop(slow);
    Ok(())
}

/// Sockets and time are real here.
#[actix_rt::test]
async fn handshakes_of_one_arbiter_take_no_place_of_another_one() -> Result {
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = Agent::new()
        .listen_on(Listen::tcp("127.0.0.1:0").tls(files.tls()))?
        .limits(Limits::default().handshakes(2))
        .arbiters(NonZero::new(2).unwrap())
        .start(registry())
        .await?;
    // Every other one is of the same arbiter.
    let (hello, mut others) = (client_hello(100), Vec::new());
    for bytes in [&hello[..], &[], &hello, &[], &hello] {
        let mut other = TcpStream::connect(agent.local_addresses()[0]).await?;
        other.write_all(bytes).await?;
        others.push(other);
        while agent.statistics().await.connections_open < others.len() as u64 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    let begun = Instant::now();
    scores(connect(&agent, &client).await?).await?;
    assert!(begun.elapsed() < SECOND / 2, "{:?}", begun.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn a_peer_that_has_sent_nothing_takes_no_place_of_a_handshake() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(Limits::default().handshakes(1)).await;
    let silent: Vec<_> = (0..10).map(|_| open(&agent, &files.tls())).collect();
    until(&agent, |seen| seen.connections_open == 10).await;
    let begun = Instant::now();
    scores(client.connect(NAME, open(&agent, &files.tls())).await?).await?;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!(agent.statistics().await.tls_handshakes_refused.iter().count(), 0);
    drop(silent);
    Ok(())
}

#[actix_rt::test]
async fn handshakes_are_refused_while_there_is_no_memory_for_them() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let memory = 1024 * KIB;
    let agent = agent(with_memory(memory)).await;
    let mut old = greeted(&agent, &files, &client).await?;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut stream = open(&agent, &files.tls());
        stream.write_all(&client_hello(100)).await?;
        stalled.push(stream);
    }
    until(&agent, |seen| seen.tls_handshakes + seen.tls_handshakes_refused.of("memory") == 20)
        .await;
    let seen = agent.statistics().await;
    assert!(seen.buffered_bytes <= memory as u64, "{}", seen.buffered_bytes);
    assert!((10..=16).contains(&seen.tls_handshakes), "{}", seen.tls_handshakes);
    assert!(client.connect(NAME, open(&agent, &files.tls())).await.is_err());
    assert!(log.lines()[0].contains("memory limit reached: refused a TLS"), "{:?}", log.lines());
    assert_eq!(old.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    sleep(Limits::default().hello_timeout).await;
    until(&agent, |seen| seen.tls_handshakes == 0 && seen.buffered_bytes == IDLE).await;
    scores(client.connect(NAME, open(&agent, &files.tls())).await?).await?;
    Ok(())
}

#[actix_rt::test]
async fn a_tls_connection_is_not_ended_for_what_it_costs_whatever_its_peer_does() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(with_memory(100 * KIB).connections(4)).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(greeted(&agent, &files, &client).await?);
    }
    // Less than its part of each; with their costs more than there is.
    let frame = [&16_000_u32.to_be_bytes()[..], &[0; 15_900]].concat();
    for haproxy in &mut all {
        haproxy.send_bytes(&frame).await?;
    }
    until(&agent, |seen| seen.buffered_bytes > 100 * KIB as u64).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.memory_exceeded, seen.connections_open), (0, 4));
    Ok(())
}

#[actix_rt::test]
async fn what_idle_tls_connections_cost_keeps_no_connection_from_being_read() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let (files, client) = (Files::new(&authority.issue(NAME)), Client::new(&authority, None));
    let agent = agent(with_memory(400 * KIB).connections(40)).await;
    let mut idle = Vec::new();
    for _ in 0..32 {
        idle.push(greeted(&agent, &files, &client).await?);
    }
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify(Message::new("never").arg("body", vec![7; 15_000])).await?;
    let begun = Instant::now();
    haproxy.send_notify(ask_score()).await?;
    assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    assert!(begun.elapsed() < SECOND / 10, "{:?}", begun.elapsed());
    assert_eq!(agent.statistics().await.reads_paused, 0);
    Ok(())
}

#[actix_rt::test]
async fn an_agent_warns_if_tls_sessions_may_take_more_than_half_of_its_memory() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let files = Files::new(&Authority::new().issue(NAME));
    for (connections, lines) in [(50, 0), (60, 1)] {
        let agent = Agent::new().listen_on(Listen::tcp("127.0.0.1:0").tls(files.tls()))?;
        let limits = with_memory(1024 * KIB).connections(connections);
        let agent = agent.limits(limits).arbiters(NonZero::<usize>::MIN);
        agent.start(registry()).await?;
        let seen = log.lines().iter().filter(|line| line.contains("memory limit low")).count();
        assert_eq!(seen, lines, "{connections}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_client_that_sends_without_end_fails_its_handshake_at_32_kib() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let files = Files::new(&Authority::new().issue(NAME));
    let agent = agent(Limits::default()).await;
    let mut stream = open(&agent, &files.tls());
    stream.write_all(&client_hello(48 * KIB)).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    assert_eq!(agent.statistics().await.tls_handshakes_failed, 1);
    assert!(log.lines()[0].contains("more than 32768 bytes"), "{:?}", log.lines());
    Ok(())
}
