//! `program`: a program in any language decides, behind a pipe.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use spoa_actors::BoxError;

use super::{
    command_line::CommandLine,
    json_table::JsonTable,
    named::Named,
    program_answer::{Contract, NO_REASON},
    program_question::Sent,
    rule::Word,
};
use crate::{
    chain::{
        Decides, Detail, Kind, Later, LaterStep, Made, Making, OwnVariable, Pending, Unanswered,
        View,
    },
    configuration::Action,
    file::{List, Text},
    finding::{Finding, suggestion},
    kind::{Description, Reason, Settings, Type, Variable, WELL_KNOWN},
    program::{Pool, ProgramCommand},
    value::Size,
};

settings! {
    /// What `program` is set to.
    struct ProgramSettings, "`program`" {
        /// The file that is run, with its whole path or relative to this file, and its arguments.
        command: CommandLine,
        /// The arguments, and the findings as `handler.variable`, that the program gets: all, unless it is set.
        send: Option<List<Text>>,
        /// The variables that it may set, each with its type: `bool`, `int`, `text` or `ip`.
        variables: Named<Type> = Named::default(),
        /// What it may decide.
        actions: List<Action> = List(vec![Action::Allow, Action::Deny]),
        /// The words that it may give as its reason.
        reasons: List<Word> = List(Vec::new()),
        /// The statuses that it may answer with.
        statuses: List<u16> = List(Vec::new()),
        /// The texts of the verdict that it may set.
        texts: List<Detail> = List(Vec::new()),
        /// What it is told at its start.
        settings: JsonTable = JsonTable::default(),
        /// How many messages it answers at once, each in a process of its own.
        workers: u32 = 2,
        /// How many processes more are ready to take over from one that was killed.
        spares: u32 = 1,
        /// How long a process has for an answer. One that is late is killed.
        time: Duration = Duration::from_millis(50),
        /// How long a process has until it is ready.
        start_timeout: Duration = Duration::from_secs(10),
        /// How much address space each process has.
        memory: Option<Size>,
        /// The user whose rights it has: those of the agent, unless it is set.
        user: Option<String>,
        /// Its environment. Nothing else is in it.
        env: Named<String> = Named::default(),
    }
}

/// How many processes a program has at most.
const MOST: u32 = 256;

/// The kind `program`.
pub(super) struct Program;

const DESCRIPTION: Description = Description {
    name: "program",
    summary: "Asks a program in any language: a line of JSON in, a line of JSON out.",
    arguments: WELL_KNOWN,
    variables: &[Variable::new("error", Type::Text, "why there is no answer:").one_of(&[
        "timeout",
        "unavailable",
        "busy",
        "exited",
        "bad_answer",
    ])],
    reasons: &[Reason::new(NO_REASON, "the program gives no reason of its own")],
    settings: ProgramSettings::SETTINGS,
    example: r#"
[handler.fraud]
kind = "program"
command = ["/usr/bin/python3", "programs/fraud.py"]
send = ["ip", "path", "body_size"]
variables = { score = "int" }
reasons = ["fraud"]
statuses = [403]
time = "50ms"
memory = "256MiB"
"#,
};

impl Kind for Program {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: ProgramSettings = making.settings()?;
        let (sent, variables) = (sent(&settings, making), own_variables(&settings, making));
        let (sent, variables, ()) = (sent?, variables?, few_processes(&settings, making)?);
        let contract = Contract {
            actions: settings.actions.0.clone(),
            reasons: settings.reasons.0.iter().map(|word| word.as_str().to_owned()).collect(),
            statuses: settings.statuses.0.clone(),
            texts: settings.texts.0.clone(),
            variables,
        };
        let (decides, variables) = (contract.decides(), contract.own_variables());
        let command = command(settings, making.name());
        let log = Arc::new(Log::new(making.name()));
        let pool = making.shared(&identity(&command), || Pool::new(command.clone()));
        let (contract, is_started) = (Arc::new(contract), AtomicBool::new(false));
        let asked = Asked { pool, sent, contract, log, is_started };
        Some(Made { step: Box::new(Later(asked)), variables, decides })
    }
}

/// What the program gets; a name that there is not is a finding.
fn sent(settings: &ProgramSettings, making: &mut Making<'_, '_>) -> Option<Sent> {
    let mut sent = Sent::none();
    let Some(List(names)) = &settings.send else {
        for name in crate::expression::Names::all(making.names()) {
            sent.add(&name, making);
        }
        return Some(sent);
    };
    let mut is_right = true;
    for name in names {
        if sent.add(name.as_str(), making) {
            continue;
        }
        is_right = false;
        if crate::expression::Names::is_broken(making.names(), name.as_str()) {
            continue;
        }
        let title = format!("there is no argument or finding `{}`", name.as_str());
        let finding = Finding::error(title).at(name.place(), "not known here");
        let known = crate::expression::Names::all(making.names());
        let known = suggestion(name.as_str(), known.iter().map(String::as_str));
        making.add(match known {
            Some(help) => finding.help(help),
            None => finding.help("name an argument, or a variable as `handler.variable`"),
        });
    }
    is_right.then_some(sent)
}

