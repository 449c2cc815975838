//! Chains with handlers that answer later: what they see, what they decide, and what happens without their answer.

use std::{
    net::IpAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use spoa_actors::{Actions, BoxError, Message};
use spoa_handlers::{
    chain::{
        Chain, Decides, Decision, Kind, Late, Later, LaterStep, Made, Making, OwnVariable, Pending,
        Unanswered, View, chains,
    },
    configuration::{Action, Configuration},
    expression::{Slot, Value},
    file::{Loaded, Reading, Text, load_text},
    finding::Report,
    kind::{Argument, Description, Settings, Type},
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
    settings,
};
use tokio::time::Instant;

use crate::{broken_files::environment, chain::shown};

settings! {
    struct SlowSettings, "`slow`" {
        /// After how long it answers.
        after: Duration,
        /// What it decides.
        decides: Option<Action>,
        /// Whether it has no answer.
        fails: bool = false,
        /// Whether it does not start.
        broken: bool = false,
        /// What it finds.
        finds: Option<Text>,
    }
}

const SLOW: Description = Description {
    name: "slow",
    summary: "Answers later.",
    arguments: &[Argument::new("path", Type::Text, "path", "the path")],
    variables: &[],
    reasons: &[],
    settings: SlowSettings::SETTINGS,
    example: "",
};

/// How many of them run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

struct SlowKind;

struct Slow {
    settings: SlowSettings,
    path: Slot,
}

impl Kind for SlowKind {
    fn description(&self) -> &'static Description {
        &SLOW
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let (settings, path) = (making.settings::<SlowSettings>()?, making.argument("path")?);
        let mut decides = Decides::nothing();
        settings.decides.iter().for_each(|action| decides.add(*action, None));
        let word = OwnVariable { name: "word".to_owned(), value_type: Type::Text.into() };
        let step = Box::new(Later(Slow { settings, path }));
        Some(Made { step, variables: vec![word], decides })
    }
}

impl LaterStep for Slow {
    fn begin(&self, view: &View<'_, '_>) -> Pending {
        let settings = self.settings.clone();
        let path = view.text(self.path).unwrap_or_default().into_owned();
        Box::pin(async move {
            tokio::time::sleep(settings.after).await;
            if settings.fails {
                return Err(Unanswered("refused"));
            }
            let word = settings.finds.map_or(path, |text| text.as_str().to_owned());
            let decision = settings.decides.map(|action| Decision::new(action, "slow"));
            Ok(Late { found: vec![(0, Value::Text(word.into()))], decision })
        })
    }

