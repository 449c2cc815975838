//! Real sockets: TCP and UNIX.

use std::{
    fs,
    net::SocketAddr,
    num::NonZero,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    thread::ThreadId,
    time::Duration,
};

use spoa_actors::{
    Actions, Agent, AgentError, Listen, Registry, Route, RunningAgent, Scope,
    testing::{ClientError, FakeHaproxy},
};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{Result, ask_score, registry};

async fn connect(address: SocketAddr) -> Result<FakeHaproxy<TcpStream>> {
    FakeHaproxy::over(TcpStream::connect(address).await?).await
}

async fn start(agent: Agent) -> Result<RunningAgent> {
    Ok(agent.arbiters(NonZero::new(2).unwrap()).start(registry()).await?)
}

/// A path that no other test uses, in a folder that the build owns.
fn socket_path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(format!("spoa-actors-{name}.sock"))
}

#[actix_rt::test]
async fn checklist_41_tcp_and_unix_sockets_are_listened_on_together() -> Result {
    let path = socket_path();
    let agent =
        Agent::bind("127.0.0.1:0")?.listen("127.0.0.1:0")?.listen_unix(&path, Some(0o660))?;
    let agent = start(agent).await?;
    assert_eq!(agent.local_addresses().len(), 2);
    for address in agent.local_addresses() {
        let actions = connect(*address).await?.notify(ask_score()).await?;
        assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
    }
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o660);
    let mut haproxy = FakeHaproxy::over(UnixStream::connect(&path).await?).await?;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    drop(haproxy);
    agent.stop().await;
    assert!(!path.exists(), "the socket file is left behind");
    Ok(())
}

#[actix_rt::test]
async fn what_waits_at_a_socket_that_was_handed_over_is_left_to_the_next_agent() -> Result {
    let path = socket_path();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
    let unix = std::os::unix::net::UnixListener::bind(&path)?;
    let address = tcp.local_addr()?;
    let agent = || {
        let agent = Agent::new().listen_on(Listen::handed_over_tcp(tcp.try_clone()?))?;
        Result::Ok(agent.listen_on(Listen::handed_over_unix(unix.try_clone()?))?)
    };
    let first = start(agent()?).await?;
    let names: Vec<_> = first.listeners().map(str::to_owned).collect();
    assert_eq!(names, [address.to_string(), format!("unix:{}", path.display())]);
    let check = connect(address).await?.notify(ask_score()).await?;
    assert_eq!(check.to_string(), "set-var sess.ip_score 20");
    first.stop().await;
    assert!(path.exists(), "the file is not the agent's");
    let waiting = (TcpStream::connect(address).await?, UnixStream::connect(&path).await?);
    let _second = start(agent()?).await?;
    let mut over_tcp = FakeHaproxy::over(waiting.0).await?;
    assert_eq!(over_tcp.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let mut over_unix = FakeHaproxy::over(waiting.1).await?;
    assert_eq!(over_unix.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    Ok(fs::remove_file(&path)?)
}

#[actix_rt::test]
async fn the_socket_file_of_a_dead_process_is_replaced_and_nothing_else() -> Result {
    let path = socket_path();
    drop(std::os::unix::net::UnixListener::bind(&path)?);
    assert!(path.exists());
    let agent = start(Agent::new().listen_unix(&path, None)?).await?;
    FakeHaproxy::over(UnixStream::connect(&path).await?).await?;

    let error = Agent::new().listen_unix(&path, None).unwrap_err();
    assert!(error.to_string().contains("another process listens on it"), "{error}");
    agent.stop().await;

    fs::write(&path, "precious")?;
    let error = Agent::new().listen_unix(&path, None).unwrap_err();
    assert!(error.to_string().contains("a file that is no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path)?, "precious");
    Ok(fs::remove_file(&path)?)
}

#[actix_rt::test]
async fn an_address_in_use_is_an_error_that_names_it() -> Result {
    let agent = start(Agent::bind("127.0.0.1:0")?).await?;
    let address = agent.local_addresses()[0].to_string();
    let error = Agent::bind(address.as_str()).unwrap_err();
    assert!(matches!(&error, AgentError::Bind { .. }) && error.to_string().contains(&address));
    let error = Agent::new().start(registry()).await.unwrap_err();
    assert!(matches!(error, AgentError::NoListener), "{error}");
    Ok(())
}

fn thread_name() -> ThreadId {
    std::thread::current().id()
}

#[actix_rt::test]
async fn connections_are_handed_to_the_arbiters_in_turn() -> Result {
    let route = Route::new(|(): ()| {
        let thread = format!("{:?}", thread_name());
        Actions::new().set_var(Scope::Transaction, "thread", &thread)
    });
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(NonZero::new(3).unwrap());
    let agent = agent.start(Registry::new().on("thread", route)).await?;
    assert_eq!(agent.arbiters(), 3);
    let mut threads = Vec::new();
    for _ in 0..6 {
        let mut haproxy = connect(agent.local_addresses()[0]).await?;
        let actions = haproxy.notify(spoa_actors::Message::new("thread")).await?;
        threads.push(actions.to_string());
    }
    assert_eq!(threads[..3], threads[3..]);
    assert!(threads[0] != threads[1] && threads[1] != threads[2] && threads[0] != threads[2]);
    Ok(())
}

#[actix_rt::test]
async fn checklist_43_a_burst_of_connections_is_accepted() -> Result {
    let agent = start(Agent::bind("127.0.0.1:0")?).await?;
    let address = agent.local_addresses()[0];
    // All of them are there before the agent's thread, which is this one, accepts the first.
    let mut streams = Vec::new();
    for _ in 0..400 {
        let stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nonblocking(true)?;
        streams.push(TcpStream::from_std(stream)?);
    }
    for stream in streams {
        let mut haproxy = FakeHaproxy::over(stream).await?;
        assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    }
    Ok(())
}

#[actix_rt::test]
async fn an_agent_that_is_stopped_says_farewell_and_is_gone() -> Result {
    let agent = start(Agent::bind("127.0.0.1:0")?).await?;
    let address = agent.local_addresses()[0];
    let mut haproxy = connect(address).await?;
    haproxy.notify(ask_score()).await?;
    let farewell = actix_rt::spawn(async move { haproxy.receive().await });
    agent.stop().await;
    let farewell = farewell.await.unwrap()?;
    assert!(matches!(farewell, spoa_actors::spop::Frame::AgentDisconnect(_)), "{farewell:?}");
    let error = connect(address).await.unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    Ok(())
}
