//! A client reaches a real agent by its endpoint: over TCP and UNIX sockets, with a PROXY header and with TLS.

use std::{fs, num::NonZero, path::PathBuf, time::Duration};

use spoa_actors::{
    Agent, Listen, RunningAgent,
    client::{
        Client, ClientError, ClientOptions, ClientTls, Connection, Endpoint, EndpointError, TlsFix,
    },
    testing::FakeHaproxy,
};
use tokio::net::{TcpListener, UnixListener};

use crate::support::{
    Result, ask_score,
    certificates::{Authority, Files},
    registry,
};

const SCORE: &str = "set-var sess.ip_score 20";

async fn start(listen: Listen) -> Result<RunningAgent> {
    let agent = Agent::new().listen_on(listen)?;
    Ok(agent.arbiters(NonZero::<usize>::MIN).start(registry()).await?)
}

fn address(agent: &RunningAgent) -> Endpoint {
    Endpoint::tcp(agent.local_addresses()[0])
}

fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("spoa-actors-endpoint-{}-{name}", std::process::id()))
}

/// Asks as every kind of client does.
async fn answers(endpoint: &Endpoint) -> Result {
    let client = Client::connect(endpoint, ClientOptions::default()).await?;
    assert_eq!(client.notify(ask_score()).await?.to_string(), SCORE);
    let mut haproxy = FakeHaproxy::connect(endpoint).await?;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), SCORE);
    assert_eq!(haproxy.disconnect().await?.status_code.0, 0);
    Connection::new(endpoint.connect().await?).healthcheck().await?;
    Ok(())
}

async fn refusal(endpoint: &Endpoint) -> String {
    answers(endpoint).await.unwrap_err().to_string()
}

