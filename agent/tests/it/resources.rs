//! What the agent takes of the machine: open files and memory, as /proc shows them.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use bytes::BytesMut;
use spoa_actors::{spop::Frame, testing::hello};

use crate::{
    certificates::issue,
    scene::{Agent, Folder, spoa_agent},
};

/// The number that follows `key` in a file of `/proc/PID`.
pub(crate) fn number(agent: &Agent, file: &str, key: &str) -> u64 {
    let path = format!("/proc/{}/{file}", agent.id());
    let text = fs::read_to_string(path).expect("the agent is running");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the key is there");
    line.split_whitespace().find_map(|word| word.parse().ok()).expect("there is a number")
}

/// A connection whose HELLO is agreed.
fn greeted(address: &str) -> io::Result<TcpStream> {
    let mut bytes = BytesMut::new();
    Frame::HaproxyHello(hello()).encode(&mut bytes);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(&bytes)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer)?;
    assert_eq!(answer[0], 101, "AGENT-HELLO");
    Ok(stream)
}

#[test]
fn an_idle_connection_takes_less_than_4_kb() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let agent = Agent::on_tcp();
    let address = agent.address();
    let resident = || 1024 * number(&agent, "status", "VmRSS:");
    let connect = |count| (0..count).map(|_| greeted(&address).unwrap()).collect::<Vec<_>>();
    // What the agent takes once is not counted.
    let mut connections = connect(200);
    let before = resident();
    for (more, count) in [(2000, 2000), (3000, 5000)] {
        connections.extend(connect(more));
        let each = (resident() - before) / count;
        println!("{count} idle connections: {each} bytes each");
        assert!(each < 4096, "{count} idle connections: {each} bytes each");
    }
}