    fn start(&self) -> Result<(), BoxError> {
        if self.settings.broken {
            return Err("it is broken".into());
        }
        RUNNING.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn stop(&self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The chain of the message `m`, and what is said about the file.
fn read(text: &str) -> (Option<Arc<Chain>>, String) {
    let text = format!("{text}\nunanswered = 'allow'\n");
    let mut loaded = load_text(Path::new("later.toml"), &text, &environment);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let resources =
        Resources::without_loading(ResourcePlan::read(&configuration.secrets, &mut reading));
    let kinds: Vec<&'static dyn Kind> = KINDS.iter().copied().chain([&SlowKind as _]).collect();
    let mut chains = chains(&configuration.messages, &kinds, &resources, &mut reading);
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    (chains.remove("m").map(Arc::new), said)
}

#[track_caller]
pub(crate) fn chain(text: &str) -> Arc<Chain> {
    let (chain, said) = read(text);
    assert_eq!(said, "");
    chain.unwrap()
}

fn request() -> Message {
    Message::new("m").arg("ip", IpAddr::from([203, 0, 113, 7])).arg("path", "/admin")
}

/// What HAProxy gets in the end.
async fn gets(chain: &Arc<Chain>) -> Vec<String> {
    let mut actions = Actions::new();
    let waiting = chain.run(&request().as_ref(), &mut actions).unwrap();
    let waiting = waiting.expect("it has answered at once");
    assert!(actions.is_empty());
    shown(&chain.finish(waiting).await)
}

const BEFORE: &str = "
[handler.before]
kind = 'set'
values = { note = 'from {ip}' }
[handler.slow]
kind = 'slow'
after = '20ms'
[handler.behind]
kind = 'rules'
rules = { if = \"before.note == 'from 203.0.113.7' && slow.word == '/admin' && path == '/admin'\", then = 'deny' }
[message.m]
run = ['before', 'slow', 'behind']
";

#[actix_rt::test]
async fn handlers_behind_see_what_was_found_and_the_message() {
    let chain = chain(BEFORE);
    let got = gets(&chain).await;
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=rule", "txn.by=behind"]);
    assert!(got.contains(&"txn.before.note=from 203.0.113.7".to_owned()), "{got:?}");
    assert!(got.contains(&"txn.slow.word=/admin".to_owned()), "{got:?}");
    let counts = chain.counts();
    assert_eq!(counts.iter().map(|step| step.run).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(counts[2].decided, 1);
}

#[actix_rt::test]
async fn a_chain_waits_as_often_as_it_has_to() {
    let chain = chain(
        "[handler.a]\nkind = 'slow'\nafter = '5ms'\nfinds = 'x'\n\
         [handler.b]\nkind = 'slow'\nafter = '5ms'\nwhen = \"a.word == 'x'\"\nfinds = 'y'\n\
         [handler.c]\nkind = 'slow'\nafter = '5ms'\nwhen = \"b.word == 'z'\"\n\
         [message.m]\nrun = ['a', 'b', 'c']",
    );
    let got = gets(&chain).await;
    assert_eq!(got[0], "txn.action=allow");
    assert!(got.contains(&"txn.b.word=y".to_owned()), "{got:?}");
    assert_eq!(chain.counts()[2].skipped, 1);
}

#[actix_rt::test]
async fn a_late_decision_ends_the_chain() {
    let chain = chain(
        "[handler.a]\nkind = 'slow'\nafter = '1ms'\ndecides = 'deny'\n\
         [handler.b]\nkind = 'slow'\nafter = '1ms'\n\
         [message.m]\nrun = ['a', 'b']",
    );
    let got = gets(&chain).await;
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=slow", "txn.by=a"]);
    assert_eq!(chain.counts()[1].run, 0);
}

#[actix_rt::test]
async fn handlers_of_a_group_wait_side_by_side_and_the_first_in_order_decides() {
    let chain = chain(
        "[handler.a]\nkind = 'slow'\nafter = '300ms'\ndecides = 'deny'\n\
         [handler.b]\nkind = 'slow'\nafter = '300ms'\ndecides = 'drop'\n\
         [handler.c]\nkind = 'rules'\nrules = { if = 'true', then = 'allow' }\n\
         [message.m]\nrun = [['a', 'b', 'c']]",
    );
    let start = Instant::now();
    let got = gets(&chain).await;
    assert!(start.elapsed() < Duration::from_millis(550), "one after the other");
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=slow", "txn.by=a"]);
    assert_eq!(chain.counts()[0].decided, 1);
}

#[actix_rt::test]
async fn a_decision_does_not_wait_for_a_slow_neighbour_behind_it() {
    let chain = chain(
        "[handler.a]\nkind = 'rules'\nrules = { if = 'true', then = 'deny' }\n\
         [handler.b]\nkind = 'slow'\nafter = '1m'\n\
         [message.m]\nrun = [['a', 'b']]",
    );
    let start = Instant::now();
    let got = gets(&chain).await;
    assert!(start.elapsed() < Duration::from_secs(30), "waited for it");
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=rule", "txn.by=a"]);
}

#[actix_rt::test]
async fn without_an_answer_the_error_is_a_finding_and_on_error_holds() {
    let slow = "[handler.a]\nkind = 'slow'\nafter = '1ms'\nfails = true\n";
    let rules = "[handler.b]\nkind = 'rules'\nrules = { if = \"a.error == 'refused'\", then = 'challenge' }\n";
    let skipped = chain(&format!("{slow}{rules}[message.m]\nrun = ['a', 'b']"));
    let got = gets(&skipped).await;
    assert_eq!(got[..3], ["txn.action=challenge", "txn.reason=rule", "txn.by=b"]);
    assert!(got.contains(&"txn.a.error=refused".to_owned()), "{got:?}");
    assert_eq!(skipped.counts()[0].failed, 1);

    let denied = chain(&format!("{slow}on_error = 'deny'\n[message.m]\nrun = ['a']"));
    let got = gets(&denied).await;
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=failed", "txn.by=a"]);
}

#[actix_rt::test]
async fn a_handler_has_a_time_of_its_own() {
    let chain = chain(
        "[handler.a]\nkind = 'slow'\nafter = '1h'\ntimeout = '20ms'\ndecides = 'deny'\non_error = 'allow'\n\
         [message.m]\nrun = ['a']",
    );
    let got = gets(&chain).await;
    assert_eq!(got[..3], ["txn.action=allow", "txn.reason=failed", "txn.by=a"]);
    assert!(got.contains(&"txn.a.error=timeout".to_owned()), "{got:?}");
}

#[actix_rt::test]
async fn one_that_observes_or_continues_only_finds() {
    for (key, is_observed) in [("mode = 'observe'", true), ("then = 'continue'", false)] {
        let chain = chain(&format!(
            "[handler.a]\nkind = 'slow'\nafter = '1ms'\ndecides = 'deny'\n{key}\n[message.m]\nrun = ['a']"
        ));
        let got = gets(&chain).await;
        assert_eq!(got[0], "txn.action=allow");
        assert!(got.contains(&"txn.a.word=/admin".to_owned()), "{got:?}");
        let counts = &chain.counts()[0];
        assert_eq!((counts.observed == 1, counts.continued == 1), (is_observed, !is_observed));
    }
}

#[test]
fn a_chain_starts_all_or_none() {
    let before = RUNNING.load(Ordering::Relaxed);
    let whole = chain(BEFORE);
    whole.start().unwrap();
    assert_eq!(RUNNING.load(Ordering::Relaxed), before + 1);
    whole.stop();
    assert_eq!(RUNNING.load(Ordering::Relaxed), before);

    let broken =
        chain("[handler.a]\nkind = 'slow'\nafter = '1ms'\nbroken = true\n[message.m]\nrun = ['a']");
    let error = broken.start().unwrap_err().to_string();
    assert_eq!(error, "[handler.a]: it is broken");
}

#[test]
fn one_that_answers_at_once_has_no_time_of_its_own() {
    let text =
        "[handler.a]\nkind = 'set'\nvalues = { b = 1 }\ntimeout = '1s'\n[message.m]\nrun = ['a']";
    let (chain, said) = read(text);
    assert!(chain.is_none());
    assert!(said.contains("this handler answers at once: it has no `timeout`"), "{said}");
    assert!(said.contains("later.toml:4:1"), "{said}");
}
