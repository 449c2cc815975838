//! State and background tasks in an actor: a blocklist that follows its file.
//!
//! One thread checks the file every second, and reads it if it has changed and is settled: no
//! request waits for that. Each arbiter has the list in its own cell, so requests need no lock. The
//! task that updates it ends with the handler. Run it with a file, which can be empty, and put
//! HAProxy in front of it:
//!
//! ```text
//! touch blocklist.txt
//! cargo run -p spoa-examples --bin stateful -- 127.0.0.1:12345 blocklist.txt &
//! haproxy -f examples/haproxy/stateful.cfg &
//! curl -i 127.0.0.1:8080                  200
//! echo 127.0.0.0/8 > blocklist.txt
//! curl -i 127.0.0.1:8080                  403, two seconds later
//! ```
//!
//! A line is an address or a range; text after a `#` is a comment. If the file cannot be read, is
//! not a regular file, or has an invalid line, the last list stays in use, and the log has one
//! line. If half a list would do harm, write a new file and `mv` it there.
//!
//! It fails open: without an agent, no client is denied. The example `access_control` fails closed.

use std::{
    cell::RefCell,
    env, fs,
    io::{self, IsTerminal},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use ipnet::{IpNet, Ipv4Net};
use prefix_trie::joint::JointPrefixSet;
use serde::Deserialize;
use spoa_actors::{
    Actions, Agent, BoxError, ForeignText, HandlerActor, Origin, Registry, Tasks, Var,
};
use tokio::sync::watch;

const IS_LISTED: Var = Var::transaction("is_listed");

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

struct Blocklist {
    newest: watch::Receiver<Arc<Ranges>>,
    listed: Rc<RefCell<Arc<Ranges>>>,
}

impl Blocklist {
    fn new(newest: watch::Receiver<Arc<Ranges>>) -> Self {
        let listed = Arc::clone(&newest.borrow());
        Self { newest, listed: Rc::new(RefCell::new(listed)) }
    }
}

#[async_trait(?Send)]
impl HandlerActor for Blocklist {
    type Args = Client;

    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let (mut newest, listed) = (self.newest.clone(), Rc::clone(&self.listed));
        tasks.spawn(async move {
            while newest.changed().await.is_ok() {
                listed.replace(Arc::clone(&newest.borrow_and_update()));
            }
        });
        Ok(())
    }

    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        let is_listed = self.listed.borrow().contain(client.ip);
        Ok(Actions::new().set(IS_LISTED, is_listed))
    }
}

/// Ranges of addresses; an address is a range of one.
#[derive(Default)]
struct Ranges(JointPrefixSet<IpNet>);

impl Ranges {
    fn read(file: &Path) -> Result<Self, BoxError> {
        let name = file.display();
        // Anything else may have no end, or make its reader wait for good.
        if fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(format!("{name}: it is not a regular file").into());
        }
        let bytes = fs::read(file).map_err(|error| format!("{name}: {error}"))?;
        let mut ranges = Self::default();
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let Some(range) = range(entry) else {
                let (number, entry) = (number + 1, ForeignText::new(entry));
                return Err(format!(
                    "{name}:{number}: {entry:?} is neither an address nor a range such as 192.0.2.0/24"
                )
                .into());
            };
            ranges.0.insert(range);
        }
        Ok(ranges)
    }

    fn contain(&self, ip: IpAddr) -> bool {
        self.0.is_covered(&canonical(ip.into()))
    }
}

fn range(entry: &str) -> Option<IpNet> {
    let range = entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(canonical(range))
}

/// Behind a dual-stack bind an IPv4 client comes as `::ffff:192.0.2.1`: it is the same address.
fn canonical(range: IpNet) -> IpNet {
    let v4 = match (range.addr().to_canonical(), range.prefix_len().checked_sub(96)) {
        (IpAddr::V4(ip), Some(length)) if range.addr().is_ipv6() => Ipv4Net::new(ip, length).ok(),
        _ => None,
    };
    v4.map_or(range, IpNet::from).trunc()
}