/// An agent of one arbiter on a TLS listener, with the CA of its certificate.
fn tls_agent(folder: &Folder, options: &[&str]) -> (Agent, String) {
    rlimit::increase_nofile_limit(u64::MAX).expect("it is raised");
    let [ca, cert, key] = issue(folder, "127.0.0.1");
    let listen = ["--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
    (Agent::start(&[&listen[..], &["--worker-threads", "1"], options].concat()), ca)
}

/// Asks over TLS; every connection that came before has then been seen.
fn ask(agent: &Agent, ca: &str) {
    let trust = ["--addr", &agent.address(), "--tls-ca", ca];
    let outcome = spoa_agent(&[&["call"], &trust[..], &["check-client-ip", "ip=::1"]].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

/// Connections that have sent as much of these bytes as was taken at once.
fn strangers(agent: &Agent, count: usize, sent: &[u8]) -> Vec<TcpStream> {
    let address = agent.address();
    let connect = |_| {
        let mut stream = TcpStream::connect(&address).expect("the agent listens");
        stream.set_nonblocking(true).expect("it is open");
        // It may be closed already.
        let _ = stream.write(sent);
        stream
    };
    (0..count).map(connect).collect()
}

/// A `ClientHello` that announces 64 KiB, and 30 KiB of it.
fn endless_client_hello() -> Vec<u8> {
    let record = |first: &[u8]| {
        let mut record = [&[22, 3, 1, 0x3c, 0], first].concat();
        record.resize(5 + 0x3c00, 0);
        record
    };
    [record(&[1, 0, 0xff, 0xf0, 3, 3]), record(&[])].concat()
}

/// By how many bytes an agent with these options has grown at the worst of times, when so many
/// strangers have begun a handshake that they do not finish, and are gone.
fn growth_by_strangers(count: usize, options: &[&str]) -> u64 {
    let folder = Folder::new();
    let (agent, ca) = tls_agent(&folder, options);
    ask(&agent, &ca);
    let before = number(&agent, "status", "VmHWM:");
    let strangers = strangers(&agent, count, &endless_client_hello());
    for mut stranger in strangers {
        stranger.set_nonblocking(false).expect("it is open");
        stranger.set_read_timeout(Some(Duration::from_secs(20))).expect("it is open");
        // Until the agent has closed it, in good order or not.
        let end = stranger.read_to_end(&mut Vec::new());
        let is_open = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        assert!(!end.is_err_and(is_open), "it is still open");
    }
    ask(&agent, &ca);
    let growth = 1024 * (number(&agent, "status", "VmHWM:") - before);
    println!("{count} unfinished handshakes: {} KiB", growth / 1024);
    growth
}

#[test]
fn a_tls_peer_that_has_sent_nothing_takes_less_than_12_kb() {
    const PEERS: usize = 1000;
    let folder = Folder::new();
    let (agent, ca) = tls_agent(&folder, &[]);
    ask(&agent, &ca);
    let resident = || 1024 * number(&agent, "status", "VmRSS:");
    let before = resident();
    let _peers = strangers(&agent, PEERS, b"");
    ask(&agent, &ca);
    let each = (resident() - before) / PEERS as u64;
    println!("{PEERS} silent TLS peers: {each} bytes each");
    assert!(each < 12 * 1024, "{each} bytes each");
}

#[test]
fn unfinished_tls_handshakes_take_the_memory_of_their_places_alone() {
    let growth = growth_by_strangers(500, &["--max-handshakes", "50"]);
    // What 50 handshakes and 500 waiting peers may take, and some for the allocator; without a bound,
    // it is 27 MB.
    assert!(growth < (50 * 64 + 500 * 12 + 4096) * 1024, "{growth} bytes");
}

#[test]
#[ignore = "an attack that takes long; .ci/attacks runs it"]
fn attack_of_ten_thousand_unfinished_tls_handshakes_takes_less_than_a_fifth_of_a_gb() {
    let growth = growth_by_strangers(9800, &["--max-memory", "64MiB"]);
    // 64 MiB for handshakes, and 9,800 waiting peers; without a bound, it is 1.1 GB.
    assert!(growth < 200 << 20, "{growth} bytes");
}

/// It logs nothing but that it has started.
#[track_caller]
fn check_is_calm(log: &Path) {
    let said = fs::read_to_string(log).expect("the log is there");
    assert!(said.lines().all(|line| line.contains(r#""level":"INFO""#)), "{said}");
}

#[test]
fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let folder = Folder::new();
    let log = folder.file("log");
    let agent = Agent::limited("ulimit -Sn 64; ulimit -Hn 12000", "", &log);
    assert_eq!(number(&agent, "limits", "Max open files"), 12_000);
    check_is_calm(&log);
}

/// One arbiter and one listener, and no admin endpoint: 128 + 4 + 2 + 1,024 beside the connections.
const OTHERS: u32 = 1158;

#[test]
fn too_few_open_files_for_the_connections_end_the_start_unless_fewer_are_allowed() {
    let run = |limit: u32| {
        let run = "--worker-threads 1 --listen 127.0.0.1:0 --max-connections 200";
        let script = format!("ulimit -n {limit}; exec \"$0\" {run}");
        Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_spoa-agent")]).output()
    };
    let refused = run(OTHERS + 199).unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("1357") && said.contains("1358") && said.contains("LimitNOFILE"),
        "{said}"
    );

    let folder = Folder::new();
    let log = folder.file("log");
    let enough = format!("ulimit -n {}", OTHERS + 200);
    let _agent = Agent::limited(&enough, "--max-connections 200", &log);
    check_is_calm(&log);

    let few = "--max-connections 2000 --allow-fewer-connections";
    let _agent = Agent::limited("ulimit -n 534", few, &log);
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(said.matches("WARN").count(), 1, "{said}");
    assert!(said.contains(r#""limit":300"#) && said.contains(r#""wanted":2000"#), "{said}");
}

#[test]
fn a_connection_over_the_limit_is_refused() {
    let agent = Agent::start(&["--listen", "127.0.0.1:0", "--max-connections", "1"]);
    let address = agent.address();
    let only_place = greeted(&address).unwrap();
    let outcome = spoa_agent(&["healthcheck", "--addr", &address]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let call = ["call", "--addr", &address, "check-client-ip", "ip=::1"];
    let outcome = spoa_agent(&call);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("limit of connections"), "{outcome:?}");
    drop(only_place);
    // Until the agent has seen that it is gone, each call is told late that there is no place.
    assert!((0..50).any(|_| spoa_agent(&call).code == Some(0)));
}
