//! `run`: prints the addresses and a command to try, and serves until a signal.

use std::{io, num::NonZero, process, time::Duration};

use spoa_actors::{
    Agent, AgentError, BoxError, Limits, Registry, RunningAgent, Signals, observe::Statistics,
};
use spoa_handlers::{chain::StartError, trail};
use thiserror::Error;
use tokio::time::sleep;

use crate::{
    admin::{self, Admin, AdminError, Served, View},
    announcement::Announcement,
    config_file::ConfigFile,
    discovery::{Listening, Place, Presence, Shown},
    failure::Failure,
    limit_options,
    listeners::{Listener, listeners},
    open_files::{self, TooFewOpenFiles},
    program::Program,
    run_options::RunOptions,
    served::ServedFile,
    shortage::{SHORTAGE, is_shortage},
    sockets::{SocketError, Sockets},
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
    #[error("cannot start {0}")]
    Start(#[from] StartError),
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
            | RunError::Start(_)
            | RunError::Runtime(_)
            | RunError::OpenFiles(_)
            | RunError::Socket(_) => Self::Failed(error.into()),
        }
    }
}

/// Has SIGTERM end the process at once until it serves: names may be looked up for long.
///
/// # Errors
///
/// If signals cannot be taken.
pub(crate) fn prepare() -> Result<(), RunError> {
    Ok(Signals::shield()?)
}

/// Serves these handlers until SIGTERM or SIGINT.
pub(crate) async fn run(
    options: RunOptions,
    file: Option<ConfigFile>,
    mut sockets: Sockets,
    program: Program,
    handlers: impl FnOnce() -> Result<Registry, BoxError>,
) -> Result<(), RunError> {
    program.set_running();
    let mut listeners = listeners(&options, file.as_ref().map(|file| &file.configuration));
    for listener in &mut listeners {
        listener.take(&mut sockets)?;
    }
    if options.tls_cert.is_some() && !listeners.iter().any(Listener::is_tcp) {
        return Err(RunError::TlsWithoutTcp);
    }
    let opened = listeners.iter().filter(|listener| listener.is_opened_here()).count();
    let limits = open_files::fit(&options, options.limits(), opened, admin::PLACES)?;
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
    let service = Service { program, options, file, listeners, limits };
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
    listeners: Vec<Listener>,
    limits: Limits,
}

impl Service {
    /// Serves until a signal.
    async fn serve(
        self,
        handlers: impl FnOnce() -> Result<Registry, BoxError>,
        telemetry: &mut Telemetry,
    ) -> Result<Ended, RunError> {
        let Self { program, options, file, listeners, limits } = self;
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
        // Until it has served.
        let _started = file.as_ref().map(ConfigFile::start).transpose()?;
        if let Some(file) = file {
            ServedFile::set(file.chains, file.resources);
        }
        let names: Vec<_> = registry.names().map(str::to_owned).collect();
        let served_limits = limits;
        let paths: Vec<_> = listeners.iter().flat_map(Listener::paths).collect();
        let call_options = [true, false].map(|is_tcp| {
            let first = listeners.iter().find(|listener| listener.is_tcp() == is_tcp);
            first.map_or_else(String::new, |first| first.manner(is_tcp).call_options())
        });
        let (mut agent, places) = bind(&options, listeners, limits)?;
        if let Some(settings) = telemetry.traces() {
            agent = agent.traces(settings.traces());
        }
        let mut shown = None;
        let announce = |running: &RunningAgent| {
            shown = show(places);
            telemetry.watch(running);
            view.started(running.observer());
            log_start(&program, running, &names.join(", "), &served_limits);
            let announcement = Announcement {
                program: &program,
                addresses: running.local_addresses(),
                paths: &paths,
                names: &names,
                admin: admin.as_ref().map(|admin| &admin.place),
                options: call_options,
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
fn show(listeners: Vec<Listening>) -> Option<Shown> {
    let shown = Presence { listeners }.show();
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

/// The agent on its listeners, and how each of them is reached.
fn bind(
    options: &RunOptions,
    listeners: Vec<Listener>,
    limits: Limits,
) -> Result<(Agent, Vec<Listening>), AgentError> {
    let agent = Agent::new().fill_empty_acks(options.fill_empty_acks);
    let agent = agent.limits(limits).limit_names(limit_options::option);
    let mut agent = agent.asynchronous(options.asynchronous);
    if let Some(arbiters) = options.worker_threads.and_then(NonZero::new) {
        agent = agent.arbiters(arbiters);
    }
    let (mut tcp, mut unix) = (Vec::new(), Vec::new());
    for listener in listeners {
        let known = agent.local_addresses().len();
        let (over_tcp, over_unix) = (listener.manner(true), listener.manner(false));
        unix.extend(listener.paths().iter().map(|path| over_unix.listening(Place::unix(path))));
        agent = listener.bind(agent)?;
        let addresses = agent.local_addresses().into_iter().skip(known);
        tcp.extend(addresses.map(|address| over_tcp.listening(Place::Tcp(address))));
    }
    tcp.append(&mut unix);
    Ok((agent, tcp))
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
