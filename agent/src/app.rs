//! App: an agent as a program: its name, its options, and its handlers.

use std::{
    env, ffi::OsString, fmt, io, mem, os::unix::net::UnixStream, process::ExitCode, time::Duration,
};

use actix_rt::System;
use clap::{ArgMatches, Args};
use spoa_actors::{BoxError, Registry};
use tokio::runtime::{Builder, Runtime};

use crate::{
    call, check,
    cli::{Cli, Command},
    config_file::ConfigFile,
    failure::Failure,
    file_commands, gen_config, healthcheck,
    into_registry::IntoRegistry,
    listen, load, manual,
    program::Program,
    run::{self, RunError},
    settled::Settled,
    show_config,
    sockets::Sockets,
    telemetry::line_queue::LineQueue,
};

/// How long stderr can delay the end.
const LAST_LINE: Duration = Duration::from_secs(1);

/// Makes the handlers, just before the agent starts; the flag is whether there is a configuration file.
type Handlers = Box<dyn FnOnce(bool) -> Result<Registry, BoxError>>;
/// Returns the maker of the handlers, from the parsed options.
type Choice = Box<dyn FnOnce(&ArgMatches) -> Result<Handlers, clap::Error>>;

/// Makes an agent program with a name, a version and options of your own.
///
/// It has every option, command and endpoint of `spoa-agent`. If you need only your handlers, use
/// [`run`].
///
/// ```no_run
/// use std::{fs, io, net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc};
///
/// use spoa_agent::{
///     App,
///     spoa_actors::{Actions, Registry, State, Var},
/// };
///
/// const BLOCKED: Var = Var::session("blocked");
///
/// #[derive(clap::Args)]
/// struct Own {
///     /// A file with an address on each line, whose clients are blocked
///     #[arg(long, value_name = "FILE")]
///     blocklist: PathBuf,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Client {
///     ip: IpAddr,
/// }
///
/// #[derive(Clone)]
/// struct Blocklist(Arc<str>);
///
/// fn check(client: Client, State(Blocklist(list)): State<Blocklist>) -> Actions {
///     let is_blocked = list.lines().any(|line| line == client.ip.to_string());
///     Actions::new().set(BLOCKED, is_blocked)
/// }
///
/// fn handlers(own: Own) -> Result<Registry, io::Error> {
///     let list = fs::read_to_string(own.blocklist)?;
///     Ok(Registry::new().state(Blocklist(list.into())).on("check-client-ip", check))
/// }
///
/// fn main() -> ExitCode {
///     App::new("my-agent")
///         .version(env!("CARGO_PKG_VERSION"))
///         .about("Blocks clients by a list")
///         .example("check-client-ip ip=192.0.2.1")
///         .options(handlers)
///         .run()
/// }
/// ```
pub struct App {
    program: Program,
    choice: Choice,
}

/// Runs a program with these handlers, and with every option, command and endpoint of `spoa-agent`.
///
/// The name of the program is that of its executable. `run` returns when the command has ended:
/// without a command, after SIGTERM or SIGINT, when the connections are drained.
///
/// ```no_run
/// # use spoa_agent::spoa_actors::{Actions, Registry, Var};
/// # fn pong() -> Actions {
/// #     Actions::new().set(Var::transaction("pong"), true)
/// # }
/// fn main() -> std::process::ExitCode {
///     spoa_agent::run(Registry::new().on("ping", pong))
/// }
/// ```
#[must_use = "it is the exit code of the process"]
pub fn run(registry: Registry) -> ExitCode {
    App::of(Program::of_executable()).registry(registry).run()
}