#[actix_rt::test]
async fn an_agent_is_reached_over_tcp_by_address_and_by_name() -> Result {
    let agent = start(Listen::tcp("127.0.0.1:0")).await?;
    answers(&address(&agent)).await?;
    let port = agent.local_addresses()[0].port();
    let named = Endpoint::tcp(format!("localhost:{port}"));
    answers(&named).await?;
    assert_eq!(named.to_string(), format!("localhost:{port}"));
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn an_agent_is_reached_at_a_unix_socket() -> Result {
    let path = socket_path("unix");
    let agent = start(Listen::unix(&path)).await?;
    let endpoint = Endpoint::unix(&path);
    answers(&endpoint).await?;
    assert_eq!(endpoint.to_string(), format!("unix {}", path.display()));
    agent.stop().await;
    assert_eq!(
        refusal(&endpoint).await,
        format!(
            "cannot connect to unix {}: No such file or directory (os error 2); start an agent \
             there, or use the address of one",
            path.display()
        )
    );
    let long = Endpoint::unix("/".repeat(200));
    assert!(refusal(&long).await.contains("the path has 200 bytes, and may have 107"));
    Ok(())
}

#[actix_rt::test]
async fn a_proxy_header_is_sent_first_on_tcp_and_unix() -> Result {
    let path = socket_path("proxy");
    let tcp = start(Listen::tcp("127.0.0.1:0").proxy_protocol()).await?;
    let unix = start(Listen::unix(&path).proxy_protocol()).await?;
    for endpoint in [address(&tcp), Endpoint::unix(&path)] {
        answers(&endpoint.clone().proxy_header()).await?;
        // Without one the listener takes no HELLO.
        let error = FakeHaproxy::connect(&endpoint).await.unwrap_err();
        assert!(matches!(error, ClientError::Closed | ClientError::Io(_)), "{error}");
    }
    let sum = tcp.statistics().await;
    assert_eq!(sum.hellos, 2, "the client and the fake HAProxy; a health check is none");
    tcp.stop().await;
    unix.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn an_agent_with_tls_is_reached_by_the_name_in_its_certificate() -> Result {
    let authority = Authority::new();
    let files = Files::new(&authority.issue("localhost"));
    let ca = files.write("ca", &authority.pem());
    let listen = Listen::tcp("127.0.0.1:0").tls(files.tls());
    let agent = start(listen).await?;
    let port = agent.local_addresses()[0].port();
    let by_name = Endpoint::tcp(format!("localhost:{port}")).tls(ClientTls::new(&ca));
    answers(&by_name).await?;
    answers(&address(&agent).tls(ClientTls::new(&ca).name("localhost"))).await?;
    answers(&address(&agent).tls(ClientTls::any_certificate())).await?;

    let wrong = refusal(&address(&agent).tls(ClientTls::new(&ca))).await;
    let expected = format!("TLS with {} failed: ", address(&agent));
    assert!(wrong.starts_with(&expected), "{wrong}");
    assert!(wrong.ends_with("; set the name that the agent's certificate has"), "{wrong}");

    let other = files.write("other", &Authority::new().pem());
    let error = by_name.clone().tls(ClientTls::new(other)).connect().await.unwrap_err();
    let EndpointError::Tls { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.cause(), "the signature of the certificate does not fit");
    assert_eq!(source.fix(), TlsFix::Ca);

    let no_ca = refusal(&by_name.clone().tls(ClientTls::new(files.path("key")))).await;
    assert!(no_ca.contains("it holds a private key and no certificate; name the"), "{no_ca}");
    let no_name = refusal(&by_name.tls(ClientTls::new(&ca).name("a b"))).await;
    assert!(no_name.contains("\"a b\" cannot be the name in a certificate"), "{no_name}");
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_client_sends_its_certificate_to_an_agent_that_requires_one() -> Result {
    let (authority, clients) = (Authority::new(), Authority::new());
    let files = Files::new(&authority.issue("localhost"));
    let own = Files::new(&clients.issue("a client"));
    let ca = files.write("ca", &authority.pem());
    let tls = files.tls().client_ca(files.write("clients", &clients.pem()));
    let agent = start(Listen::tcp("127.0.0.1:0").proxy_protocol().tls(tls)).await?;
    let endpoint = address(&agent).proxy_header();
    let tls = ClientTls::new(ca).name("localhost");
    let (certificate, key) = (own.path("certificate"), own.path("key"));
    answers(&endpoint.clone().tls(tls.clone().certificate(&certificate, key))).await?;

    let error = FakeHaproxy::connect(&endpoint.clone().tls(tls.clone())).await.unwrap_err();
    assert!(error.is_certificate_required() && error.is_tls_alert(), "{error}");

    let mixed = tls.certificate(certificate, files.path("key"));
    let error = refusal(&endpoint.tls(mixed)).await;
    assert!(error.contains("it is not the key of the certificate in "), "{error}");
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn a_unix_socket_with_tls_needs_a_name() -> Result {
    let path = socket_path("silent");
    let _listener = UnixListener::bind(&path)?;
    let refused = refusal(&Endpoint::unix(&path).tls(ClientTls::any_certificate())).await;
    fs::remove_file(&path)?;
    assert!(refused.contains("a UNIX socket has no name"), "{refused}");
    Ok(())
}

#[actix_rt::test]
async fn a_connection_takes_no_longer_than_its_limit() -> Result {
    // It accepts, and does no handshake.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let limit = Duration::from_millis(50);
    let endpoint = Endpoint::tcp(silent.local_addr()?).connect_timeout(limit);
    let error = endpoint.clone().tls(ClientTls::any_certificate()).connect().await.unwrap_err();
    assert!(matches!(error, EndpointError::Timeout { .. }), "{error}");
    let text = format!("cannot connect to {endpoint} within 50ms; check the address");
    assert!(error.to_string().starts_with(&text), "{error}");
    Ok(())
}

#[actix_rt::test]
async fn what_an_address_holds_forges_no_line() {
    let forged = Endpoint::tcp("nowhere\nERROR the disk is full:1");
    assert!(!refusal(&forged).await.contains('\n'));
    assert_eq!(Endpoint::unix("/\u{1b}[2J\n").to_string(), r"unix /\u{1b}[2J\n");
}
