//! One hostile connection beside another on the same arbiter: how long the other waits, counted as the time
//! that the arbiter works meanwhile, so that a busy machine changes nothing.

use std::{
    fs,
    io::{Read, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use spoa_actors::spop::{Flags, FrameType};
use spoa_actors::{ActionError, Actions, Registry, Route, RunningAgent, Scope};
use spoa_integration::{Peer, frame, notify};
use tokio::time::sleep;

use crate::scene;

/// How long an arbiter may work for others before it answers.
const GOAL: Duration = Duration::from_millis(25);

/// By how much slower an agent without optimizations reads a large frame, with plenty.
const SLOWER: u32 = if cfg!(debug_assertions) { 8 } else { 1 };

/// For how long the one arbiter has worked.
#[derive(Default)]
struct Work {
    /// Where the kernel says so, a few milliseconds late.
    schedstat: OnceLock<String>,
    /// What it was when `greet` was called, in nanoseconds.
    greeted: AtomicU64,
}

impl Work {
    fn greet(&self) {
        self.schedstat.get_or_init(|| {
            let thread = fs::read_link("/proc/thread-self").unwrap();
            format!("/proc/{}/schedstat", thread.display())
        });
        let now = clock_gettime(ClockId::ThreadCPUTime);
        self.greeted.store(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64, Relaxed);
    }

    fn now(&self) -> Duration {
        let schedstat = fs::read_to_string(self.schedstat.get().unwrap()).unwrap();
        Duration::from_nanos(schedstat.split_whitespace().next().unwrap().parse().unwrap())
    }

    fn greeted(&self) -> Duration {
        Duration::from_nanos(self.greeted.load(Relaxed))
    }
}

/// `greet` is answered at once; so is `n`, with a fallback if it is one of too many.
fn registry(work: &Arc<Work>) -> Registry {
    let work = Arc::clone(work);
    let greet = Route::new(move |(): ()| {
        work.greet();
        set("greeting", 1)
    });
    let many = Route::new(|(): ()| set("n", 1)).fallback(set("n", -1).unwrap());
    Registry::new().on("greet", greet).on("n", many)
}

fn set(name: &str, value: i64) -> Result<Actions, ActionError> {
    Actions::new().set_var(Scope::Transaction, name, value)
}

/// What a hostile peer sends again and again: its name, its bytes, and how often the goal may pass.
fn floods() -> Vec<(&'static str, Vec<u8>, u32)> {
    let message = b"\x01n\0";
    let repeated = |bytes: usize| message.repeat(bytes / message.len());
    let fragments = [
        (FrameType::NOTIFY, Flags::NONE),
        (FrameType::UNSET, Flags::NONE),
        (FrameType::UNSET, Flags::FIN),
    ];
    let fragments = fragments.map(|(kind, flags)| frame(kind, flags, 1, &repeated(1_000_000)));
    vec![
        ("frames of one message", (1..=5000).flat_map(|id| notify(id, "n")).collect(), 1),
        (
            "frames of 16 KB",
            frame(FrameType::NOTIFY, Flags::FIN, 1, &repeated(16_300)).repeat(64),
            1,
        ),
        ("frames of 1 MB", frame(FrameType::NOTIFY, Flags::FIN, 1, &repeated(1_000_000)), SLOWER),
        ("NOTIFYs of 3 MB in fragments", fragments.concat(), SLOWER),
    ]
}

/// Sends without end, and reads what comes, on threads of their own, until the agent closes.
async fn attack(agent: &RunningAgent, flood: Vec<u8>) -> [JoinHandle<()>; 2] {
    let hostile = Peer::connect(agent.local_addresses()[0]).await.unwrap();
    let hostile = hostile.greet_with(1 << 20).await.unwrap();
    let mut writing = hostile.into_std().unwrap();
    let mut reading = writing.try_clone().unwrap();
    let write = move || while writing.write_all(&flood).is_ok() {};
    let read = move || {
        let mut acks = vec![0; 1 << 16];
        while reading.read(&mut acks).is_ok_and(|read| read > 0) {}
    };
    [thread::spawn(write), thread::spawn(read)]
}

/// The longest time for which the arbiter works before it answers, of so many NOTIFYs beside a flood.
async fn longest_wait(flood: Vec<u8>, times: u64) -> Duration {
    let _turn = scene::turn().await;
    let work = Arc::<Work>::default();
    let agent = scene::agent(registry(&work)).await;
    let modest = Peer::connect(agent.local_addresses()[0]).await.unwrap();
    let mut modest = modest.greet().await.unwrap();
    modest.ask(1, "greet").await.unwrap();
    let attack = attack(&agent, flood).await;
    let mut longest = Duration::ZERO;
    for id in 2..times + 2 {
        sleep(Duration::from_millis(3)).await;
        let before = work.now();
        modest.ask(id, "greet").await.unwrap();
        longest = longest.max(work.greeted().saturating_sub(before));
    }
    assert!(agent.statistics().await.notifies > times + 1, "the flood has not come");
    // Without a DISCONNECT: the flood would be answered first.
    drop((modest, agent));
    for thread in attack {
        thread.join().unwrap();
    }
    longest
}

async fn nobody_waits_longer_than_the_goal(times: u64) {
    for (name, flood, factor) in floods() {
        let longest = longest_wait(flood, times).await;
        println!("{name}: the arbiter worked for {longest:?} at most before it answered another");
        assert!(longest < GOAL * factor, "{name}: {longest:?}");
    }
}

#[actix_rt::test]
async fn a_connection_does_not_wait_for_one_that_sends_as_much_as_it_can() {
    nobody_waits_longer_than_the_goal(10).await;
}

#[actix_rt::test]
#[ignore = "an attack that takes long; .ci/attacks runs it"]
async fn attack_a_connection_does_not_wait_for_one_that_sends_as_much_as_it_can() {
    nobody_waits_longer_than_the_goal(100).await;
}
