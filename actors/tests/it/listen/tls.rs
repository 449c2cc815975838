//! TLS and mutual TLS, where a listener is described so.

use std::{fs, num::NonZero, os::unix::fs::PermissionsExt, time::Duration};

use spoa_actors::{
    Agent, AgentError, Limits, Listen, RunningAgent, Tls, observe::Statistics, testing::*,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{
    client::TlsStream,
    rustls::{
        HandshakeKind,
        pki_types::{CertificateDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use crate::support::{
    self, Log, Result, ask_big, ask_score,
    certificates::{Authority, Client, Files},
    registry, stop, until,
};

pub(crate) const NAME: &str = "agent.test";

/// HAProxy's end of a connection to a listener that speaks TLS.
pub(crate) fn open(agent: &InMemoryAgent, tls: &Tls) -> DuplexStream {
    open_on(agent, &Listen::tcp("any").tls(tls.clone()))
}

fn open_on(agent: &InMemoryAgent, listen: &Listen) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    agent.adopt_on(listen, theirs).unwrap();
    ours
}

pub(crate) async fn scores<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: S,
) -> Result {
    let mut haproxy = FakeHaproxy::over(stream).await?;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let farewell = haproxy.disconnect().await?;
    assert_eq!(farewell.status_code.0, 0);
    Ok(())
}

#[actix_rt::test]
async fn checklist_41_a_listener_speaks_tls_1_2_and_1_3() -> Result {
    let authority = Authority::new();
    let agent = support::agent().await;
    for issued in [authority.issue(NAME), authority.issue_for_ed25519(NAME)] {
        let files = Files::new(&issued);
        for version in [&TLS12, &TLS13] {
            let client = Client::of_versions(&[version], &authority, None);
            scores(client.connect(NAME, open(&agent, &files.tls())).await?).await?;
        }
        let one_file = files.write("both", &(issued.key.clone() + &issued.certificate));
        let client = Client::new(&authority, None);
        scores(client.connect(NAME, open(&agent, &Tls::new(&one_file, &one_file))).await?).await?;
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.hellos, seen.tls_handshakes_failed, seen.connections_accepted), (6, 0, 6));
    until(&agent, |seen| seen.connections_open == 0).await;
    Ok(())
}

#[actix_rt::test]
async fn checklist_41_tls_may_come_byte_by_byte() -> Result {
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    let listen = Listen::tcp("any").proxy_protocol().tls(files.tls());
    let (mut ours, theirs) = duplex(64 * 1024);
    let (to, from) = (tokio::io::split(theirs), tokio::io::split(open_on(&agent, &listen)));
    let relays = [trickle(to.0, from.1), trickle(from.0, to.1)].map(actix_rt::spawn);
    ours.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 8080 12345\r\n").await?;
    scores(Client::new(&authority, None).connect(NAME, ours).await?).await?;
    relays.iter().for_each(|relay| relay.abort());
    Ok(())
}

async fn trickle(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
    while let Ok(byte) = from.read_u8().await {
        if to.write_u8(byte).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    let _ = to.shutdown().await;
}

#[actix_rt::test]
async fn checklist_41_mutual_tls_takes_a_certificate_of_its_ca_alone() -> Result {
    tokio::time::pause();
    let (authority, clients, stranger) = (Authority::new(), Authority::new(), Authority::new());
    let files = Files::new(&authority.issue(NAME));
    let tls = files.tls().client_ca(files.write("ca", &clients.pem()));
    let agent = support::agent().await;

    let (good, bad) = (clients.issue("haproxy"), stranger.issue("haproxy"));
    for version in [&TLS12, &TLS13] {
        let client = |own| Client::of_versions(&[version], &authority, own);
        scores(client(Some(&good)).connect(NAME, open(&agent, &tls)).await?).await?;
        for (own, text) in
            [(None, "put `crt FILE` on the server"), (Some(&bad), "not signed by the client CA")]
        {
            let log = Log::default();
            let _log = log.listen();
            let begun = Instant::now();
            // In TLS 1.3 it is over for the client before its certificate is looked at.
            let failed = match client(own).connect(NAME, open(&agent, &tls)).await {
                Ok(stream) => FakeHaproxy::over(stream).await.err(),
                Err(error) => Some(error.into()),
            };
            let Some(ClientError::Io(error)) = failed else { panic!("{failed:?}") };
            assert!(error.to_string().contains("alert"), "{error}");
            // HAProxy up to 3.0 comes back as soon as it knows.
            assert!(begun.elapsed() >= Limits::default().refusal_delay, "{:?}", begun.elapsed());
            assert!(log.lines()[0].contains(text), "{:?}", log.lines());
            assert!(!log.lines()[0].contains("invalid peer certificate"), "{:?}", log.lines());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.hellos, seen.tls_handshakes_failed), (2, 4));
    Ok(())
}

#[actix_rt::test]
async fn a_client_that_does_not_accept_the_certificate_is_logged_with_advice() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    for (trusted, name) in [(&Authority::new(), NAME), (&authority, "another.test")] {
        let log = Log::default();
        let _log = log.listen();
        let stream = open(&agent, &files.tls());
        assert!(Client::new(trusted, None).connect(name, stream).await.is_err());
        until(&agent, |seen| !log.lines().is_empty() && seen.tls_handshakes_failed > 0).await;
        assert!(log.lines()[0].contains("the CA of that one in `ca-file`"), "{:?}", log.lines());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(agent.statistics().await.tls_handshakes_failed, 2);
    Ok(())
}

#[actix_rt::test]
async fn what_does_not_speak_tls_is_closed_and_logged_with_advice() -> Result {
    tokio::time::pause();
    let files = Files::new(&Authority::new().issue(NAME));
    let agent = support::agent().await;
    let mut spop = bytes::BytesMut::new();
    spoa_actors::spop::Frame::HaproxyHello(hello()).encode(&mut spop);
    for (bytes, text) in [
        (&spop[..], "expected TLS, received plain SPOP or an unknown protocol; put `ssl` on the"),
        (b"GET / HTTP/1.1\r\n\r\n", "an HTTP client speaks to the SPOE port"),
        (
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "expected TLS, received a PROXY header; put no",
        ),
        (b"\x16\x03\x01\0\x05hello", "TLS handshake failed"),
    ] {
        let log = Log::default();
        let _log = log.listen();
        let mut stream = open(&agent, &files.tls());
        let begun = Instant::now();
        stream.write_all(bytes).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        assert!(answer.is_empty() || answer[0] == 0x15, "an alert at most: {answer:?}");
        assert!(begun.elapsed() >= Limits::default().refusal_delay, "{:?}", begun.elapsed());
        assert!(log.lines()[0].contains(text), "{text:?} is not in {:?}", log.lines());
        drop(stream);
        until(&agent, |seen| seen.connections_open == 0).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let seen = agent.statistics().await;
    let wrong = seen.protocol_mismatches;
    assert_eq!((wrong.http, wrong.tls, wrong.proxy_header, wrong.other), (1, 0, 1, 1));
    assert_eq!((seen.tls_handshakes_failed, seen.connections_panicked), (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn http_within_tls_is_a_protocol_mismatch_too() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    let mut stream =
        Client::new(&authority, None).connect(NAME, open(&agent, &files.tls())).await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    assert_eq!(stream.read(&mut [0]).await?, 0, "closed in good order, without a frame");
    assert_eq!(agent.statistics().await.protocol_mismatches.http, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_handshake_that_stalls_ends_after_the_hello_timeout() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _log = log.listen();
    let files = Files::new(&Authority::new().issue(NAME));
    let agent = support::agent().await;
    for bytes in [&b""[..], b"\x16\x03", b"\x16\x03\x01\x02", b"\x16\x03\x01\x02\0\x01\0\x01\xfc"] {
        let mut stream = open(&agent, &files.tls());
        let begun = Instant::now();
        stream.write_all(bytes).await?;
        assert_eq!(stream.read(&mut [0]).await?, 0);
        let waited = begun.elapsed();
        assert!((10_000..11_000).contains(&waited.as_millis()), "{waited:?}");
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.tls_handshakes_failed, seen.hellos_refused), (4, 0));
    assert!(log.lines()[0].contains("TLS handshake timeout"));

    // A TCP check says nothing, and closes.
    let lines = log.lines();
    drop(open(&agent, &files.tls()));
    until(&agent, |seen| seen.connections_accepted == 5 && seen.connections_open == 0).await;
    assert_eq!(agent.statistics().await.tls_handshakes_failed, 4);
    assert_eq!(log.lines(), lines);
    Ok(())
}

#[actix_rt::test]
async fn a_handshake_and_hello_have_the_hello_timeout_together() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    let stream = open(&agent, &files.tls());
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let mut stream = Client::new(&authority, None).connect(NAME, stream).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    let waited = begun.elapsed();
    assert!((10_000..11_000).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(agent.statistics().await.hellos_refused, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_stop_drops_a_handshake_that_is_under_way_and_says_farewell_to_the_others() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    let mut stalled = open(&agent, &files.tls());
    stalled.write_all(b"\x16\x03\x01\x02\0\x01").await?;
    let stream = Client::new(&authority, None).connect(NAME, open(&agent, &files.tls())).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    haproxy.notify(ask_score()).await?;
    let stopping = stop(&agent);
    assert_eq!(stalled.read(&mut [0]).await?, 0);
    let error = ClientError::from(haproxy.receive().await?);
    assert!(matches!(error, ClientError::Disconnected(_)), "{error}");
    drop(haproxy);
    let stopped = stopping.await.unwrap();
    assert_eq!((stopped.connections_open, stopped.acks), (0, 1));
    Ok(())
}

#[actix_rt::test]
async fn checklist_38_a_peer_that_does_not_read_is_not_read_behind_tls_either() -> Result {
    tokio::time::pause();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = support::agent().await;
    let client = Client::new(&authority, None);
    let stream = client.connect(NAME, open(&agent, &files.tls())).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    for _ in 0..100 {
        haproxy.send_notify(ask_big(15_000)).await?;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let seen = agent.statistics().await;
    // Those of what was read before the output was full: it is read ahead of what is answered.
    assert!((10..60).contains(&seen.acks), "{}", seen.acks);
    for _ in 0..100 {
        haproxy.ack().await?;
    }
    assert_eq!(agent.statistics().await.acks, 100);

    for _ in 0..100 {
        haproxy.send_notify(ask_big(15_000)).await?;
    }
    until(&agent, |seen| seen.notifies > 100).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.write_timeouts, seen.connections_open), (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_client_that_comes_back_resumes_its_session() -> Result {
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = start(&files.tls()).await?;
    for version in [&TLS12, &TLS13] {
        let client = Client::of_versions(&[version], &authority, None);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let stream = connect(&agent, &client).await?;
            kinds.push(stream.get_ref().1.handshake_kind());
            scores(stream).await?;
        }
        assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
    }
    agent.stop().await;
    Ok(())
}

pub(crate) async fn start(tls: &Tls) -> Result<RunningAgent> {
    let tls = tls.clone().reload_interval(Duration::from_millis(5));
    let agent = Agent::new().listen_on(Listen::tcp("127.0.0.1:0").tls(tls))?;
    Ok(agent.arbiters(NonZero::<usize>::MIN).start(registry()).await?)
}

pub(crate) async fn connect(agent: &RunningAgent, client: &Client) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
    Ok(client.connect(NAME, stream).await?)
}

/// Waits until the files have been looked at and taken for what they are.
pub(crate) async fn reloads(agent: &RunningAgent, is_so: impl Fn(&Statistics) -> bool) {
    for _ in 0..2000 {
        if is_so(&agent.statistics().await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the files are not read: {:?}", agent.statistics().await);
}

pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[actix_rt::test]
async fn checklist_41_new_certificates_are_taken_while_connections_stay_open() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let (first, second, third) =
        (authority.issue(NAME), authority.issue(NAME), authority.issue(NAME));
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let files = Files::new(&first);
    let agent = start(&files.tls()).await?;
    let client = Client::new(&authority, None);
    let stream = connect(&agent, &client).await?;
    assert_eq!(shown(&stream), der(&first.certificate));
    let mut old = FakeHaproxy::over(stream).await?;

    files.replace(&second);
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    assert_eq!(shown(&stream), der(&second.certificate));
    scores(stream).await?;

    // The certificate alone is changed: it does not fit the key, and the old pair stays.
    fs::write(files.path("certificate"), &third.certificate)?;
    reloads(&agent, |seen| seen.certificates_refused == 1).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    assert_eq!(shown(&stream), der(&second.certificate));
    let line = log.lines().into_iter().find(|line| line.contains("ERROR")).unwrap();
    assert!(
        line.contains("certificate reload failed, the old certificates stay in use: cannot use "),
        "{line}"
    );
    assert!(line.contains("name the two files that were made together"), "{line}");

    fs::write(files.path("key"), &third.key)?;
    reloads(&agent, |seen| seen.certificates_reloaded == 2).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    assert_eq!(shown(&stream), der(&third.certificate));

    fs::remove_file(files.path("key"))?;
    reloads(&agent, |seen| seen.certificates_refused == 2).await;
    scores(connect(&agent, &client).await?).await?;
    assert_eq!(old.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let seen = agent.stop().await;
    assert_eq!((seen.certificates_reloaded, seen.certificates_refused), (2, 2));
    Ok(())
}

#[actix_rt::test]
async fn certificates_behind_symbolic_links_are_followed() -> Result {
    let authority = Authority::new();
    let (first, second) = (authority.issue(NAME), authority.issue(NAME));
    let files = Files::new(&first);
    // As Kubernetes mounts secrets: a link to a folder is what changes.
    for (name, issued) in [("1", &first), ("2", &second)] {
        fs::create_dir(files.path(name))?;
        fs::write(files.path(name).join("crt"), &issued.certificate)?;
        fs::write(files.path(name).join("key"), &issued.key)?;
    }
    std::os::unix::fs::symlink("1", files.path("data"))?;
    let data = files.folder().join("data");
    let agent = start(&Tls::new(data.join("crt"), data.join("key"))).await?;
    std::os::unix::fs::symlink("2", files.path("new"))?;
    fs::rename(files.path("new"), &data)?;
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    let new = CertificateDer::from_pem_slice(second.certificate.as_bytes()).unwrap();
    assert_eq!(shown(&stream), new);
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_new_client_ca_is_asked_for_from_then_on() -> Result {
    let (authority, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let files = Files::new(&authority.issue(NAME));
    let agent = start(&files.tls().client_ca(files.write("ca", &old.pem()))).await?;
    let old_client = Client::new(&authority, Some(&old.issue("haproxy")));
    scores(connect(&agent, &old_client).await?).await?;
    files.write("ca", &new.pem());
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    // Not by its session either, which is of the time before.
    assert!(scores(connect(&agent, &old_client).await?).await.is_err());
    let new_client = Client::new(&authority, Some(&new.issue("haproxy")));
    scores(connect(&agent, &new_client).await?).await?;
    agent.stop().await;
    Ok(())
}

#[test]
fn files_that_do_not_work_are_named_with_cause_and_advice() {
    let (authority, other) = (Authority::new(), Authority::new());
    let issued = authority.issue(NAME);
    let files = Files::new(&issued);
    let (certificate, key) = (files.path("certificate"), files.path("key"));
    let missing = files.path("missing");
    let folder = files.folder().to_owned();
    let empty = files.write("empty", "");
    let cut = files.write("cut", &issued.certificate[..300]);
    let long = files.write("long", &issued.certificate.repeat(300));
    let no_base64 = files.write("no-base64", &issued.certificate.replace("MI", "--"));
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_der = files.write("no-der", no_der);
    let bad_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let bad_key = files.write("bad-key", bad_key);
    let encrypted = issued.key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let encrypted = files.write("encrypted", &encrypted);
    let other_key = files.write("other-key", &other.issue(NAME).key);
    let tls = |certificate: &_, key: &_| Tls::new(certificate, key);
    for (tls, path, text) in [
        (tls(&missing, &key), &missing, "No such file or directory (os error 2); check the path"),
        (tls(&folder, &key), &folder, "it is not a regular file; check that it is a file"),
        (tls(&empty, &key), &empty, "it is empty; name a file with -----BEGIN CERTIFICATE-----"),
        (tls(&key, &certificate), &key, "a private key and no certificate"),
        (tls(&long, &key), &long, "more than clients take; keep the certificate and those"),
        (tls(&cut, &key), &cut, "it has a BEGIN without its END"),
        (tls(&no_base64, &key), &no_base64, "it is not base64"),
        (tls(&no_der, &key), &no_der, "have the certificate issued again"),
        (tls(&certificate, &certificate), &certificate, "a certificate and no private key"),
        (tls(&certificate, &encrypted), &encrypted, "decrypt it: `openssl pkey"),
        (tls(&certificate, &bad_key), &bad_key, "use an RSA, ECDSA or Ed25519 key"),
        (tls(&certificate, &other_key), &other_key, "it is not the key of the certificate in"),
        (files.tls().client_ca(&missing), &missing, "No such file"),
        (files.tls().client_ca(&key), &key, "a private key and no certificate"),
        (files.tls().client_ca(&no_der), &no_der, "name the CA that signs"),
    ] {
        let listen = Listen::tcp("127.0.0.1:0").tls(tls);
        let error = Agent::new().listen_on(listen).unwrap_err();
        assert!(matches!(&error, AgentError::Tls { .. }), "{error}");
        let (line, path) = (error.to_string(), path.display().to_string());
        assert!(line.starts_with(&format!("cannot use {path} for TLS: ")), "{path}: {line}");
        assert!(line.contains(text) && !line.contains('\n'), "{text:?} is not in {line}");
    }
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| {
        std::os::unix::fs::MetadataExt::uid(&metadata) == 0 // who may read everything
    });
    if !is_root {
        fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).unwrap();
        let error = Agent::new().listen_on(Listen::tcp("127.0.0.1:0").tls(files.tls()));
        assert!(error.unwrap_err().to_string().contains("let the user that this program runs as"));
    }
}