/// The variables of the program; two kinds of them are findings.
fn own_variables(
    settings: &ProgramSettings,
    making: &mut Making<'_, '_>,
) -> Option<Vec<(String, Type)>> {
    let mut is_right = true;
    for (key, value_type) in &settings.variables.0 {
        let (title, help) = if key.name == "error" {
            ("`error` says why there is no answer", "use another name")
        } else if *value_type == Type::Binary {
            ("JSON has no bytes", "write one of `bool`, `int`, `text` and `ip`")
        } else {
            continue;
        };
        is_right = false;
        making.add(Finding::error(title).at(key.place, "not a variable of a program").help(help));
    }
    let variables = settings.variables.0.iter();
    is_right.then(|| variables.map(|(key, own)| (key.name.clone(), *own)).collect())
}

/// Whether there are processes, and no more than a mistake makes.
fn few_processes(settings: &ProgramSettings, making: &mut Making<'_, '_>) -> Option<()> {
    let all = settings.workers.saturating_add(settings.spares);
    if settings.workers > 0 && all <= MOST {
        return Some(());
    }
    let title = format!("a program has {all} processes, {} of them at work", settings.workers);
    let finding = Finding::error(title).at(making.place("workers"), "this handler");
    making.add(
        finding.help(format!("set `workers` to 1 at least, and with `spares` to {MOST} at most")),
    );
    None
}

fn command(settings: ProgramSettings, handler: &str) -> ProgramCommand {
    let env = settings.env.0.into_iter().map(|(key, value)| (key.name, value));
    ProgramCommand {
        handler: handler.to_owned(),
        file: settings.command.file,
        arguments: settings.command.arguments,
        directory: settings.command.directory,
        env: env.collect(),
        user: settings.user,
        memory: settings.memory.map(|Size(bytes)| bytes),
        workers: settings.workers as usize,
        spares: settings.spares as usize,
        time: settings.time,
        start_timeout: settings.start_timeout,
        settings: settings.settings.0,
    }
}

/// What makes another program of it: also a change of its files.
fn identity(command: &ProgramCommand) -> String {
    let files = [command.file.clone()].into_iter();
    let files = files.chain(command.arguments.iter().map(|own| command.directory.join(own)));
    let stamp = |file: PathBuf| fs::metadata(file).ok().map(|own| (own.modified().ok(), own.len()));
    let stamps: Vec<_> = files.map(stamp).collect();
    format!("{command:?} {stamps:?}")
}

impl Contract {
    fn decides(&self) -> Decides {
        let mut decides = Decides::nothing();
        for action in &self.actions {
            decides.add(*action, None);
            if *action != Action::Allow {
                self.statuses.iter().for_each(|status| decides.add(*action, Some(*status)));
            }
        }
        self.texts.iter().for_each(|detail| decides.add_text(*detail));
        decides
    }

    fn own_variables(&self) -> Vec<OwnVariable> {
        let own = self.variables.iter();
        let own =
            own.map(|(name, own)| OwnVariable { name: name.clone(), value_type: (*own).into() });
        own.collect()
    }
}

/// A program that is asked.
struct Asked {
    pool: Arc<Pool>,
    sent: Sent,
    contract: Arc<Contract>,
    log: Arc<Log>,
    is_started: AtomicBool,
}

impl LaterStep for Asked {
    fn begin(&self, view: &View<'_, '_>) -> Pending {
        let answer = self.pool.ask(self.sent.question(view));
        let (contract, log) = (Arc::clone(&self.contract), Arc::clone(&self.log));
        Box::pin(async move {
            let answer = answer.await.map_err(|error| Unanswered(error.word()))?;
            contract.read(answer).map_err(|wrong| {
                log.wrong(&wrong.0);
                Unanswered("bad_answer")
            })
        })
    }

    fn start(&self) -> Result<(), BoxError> {
        if !self.is_started.load(Ordering::Acquire) {
            self.pool.start()?;
            self.is_started.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn stop(&self) {
        // The handlers of other messages share the processes.
        if self.is_started.swap(false, Ordering::AcqRel) {
            self.pool.stop();
        }
    }
}

/// The log of answers that are of no use: a line a second.
struct Log {
    handler: String,
    start: Instant,
    next: AtomicU64,
}

impl Log {
    fn new(handler: &str) -> Self {
        Self { handler: handler.to_owned(), start: Instant::now(), next: AtomicU64::new(0) }
    }

    fn wrong(&self, wrong: &str) {
        let (now, next) = (self.start.elapsed().as_secs(), self.next.load(Ordering::Relaxed));
        if now >= next
            && self
                .next
                .compare_exchange(next, now + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            let handler = &self.handler;
            tracing::warn!(handler, "answer of the program not used: {wrong}");
        }
    }
}
