//! How accepted connections come to the arbiters: in turn, and no more than these take. Sockets and time
//! are real here.

use std::{
    fs,
    net::SocketAddr,
    num::NonZero,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use spoa_actors::{
    Actions, Agent, Limits, Message, Registry, Route, RunningAgent, Scope,
    spop::{Frame, StatusCode},
    testing::{ClientError, FakeHaproxy, hello},
};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{sleep, timeout},
};

use crate::support::{Result, farewell, registry};

const SOON: Duration = Duration::from_secs(20);
/// As many as wait for one arbiter.
const WAITING: usize = 4;

/// The message `block` blocks its thread until this is dropped.
struct Block {
    began: UnboundedReceiver<()>,
    _end: mpsc::Sender<()>,
}

/// Answers `thread` with the thread it is on, and `block` when the other is dropped.
fn blocking() -> (Registry, Block) {
    let (end, ended) = mpsc::channel::<()>();
    let (begin, began) = unbounded_channel();
    let ended = Arc::new(Mutex::new(ended));
    let block = Route::new(move |(): ()| {
        let _ = begin.send(());
        let _ = ended.lock().unwrap().recv();
        Ok::<_, ClientError>(Actions::new())
    });
    let thread = Route::new(|(): ()| {
        let thread = format!("{:?}", std::thread::current().id());
        Actions::new().set_var(Scope::Transaction, "thread", &thread)
    });
    (registry().on("block", block).on("thread", thread), Block { began, _end: end })
}

async fn start(arbiters: usize, limits: Limits, registry: Registry) -> Result<RunningAgent> {
    let agent = Agent::bind("127.0.0.1:0")?.listen("127.0.0.1:0")?.limits(limits);
    Ok(agent.arbiters(NonZero::new(arbiters).unwrap()).start(registry).await?)
}

async fn open(address: SocketAddr) -> Result<FakeHaproxy<TcpStream>> {
    Ok(FakeHaproxy::new(TcpStream::connect(address).await?).patience(SOON))
}

async fn connect(address: SocketAddr) -> Result<FakeHaproxy<TcpStream>> {
    let mut haproxy = open(address).await?;
    haproxy.hello(hello()).await?;
    Ok(haproxy)
}

/// A connection whose arbiter is blocked from now on.
async fn connect_and_block(
    address: SocketAddr,
    block: &mut Block,
) -> Result<FakeHaproxy<TcpStream>> {
    let mut haproxy = connect(address).await?;
    haproxy.send_notify(Message::new("block")).await?;
    block.began.recv().await.unwrap();
    Ok(haproxy)
}

async fn thread(address: SocketAddr) -> Result<String> {
    Ok(connect(address).await?.notify(Message::new("thread")).await?.to_string())
}

/// How many sockets of a listener a process has accepted, and not closed: those that wait in the
/// backlog have no inode yet.
fn accepted(address: SocketAddr) -> usize {
    let port = format!("0100007F:{:04X}", address.port());
    let is_accepted = |line: &&str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (is_ours, is_listening) = (columns[1] == port, columns[3] == "0A");
        is_ours && !is_listening && columns[9] != "0"
    };
    fs::read_to_string("/proc/net/tcp").unwrap().lines().filter(is_accepted).count()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(SOON, wait).await.unwrap_or_else(|_| panic!("not soon: {what}"));
}

#[actix_rt::test]
async fn what_a_blocked_arbiter_does_not_take_stays_in_the_backlog() -> Result {
    let (registry, mut block) = blocking();
    let limits = Limits::default().connections(2);
    let agent = start(1, limits, registry).await?;
    let address = agent.local_addresses()[0];
    let mut haproxy = connect_and_block(address, &mut block).await?;
    // They connect, and go.
    for _ in 0..200 {
        std::net::TcpStream::connect_timeout(&address, SOON)?;
    }
    until("accepting pauses", async || agent.statistics().await.accepts_paused_for_workers > 0)
        .await;
    let seen = agent.statistics().await;
    assert_eq!((seen.workers_unresponsive, seen.queued_connections), (1, WAITING as u64));
    // The one that blocks, those that wait, and the one that the acceptor holds.
    assert_eq!(accepted(address), 1 + WAITING + 1);

    drop(block);
    assert!(haproxy.ack().await?.actions.is_empty());
    drop(haproxy);
    until("all are gone", async || accepted(address) == 0).await;
    let seen = agent.stop().await;
    assert_eq!((seen.queued_connections, seen.excess_connections), (0, 0));
    Ok(())
}

