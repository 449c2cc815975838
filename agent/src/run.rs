//! `run`: prints the addresses and a command to try, and serves until a signal.

use std::{io, num::NonZero, path::PathBuf, process, time::Duration};

use spoa_actors::{
    Agent, AgentError, BoxError, Limits, Listen, Registry, RunningAgent, Signals,
    observe::Statistics,
};
use spoa_handlers::trail;
use thiserror::Error;
use tokio::time::sleep;

use crate::{
    admin::{self, Admin, AdminError, Served, View},
    announcement::Announcement,
    config_file::ConfigFile,
    discovery::{Listening, Place, Presence, Shown},
    failure::Failure,
    limit_options,
    open_files::{self, TooFewOpenFiles},
    program::Program,
    run_options::RunOptions,
    shortage::{SHORTAGE, is_shortage},
    sockets::{Socket, SocketError, Sockets},
    telemetry::{Telemetry, TelemetryError},
};

/// What spans and metrics get of an end that is to be at once: enough for a collector that is there.
const AT_ONCE: Duration = Duration::from_millis(250);

/// What audit files get at the end: a disk that hangs keeps no process from ending.
const FOR_AUDITS: Duration = Duration::from_secs(1);

/// Why the agent could not start.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("{0}{advice}", advice = advice(.0))]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("cannot make the handlers: {0}")]
    Handlers(BoxError),
    #[error("TLS needs a TCP address: add one with --listen")]
    TlsWithoutTcp,
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("cannot start an event loop: {0}{SHORTAGE}")]
    Runtime(io::Error),
    #[error(transparent)]
    OpenFiles(#[from] TooFewOpenFiles),
    #[error(transparent)]
    Socket(#[from] SocketError),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Telemetry(TelemetryError::Thread(cause)) => {
                Self::Failed(RunError::Runtime(cause).into())
            }
            RunError::Telemetry(_) | RunError::TlsWithoutTcp => Self::Usage(error.into()),
            RunError::Agent(AgentError::BadLimit { .. }) => Self::Usage(error.into()),
            RunError::Agent(_)
            | RunError::Admin(_)
            | RunError::Handlers(_)
            | RunError::Runtime(_)
            | RunError::OpenFiles(_)
            | RunError::Socket(_) => Self::Failed(error.into()),
        }
    }
}

/// Serves these handlers until SIGTERM or SIGINT.
pub(crate) async fn run(
    options: RunOptions,
    program: Program,
    file: Option<ConfigFile>,
    handlers: impl FnOnce() -> Result<Registry, BoxError>,
) -> Result<(), RunError> {
    // SIGTERM ends it at once until it serves: names may be looked up for long.
    Signals::shield()?;
    program.set_running();
    // At first: the variables are taken out of the environment, which other threads may read.
    let mut sockets = Sockets::of_process();
    let mut handed_over = Vec::new();
    for name in options.handed_over() {
        handed_over.extend(sockets.take(name)?);
    }
    let has_tcp = !options.addresses().is_empty() || handed_over.iter().any(Socket::is_tcp);
    if options.tls().is_some() && !has_tcp {
        return Err(RunError::TlsWithoutTcp);
    }
    let limits = open_files::fit(&options, options.limits(), admin::PLACES)?;
    let mut telemetry = Telemetry::start(&program, &options.telemetry, &limits)?;
    let unused = sockets.unused();
    if !unused.is_empty() {
        tracing::warn!(
            sockets = unused.join(", "),
            "systemd sockets not used: connections to them wait forever; add \
             --listen systemd:NAME, or remove them from the .socket unit"
        );
    }
    // However it has ended: what waits is sent before the process does, unless there is no time.
    let service = Service { program, options, file, handed_over, limits };
    let ended = service.serve(handlers, &mut telemetry).await;
    trail::flush_all(FOR_AUDITS);
    match ended {
        Ok(Ended { statistics, mut signals, _admin }) => {
            let no_time = async {
                signals.again().await;
                sleep(AT_ONCE).await;
            };
            tokio::select! {
                () = no_time => {}
                () = telemetry.shutdown(Some(statistics)) => {}
            }
            Ok(())
        }
        Err(error) => {
            telemetry.shutdown(None).await;
            Err(error)
        }
    }
}

/// An agent that has served.
struct Ended {
    /// What it has seen and done.
    statistics: Statistics,
    signals: Signals,
    /// It goes on until the process ends.
    _admin: Option<Served>,
}

/// What is to be served, and how.
struct Service {
    program: Program,
    options: RunOptions,
    file: Option<ConfigFile>,
    handed_over: Vec<Socket>,
    limits: Limits,
}