impl App {
    /// A program with this name, without handlers yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self::of(Program::new(name))
    }

    fn of(program: Program) -> Self {
        Self { program, choice: Box::new(|_| Ok(Box::new(|_| Ok(Registry::new())))) }
    }

    /// Sets the version in `--version`, the log and traces, such as `env!("CARGO_PKG_VERSION")`
    /// [default: that of spoa-agent, with its name].
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.program.version = Some(version.into());
        self
    }

    /// Sets the first line of the help: what the program does.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.program.about = Some(about.into());
        self
    }

    /// Sets a message that the program answers, in the format of `call`, such as `check-client-ip
    /// ip=127.0.0.1`. The help and the first line at the start show it.
    #[must_use]
    pub fn example(mut self, message: impl Into<String>) -> Self {
        self.program.example = Some(message.into());
        self
    }

    /// Serves these handlers: a [`Registry`], or a `Result` with one. An error ends the program
    /// with exit code 1.
    #[must_use]
    pub fn registry(mut self, registry: impl IntoRegistry + 'static) -> Self {
        self.choice = Box::new(|_| Ok(Box::new(|_| registry.into_registry())));
        self
    }

    /// Serves these handlers as long as there is no configuration file: samples, for a first start.
    #[must_use]
    pub fn sample(mut self, registry: impl IntoRegistry + 'static) -> Self {
        self.choice = Box::new(|_| {
            let make = |has_file| {
                if has_file { Ok(Registry::new()) } else { registry.into_registry() }
            };
            Ok(Box::new(make))
        });
        self
    }

    /// Makes the handlers from options of your own. `make` returns a [`Registry`], or a `Result`
    /// with one.
    ///
    /// `Own` derives [`clap::Args`], and has options only: a first word without dashes is a
    /// command. The options belong to `run`, have their own heading in its help, and can be
    /// required. Check a value in its `value_parser`: an error there is wrong usage, with exit code
    /// 2. The agent calls `make` in its event loop, just before it starts. An error of `make` ends
    /// the program with exit code 1.
    #[must_use]
    pub fn options<Own, R>(mut self, make: impl FnOnce(Own) -> R + 'static) -> Self
    where
        Own: Args + 'static,
        R: IntoRegistry,
    {
        self.program.own = Own::augment_args;
        self.choice = Box::new(|matches| {
            let own = Own::from_arg_matches(matches)?;
            Ok(Box::new(move |_| make(own).into_registry()))
        });
        self
    }

    /// Runs the command on the command line, and returns the exit code. End the process with it.
    #[must_use = "it is the exit code of the process"]
    pub fn run(self) -> ExitCode {
        let program = self.program.clone();
        let words: Vec<_> = env::args_os().collect();
        let (command, handlers) = match self.parse(&words) {
            Ok(parsed) => parsed,
            Err(error) => {
                // A closed stdout is not a failure of help.
                let _ = error.print();
                return exit_code(error.exit_code());
            }
        };
        let quiet = command.is_quiet();
        let ended = match runtime() {
            Ok(runtime) => {
                let system = System::with_tokio_rt(|| runtime);
                let ended = system.block_on(dispatch(command, &words, program, handlers));
                // Dropping it would wait for a name lookup in progress.
                mem::forget(system);
                ended
            }
            Err(error) => Err(RunError::Runtime(error).into()),
        };
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                if !quiet || matches!(failure, Failure::Usage(_)) {
                    complain(&failure);
                }
                exit_code(failure.exit_code())
            }
        }
    }

    /// The command on the command line, and the handlers if it is `run`.
    fn parse<W>(
        self,
        words: impl IntoIterator<Item = W>,
    ) -> Result<(Command, Handlers), clap::Error>
    where
        W: Into<OsString> + Clone,
    {
        let mut definition = Cli::definition(&self.program);
        let matches = definition.try_get_matches_from_mut(words)?;
        let (command, of_run) =
            Cli::command_of(&matches).map_err(|error| error.format(&mut definition))?;
        let handlers = match of_run {
            Some(of_run) => (self.choice)(of_run).map_err(|error| error.format(&mut definition))?,
            None => Box::new(|_| Ok(Registry::new())),
        };
        Ok((command, handlers))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Prints the failure, but does not wait for a reader of stderr.
fn complain(failure: &Failure) {
    if let Ok(stderr) = LineQueue::start(io::stderr()) {
        stderr.push(format!("{}\n", failure.line()).as_bytes());
        stderr.flush_within(LAST_LINE);
    } else {
        eprintln!("{}", failure.line());
    }
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A runtime for actix, which would panic here if the system lacks resources.
fn runtime() -> io::Result<Runtime> {
    // tokio panics too when it opens its sockets for signals: check that some can be opened.
    let spare: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    drop(spare?);
    Builder::new_current_thread().enable_all().build()
}

async fn dispatch(
    command: Command,
    words: &[OsString],
    program: Program,
    handlers: Handlers,
) -> Result<(), Failure> {
    match command {
        Command::Run(options) => {
            run::prepare()?;
            // At first: the variables are taken out of the environment, which other threads may read.
            let sockets = Sockets::of_process();
            let file = options.config.as_deref().map(ConfigFile::open).transpose()?;
            let has_file = file.is_some();
            let Settled { options, file, .. } = Settled::of(words, &program, file)?;
            Ok(run::run(options, file, sockets, program, move || handlers(has_file)).await?)
        }
        Command::Call(options) => Ok(call::call(options).await?),
        Command::Load(options) => load::load(options).await,
        Command::Check(options) => check::check(&options),
        Command::ShowConfig(options) => show_config::show_config(words, &options, &program),
        Command::GenConfig(options) => gen_config::gen_config(&options),
        Command::Healthcheck(options) => Ok(healthcheck::healthcheck(options).await?),
        Command::Init(options) => file_commands::init(&options),
        Command::Test(options) => file_commands::test(&options).await,
        Command::Explain(options) => file_commands::explain(options).await,
        Command::Listen(options) => listen::listen(*options).await,
        Command::Kinds(options) => file_commands::kinds(&options),
        Command::Schema => file_commands::schema(),
        Command::Completions { shell } => Ok(manual::completions(shell, &program)?),
        Command::Man { command } => Ok(manual::page(command.as_deref(), &program)?),
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use spoa_actors::{Actions, Route};

    use super::*;

    #[derive(Args)]
    struct Own {
        /// How many
        #[arg(long, value_name = "N")]
        limit: u8,
    }

    /// An agent whose handlers have the name of the limit.
    fn app() -> App {
        let handler = || Route::new(|(): ()| Ok::<_, BoxError>(Actions::new()));
        App::new("mine").version("7.1").options(move |own: Own| match own.limit {
            0 => Err("there is no handler without a limit"),
            limit => Ok(Registry::new().on(format!("m{limit}"), handler())),
        })
    }

    fn parse(words: &str) -> Result<(Command, Handlers), clap::Error> {
        app().parse(words.split_whitespace())
    }

    #[test]
    fn options_of_ones_own_belong_to_run_and_make_the_handlers() {
        for words in ["mine --limit 3", "mine run --limit 3", "mine --limit=3 --unix a"] {
            let (command, handlers) = parse(words).unwrap();
            assert!(matches!(command, Command::Run(_)), "{words}");
            assert_eq!(handlers(false).unwrap().names().collect::<Vec<_>>(), ["m3"], "{words}");
        }
        let (_, handlers) = parse("mine --limit 0").unwrap();
        assert_eq!(handlers(false).unwrap_err().to_string(), "there is no handler without a limit");
        for words in ["mine healthcheck", "mine call m", "mine man"] {
            assert!(parse(words).is_ok(), "{words} needs no option of run");
        }
    }

    #[test]
    fn options_of_ones_own_are_checked_as_all_others() {
        for (words, kind) in [
            ("mine", ErrorKind::MissingRequiredArgument),
            ("mine run", ErrorKind::MissingRequiredArgument),
            ("mine run --limit x", ErrorKind::ValueValidation),
            ("mine call m --limit 3", ErrorKind::UnknownArgument),
            ("mine --limit 3 call m", ErrorKind::ArgumentConflict),
        ] {
            assert_eq!(parse(words).err().map(|error| error.kind()), Some(kind), "{words}");
        }
    }

    #[test]
    fn the_help_is_about_the_program_and_has_its_options() {
        let printed = |words| parse(words).err().map(|error| error.to_string()).unwrap_or_default();
        for words in ["mine --help", "mine run --help"] {
            let help = printed(words);
            assert!(help.contains("--limit <N>\n"), "{help}");
            assert!(!help.contains("spoa-agent"), "{help}");
        }
        assert!(printed("mine call --help").contains("mine call MESSAGE NAME=VALUE"));
        assert_eq!(printed("mine -V"), "mine 7.1\n");
        let version = printed("mine --version");
        assert!(version.starts_with("mine 7.1\nlibrary:  spoa-agent "), "{version}");
        Cli::definition(&app().program).debug_assert();
    }
}
