//! Certificates that are not valid now, and files that are none.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, SystemTime},
};

use spoa_actors::{Agent, AgentError, Listen, RunningAgent, Tls};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    listen::tls::{NAME, connect, reloads, scores, shown, start},
    support::{
        Log, Result,
        certificates::{Authority, Client, Files, Issued},
    },
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate that was valid until yesterday.
fn expired(authority: &Authority) -> Issued {
    let now = SystemTime::now();
    authority.issue_between(NAME, [now - 30 * DAY, now - DAY])
}

fn der(issued: &Issued) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
}

/// When the certificate in use expires, by the statistics.
async fn expiry(agent: &RunningAgent) -> Option<SystemTime> {
    agent.statistics().await.listeners[0].certificate_expires
}

/// The first error in the log, for which it waits.
async fn error_line(log: &Log) -> String {
    for _ in 0..2000 {
        if let Some(line) = log.lines().into_iter().find(|line| line.contains("ERROR")) {
            return line;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no error in {:?}", log.lines())
}

#[actix_rt::test]
async fn an_expired_certificate_does_not_replace_a_good_one() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let good = authority.issue_between(NAME, [SystemTime::now() - DAY, ends]);
    let files = Files::new(&good);
    let agent = start(&files.tls()).await?;
    files.replace(&expired(&authority));
    reloads(&agent, |seen| seen.certificates_refused == 1).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    assert_eq!(shown(&stream), der(&good));
    scores(stream).await?;
    let line = error_line(&log).await;
    let path = files.path("certificate").display().to_string();
    for text in ["the old certificates stay in use", &path, "expired on", "issued again"] {
        assert!(line.contains(text), "{text} is not in {line}");
    }
    assert_eq!(expiry(&agent).await, Some(ends));
    let seen = agent.stop().await;
    assert_eq!((seen.certificates_reloaded, seen.certificates_refused), (0, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_certificate_that_is_not_valid_yet_is_taken_when_it_is() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = start(&files.tls()).await?;
    let now = SystemTime::now();
    // Its times are whole seconds.
    let next = authority.issue_between(NAME, [now + Duration::from_secs(2), now + 30 * DAY]);
    files.replace(&next);
    reloads(&agent, |seen| seen.certificates_refused == 1).await;
    let line = error_line(&log).await;
    assert!(line.contains("not valid before"), "{line}");
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    let stream = connect(&agent, &Client::new(&authority, None)).await?;
    assert_eq!(shown(&stream), der(&next));
    assert_eq!(agent.stop().await.certificates_refused, 1, "not at each look");
    Ok(())
}

#[actix_rt::test]
async fn an_agent_starts_with_an_expired_certificate_and_says_so_once() -> Result {
    let log = Log::default();
    let _log = log.listen();
    let authority = Authority::new();
    let files = Files::new(&expired(&authority));
    let agent = start(&files.tls()).await?;
    let failed = connect(&agent, &Client::new(&authority, None)).await.unwrap_err();
    assert!(failed.to_string().contains("xpired"), "{failed}");
    let line = error_line(&log).await;
    assert!(line.contains("invalid certificate in use") && line.contains("expired on"), "{line}");
    files.replace(&authority.issue(NAME));
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    scores(connect(&agent, &Client::new(&authority, None)).await?).await?;
    let errors = log.lines().iter().filter(|line| line.contains("invalid certificate")).count();
    assert_eq!(errors, 1, "{:?}", log.lines());
    agent.stop().await;
    Ok(())
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// What comes of it, if anything does within ten seconds.
fn load(tls: Tls) -> AgentError {
    let (told, tell) = mpsc::channel();
    thread::spawn(move || {
        let listen = Listen::tcp("127.0.0.1:0").tls(tls);
        let _ = told.send(Agent::new().listen_on(listen).unwrap_err());
    });
    tell.recv_timeout(Duration::from_secs(10)).expect("it does not wait")
}

#[test]
fn a_file_without_an_end_is_refused_at_once() {
    let files = Files::new(&Authority::new().issue(NAME));
    let fifo = files.path("fifo");
    make_fifo(&fifo);
    let large = files.write("large", &"x".repeat((1 << 20) + 1));
    let (certificate, key) = (files.path("certificate"), files.path("key"));
    for (path, text) in [
        (fifo.as_path(), "it is not a regular file"),
        (Path::new("/dev/zero"), "it is not a regular file"),
        (&large, "it has more than 1024 KiB"),
    ] {
        for tls in [Tls::new(path, &key), Tls::new(&certificate, path), files.tls().client_ca(path)]
        {
            let line = load(tls).to_string();
            assert!(line.contains(text) && line.contains(path.to_str().unwrap()), "{line}");
        }
    }
}

#[actix_rt::test]
async fn a_certificate_that_becomes_a_fifo_leaves_the_old_one_in_use() -> Result {
    let authority = Authority::new();
    let files = Files::new(&authority.issue(NAME));
    let agent = start(&files.tls()).await?;
    let fifo = files.path("fifo");
    make_fifo(&fifo);
    fs::rename(fifo, files.path("certificate"))?;
    reloads(&agent, |seen| seen.certificates_refused == 1).await;
    scores(connect(&agent, &Client::new(&authority, None)).await?).await?;
    // And the files are still followed.
    files.replace(&authority.issue(NAME));
    reloads(&agent, |seen| seen.certificates_reloaded == 1).await;
    agent.stop().await;
    Ok(())
}