/// How a file is, as far as can be seen without reading it.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    status_changed: (i64, i64),
}

/// None of a file that is not there.
fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        inode: (metadata.dev(), metadata.ino()),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        status_changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Reads a file, and again on a thread of its own each time that it has changed.
fn follow(file: PathBuf) -> Result<watch::Receiver<Arc<Ranges>>, BoxError> {
    let mut read = stamp(&file);
    let mut seen = read;
    let (newest, followers) = watch::channel(Arc::new(Ranges::read(&file)?));
    let look = move || {
        // The last list but one is let go here, and not by the handler that has it last.
        let mut _last = None;
        while !newest.is_closed() {
            thread::sleep(LOOK_EVERY);
            let now = stamp(&file);
            // Not while somebody writes it.
            let is_settled = now == seen;
            seen = now;
            if is_settled && now != read {
                read = now;
                match Ranges::read(&file) {
                    Ok(ranges) => _last = Some(newest.send_replace(Arc::new(ranges))),
                    Err(error) => tracing::warn!("the last list stays in use: {error}"),
                }
            }
        }
    };
    thread::Builder::new().name("blocklist".to_owned()).spawn(look)?;
    Ok(followers)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false) // a log that cannot be written ends nothing
        .init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let file = PathBuf::from(arguments.next().unwrap_or_else(|| "blocklist.txt".to_owned()));
    // Without a list the agent does not start.
    let newest = follow(file)?;
    let blocklist = move || Blocklist::new(newest.clone());
    // No fallback, so no variable: it fails open.
    Ok(Agent::bind(address)?.serve(Registry::new().on("check-blocklist", blocklist)).await?)
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    /// Reads a list that is in a file.
    fn read(list: impl AsRef<[u8]>) -> Result<Ranges, BoxError> {
        let name = format!("spoa-blocklist-{}-{:?}", process::id(), thread::current().id());
        let file = env::temp_dir().join(name);
        fs::write(&file, list)?;
        let ranges = Ranges::read(&file);
        fs::remove_file(&file)?;
        ranges
    }

    #[test]
    fn an_address_is_listed_as_itself_and_as_part_of_a_range() -> Result<(), BoxError> {
        let list =
            "192.0.2.1 # caf\u{e9}\r\n\n198.51.100.7/24\n::ffff:203.0.113.0/120\n2001:db8::/32\n";
        let ranges = read(list)?;
        for (ip, is_listed) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.2", false),
            ("198.51.100.0", true),
            ("198.51.100.255", true),
            ("::ffff:198.51.100.9", true),
            ("198.51.101.0", false),
            ("203.0.113.9", true),
            ("203.0.114.0", false),
            ("2001:db8:1::1", true),
            ("2001:db9::", false),
            ("::", false),
        ] {
            assert_eq!(ranges.contain(ip.parse()?), is_listed, "{ip}");
        }
        let all = read("0.0.0.0/0")?;
        assert!(all.contain("192.0.2.1".parse()?) && !all.contain("2001:db8::1".parse()?));
        Ok(())
    }

    #[test]
    fn another_line_is_named_by_its_number() {
        for (list, part) in [
            (
                "192.0.2.1\n\n192.0.2.0/33\n",
                ":3: \"192.0.2.0/33\" is neither an address nor a range",
            ),
            ("host", ":1: \"host\" is neither"),
            ("# all\n192.0.2.1 192.0.2.2", ":2: \"192.0.2.1 192.0.2.2\" is neither"),
            ("\u{1b}[2J", ":1: \"\\u{1b}[2J\" is neither"),
        ] {
            let error = read(list).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(part), "{error}");
        }
        // Not all of a long one.
        let error = read("x".repeat(1 << 20)).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.len() < 1000));
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        for path in ["/dev", "/dev/zero"] {
            let error = Ranges::read(Path::new(path)).err().map(|error| error.to_string());
            assert_eq!(error, Some(format!("{path}: it is not a regular file")));
        }
    }
}