#[actix_rt::test]
async fn one_blocked_arbiter_of_three_leaves_two_that_serve_new_connections() -> Result {
    let (registry, mut block) = blocking();
    let agent = start(3, Limits::default(), registry).await?;
    let address = agent.local_addresses()[0];
    let mut haproxy = connect_and_block(address, &mut block).await?;
    let mut threads: FuturesUnordered<_> = (0..60).map(|_| thread(address)).collect();
    let mut answered = Vec::new();
    while answered.len() < 60 - WAITING {
        answered.push(timeout(SOON, threads.next()).await?.unwrap()?);
    }
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), 2);
    let seen = agent.statistics().await;
    assert_eq!((seen.workers_unresponsive, seen.queued_connections), (1, WAITING as u64));
    assert!(seen.workers_skipped > 0);

    drop(block);
    assert!(haproxy.ack().await?.actions.is_empty());
    while let Some(answer) = timeout(SOON, threads.next()).await? {
        assert!(!answered.contains(&answer?));
    }
    Ok(())
}

#[actix_rt::test]
async fn listeners_take_turns_together() -> Result {
    let (registry, _block) = blocking();
    let agent = start(3, Limits::default(), registry).await?;
    let mut threads = Vec::new();
    // The second listener is asked half as often.
    for nth in [0, 0, 1, 0, 0, 1] {
        threads.push(thread(agent.local_addresses()[nth]).await?);
    }
    assert_eq!(threads[..3], threads[3..]);
    threads.sort();
    threads.dedup();
    assert_eq!(threads.len(), 3);
    Ok(())
}

#[actix_rt::test]
async fn connections_over_the_limit_are_bounded_and_others_wait_in_the_backlog() -> Result {
    let refusal_delay = Duration::from_millis(50);
    let limits =
        Limits::default().connections(1).excess_connections(2).refusal_delay(refusal_delay);
    let agent = start(2, limits, registry()).await?;
    let address = agent.local_addresses()[0];
    let _only_place = connect(address).await?;
    let mut refusals: FuturesUnordered<_> = (0..9)
        .map(async |_| {
            let mut haproxy = open(address).await?;
            haproxy.send(Frame::HaproxyHello(hello())).await?;
            farewell(&mut haproxy).await
        })
        .collect();
    let mut most = 0;
    while let Some(refusal) = timeout(SOON, refusals.next()).await? {
        assert_eq!(refusal?.status_code, StatusCode::NO_RESOURCE);
        let seen = agent.statistics().await;
        assert!(seen.excess_connections <= 2, "{}", seen.excess_connections);
        most = most.max(accepted(address));
    }
    // The open one, those over the limit, and the one that the acceptor holds.
    assert!(most <= 1 + 2 + 1, "{most}");
    let seen = agent.statistics().await;
    assert_eq!((seen.connections_accepted, seen.connections_refused), (1, 9));
    assert!(seen.accepts_paused_for_connections > 0);
    Ok(())
}

#[actix_rt::test]
async fn a_health_check_takes_the_place_of_the_oldest_silent_connection_over_the_limit() -> Result {
    let limits = Limits::default().connections(1).excess_connections(4);
    let agent = start(2, limits, registry()).await?;
    let address = agent.local_addresses()[0];
    let _only_place = connect(address).await?;
    // A machine that stands still would have all of them end by themselves.
    for _ in 0..5 {
        let mut silent = Vec::new();
        for count in 1..=4 {
            silent.push(TcpStream::connect(address).await?);
            until("it is taken", async || agent.statistics().await.excess_connections == count)
                .await;
        }
        let refused = agent.statistics().await.connections_refused;
        open(address).await?.healthcheck().await?;
        let now_refused = agent.statistics().await.connections_refused;
        let are_open: Vec<_> = silent.iter().map(|one| one.try_read(&mut [0]).is_err()).collect();
        drop(silent);
        until("all are gone", async || agent.statistics().await.excess_connections == 0).await;
        if now_refused == refused + 1 {
            assert_eq!(are_open, [false, true, true, true]);
            return Ok(());
        }
    }
    panic!("a health check has waited until silent connections ended by themselves")
}

#[actix_rt::test]
async fn a_stop_does_not_wait_for_the_backlog_of_a_blocked_arbiter() -> Result {
    let (registry, mut block) = blocking();
    let shutdown_timeout = Duration::from_millis(10);
    let limits = Limits::default().shutdown_timeout(shutdown_timeout).notice_period(Duration::ZERO);
    let agent = start(1, limits, registry).await?;
    let address = agent.local_addresses()[0];
    let _haproxy = connect_and_block(address, &mut block).await?;
    for _ in 0..20 {
        std::net::TcpStream::connect_timeout(&address, SOON)?;
    }
    timeout(Duration::from_secs(8), agent.stop()).await?;
    drop(block);
    Ok(())
}