impl Service {
    /// Serves until a signal.
    async fn serve(
        self,
        handlers: impl FnOnce() -> Result<Registry, BoxError>,
        telemetry: &mut Telemetry,
    ) -> Result<Ended, RunError> {
        let Self { program, options, file, handed_over, limits } = self;
        let view = View::new(limits, telemetry.logs().clone(), telemetry.span_counters());
        let admin = serve_admin(&options, &view)?;
        if admin.is_some() {
            open_files::keep_reserve();
        }
        if limits.connections < options.limits.max_connections {
            tracing::warn!(
                limit = limits.connections,
                wanted = options.limits.max_connections,
                "too few open files: accepting fewer connections than --max-connections; set \
                 LimitNOFILE in the systemd unit or raise `ulimit -Hn`"
            );
        }
        let mut registry = handlers().map_err(RunError::Handlers)?;
        if let Some(file) = &file {
            registry = file.register(registry).map_err(RunError::Handlers)?;
        }
        let names: Vec<_> = registry.names().map(str::to_owned).collect();
        let served_limits = limits;
        let paths =
            [options.unix.clone(), handed_over.iter().filter_map(Socket::path).collect()].concat();
        let mut agent = bind(&options, handed_over, limits)?;
        if let Some(settings) = telemetry.traces() {
            agent = agent.traces(settings.traces());
        }
        let mut shown = None;
        let announce = |running: &RunningAgent| {
            shown = show(&options, &paths, running);
            telemetry.watch(running);
            view.started(running.observer());
            log_start(&program, running, &names.join(", "), &served_limits);
            let announcement = Announcement {
                program: &program,
                addresses: running.local_addresses(),
                paths: &paths,
                names: &names,
                admin: admin.as_ref().map(|admin| &admin.place),
                options: options.call_options(),
            };
            announcement.print();
        };
        // Not before: names may have been looked up for long, and SIGTERM has ended that.
        let mut signals = Signals::listen()?;
        let statistics = agent.serve_until(registry, &mut signals, announce).await?;
        drop(shown);
        Ok(Ended { statistics, signals, _admin: admin })
    }
}

/// The first line of the log.
fn log_start(program: &Program, running: &RunningAgent, routes: &str, limits: &Limits) {
    tracing::info!(
        version = program.version(),
        pid = process::id(),
        listeners = running.listeners().collect::<Vec<_>>().join(", "),
        routes,
        worker_threads = running.arbiters(),
        deadline = ?limits.deadline,
        notice_period = ?limits.notice_period,
        max_frame_size = limits.max_frame_size,
        max_connections = limits.connections,
        max_messages = limits.messages,
        max_memory = limits.memory,
        "agent started"
    );
}

/// Shows other commands where it listens.
fn show(options: &RunOptions, paths: &[PathBuf], running: &RunningAgent) -> Option<Shown> {
    let listening = |place| {
        let is_tcp = matches!(place, Place::Tcp(_));
        Listening {
            place,
            proxy_protocol: options.proxy_protocol,
            tls: is_tcp && options.tls().is_some(),
            client_certificate: is_tcp && options.tls_client_ca.is_some(),
        }
    };
    let tcp = running.local_addresses().iter().copied().map(Place::Tcp);
    let unix = paths.iter().map(|path| Place::unix(path));
    let presence = Presence { listeners: tcp.chain(unix).map(listening).collect() };
    let shown = presence.show();
    shown
        .inspect_err(|error| {
            tracing::warn!(
                %error,
                "discovery unavailable: the command `healthcheck` cannot find this agent; give it \
                 --addr or --unix"
            );
        })
        .ok()
}

/// Serves the admin endpoint from now on, if there shall be one.
fn serve_admin(options: &RunOptions, view: &View) -> Result<Option<Served>, AdminError> {
    Admin::bind(&options.admin)?.map(|admin| admin.serve(view.clone())).transpose()
}

fn bind(
    options: &RunOptions,
    handed_over: Vec<Socket>,
    limits: Limits,
) -> Result<Agent, AgentError> {
    let agent = Agent::new().fill_empty_acks(options.fill_empty_acks);
    let agent = agent.limits(limits).limit_names(limit_options::option);
    let mut agent = agent.asynchronous(options.asynchronous);
    let proxied =
        |listen: Listen| if options.proxy_protocol { listen.proxy_protocol() } else { listen };
    if let Some(arbiters) = options.worker_threads.and_then(NonZero::new) {
        agent = agent.arbiters(arbiters);
    }
    let secured = |listen: Listen| match options.tls() {
        Some(tls) => listen.tls(tls),
        None => listen,
    };
    for address in options.addresses() {
        agent = agent.listen_on(proxied(secured(Listen::tcp(address))))?;
    }
    for path in &options.unix {
        let listen = Listen::unix(path);
        agent = agent.listen_on(proxied(match options.unix_mode {
            Some(mode) => listen.mode(mode),
            None => listen,
        }))?;
    }
    for socket in handed_over {
        let is_tcp = socket.is_tcp();
        let listen = proxied(socket.listen());
        agent = agent.listen_on(if is_tcp { secured(listen) } else { listen })?;
    }
    Ok(agent)
}

/// What to do about it, where the error itself does not say so.
fn advice(error: &AgentError) -> &'static str {
    use io::ErrorKind::{
        AddrInUse, AddrNotAvailable, AlreadyExists, InvalidInput, NotFound, PermissionDenied,
    };
    match error {
        AgentError::Bind { cause, .. } | AgentError::BindUnix { cause, .. }
            if is_shortage(cause) =>
        {
            SHORTAGE
        }
        AgentError::Bind { cause, .. } => match cause.kind() {
            AddrInUse => "; stop what listens there, or choose another address with --listen",
            AddrNotAvailable => "; choose an address of this machine with --listen",
            PermissionDenied => "; choose a port from 1024 on with --listen, or run with the right",
            AlreadyExists | InvalidInput => "",
            _ => "; choose another address with --listen",
        },
        AgentError::BindUnix { cause, .. } => match cause.kind() {
            NotFound => "; make the folder of the socket first",
            PermissionDenied => "; choose a folder that this user may write to",
            _ => "",
        },
        AgentError::Thread { .. } => SHORTAGE,
        _ => "",
    }
}
