//! A run that is explained comes to the same as one that answers HAProxy, and shows how.

use std::net::IpAddr;

use spoa_actors::{Actions, Message};
use spoa_handlers::{
    chain::{CameTo, Chain, Explained},
    configuration::Action,
    expression::{Fault, Value},
};

use crate::{chain::shown, later::chain};

const FILE: &str = "
[handler.first]
kind = 'set'
values = { note = 'from {ip}', size = 7 }
[handler.off]
kind = 'set'
values = { a = 1 }
mode = 'off'
[handler.skipped]
kind = 'set'
values = { a = 1 }
when = 'path == \"/no\"'
[handler.unknown]
kind = 'set'
values = { a = 1 }
when = '10 / (first.size - 7) == 1'
[handler.slow]
kind = 'slow'
after = '5ms'
finds = 'late'
[handler.away]
kind = 'slow'
after = '1ms'
fails = true
decides = 'allow'
[handler.watch]
kind = 'rules'
mode = 'observe'
rules = [{ if = 'true', then = 'deny', reason = 'watched' }]
[handler.goes_on]
kind = 'rules'
then = 'continue'
rules = [{ if = 'slow.word == \"late\"', then = 'deny', reason = 'late' }]
[handler.late]
kind = 'slow'
after = '5ms'
decides = 'challenge'
[handler.rules]
kind = 'rules'
rules = [{ if = 'path == \"/b\"', then = 'deny', status = 403, reason = 'b' }]
[handler.last]
kind = 'set'
values = { a = 1 }
";

fn a_chain(run: &str, more: &str) -> std::sync::Arc<Chain> {
    let handlers = FILE.split("[handler.").filter(|own| {
        let name = own.split(']').next().unwrap();
        run.contains(&format!("'{name}'"))
    });
    let handlers: String = handlers.map(|own| format!("[handler.{own}")).collect();
    chain(&format!("{handlers}{more}[message.m]\nrun = [{run}]\n"))
}

fn message(path: &str) -> Message {
    Message::new("m").arg("ip", IpAddr::from([203, 0, 113, 7])).arg("path", path)
}

async fn explained(chain: &Chain, message: &Message) -> Explained {
    let mut actions = Actions::new();
    let waiting = chain.run(&message.as_ref(), &mut actions).unwrap();
    if let Some(waiting) = waiting {
        actions = chain.finish(waiting).await;
    }
    let explained = chain.explain(&message.as_ref()).await.unwrap();
    // What a late handler behind a decision of its group would have found, HAProxy does not wait for.
    assert_eq!(shown(&explained.actions)[..5], shown(&actions)[..5], "another run");
    explained
}

fn reasons(explained: &Explained) -> Vec<(&str, String)> {
    let reason = |came_to: &CameTo| match came_to {
        CameTo::Overruled(own) => format!("overruled {}", own.reason),
        CameTo::Decided(own) => format!("decided {}", own.reason),
        CameTo::Observed(own) => format!("observed {}", own.reason),
        CameTo::Continued(own) => format!("continued {}", own.reason),
        other => format!("{other:?}"),
    };
    explained.steps.iter().map(|step| (step.handler.as_str(), reason(&step.came_to))).collect()
}

#[actix_rt::test]
async fn each_handler_shows_what_came_of_it() {
    let all = "'first', 'off', 'skipped', 'unknown', ['slow', 'away'], 'watch', 'goes_on', 'rules', 'last'";
    let chain = a_chain(all, "");
    let explained = explained(&chain, &message("/b")).await;
    let expected = [
        ("first", "Nothing"),
        ("off", "Off"),
        ("skipped", "Skipped"),
        ("unknown", "Unknown(Division, None)"),
        ("slow", "Nothing"),
        ("away", "Failed(\"refused\", None)"),
        ("watch", "observed watched"),
        ("goes_on", "continued late"),
        ("rules", "decided b"),
        ("last", "NotReached"),
    ];
    let came_to = reasons(&explained);
    let came_to: Vec<_> = came_to.iter().map(|(name, own)| (*name, own.as_str())).collect();
    assert_eq!(came_to, expected);
    let step = |name: &str| explained.steps.iter().find(|step| step.handler == name).unwrap();
    let found = &step("first").found;
    assert_eq!(found[0], ("note".to_owned(), Value::Text("from 203.0.113.7".into())));
    assert_eq!(found[1], ("size".to_owned(), Value::Int(7)));
    assert_eq!(step("away").found, [("error".to_owned(), Value::Text("refused".into()))]);
    let looked_at = &step("goes_on").looked_at;
    assert_eq!(looked_at[..], [("slow.word".to_owned(), Some(Value::Text("late".into())))]);
    assert_eq!(step("rules").looked_at[0].0, "path");
    assert!(step("slow").took.as_millis() >= 5);
    assert_eq!(step("last").took.as_nanos(), 0);
}

#[actix_rt::test]
async fn the_first_of_a_group_decides_and_the_others_are_overruled() {
    let chain = a_chain("['late', 'rules']", "");
    let both = explained(&chain, &message("/b")).await;
    assert_eq!(reasons(&both), [("late", "decided slow".into()), ("rules", "overruled b".into())]);
    let chain = a_chain("['rules', 'late'], 'last'", "");
    let both = explained(&chain, &message("/b")).await;
    let expected = [("rules", "decided b"), ("late", "overruled slow"), ("last", "NotReached")];
    assert_eq!(reasons(&both), expected.map(|(name, own)| (name, own.to_owned())));
}

#[actix_rt::test]
async fn what_follows_from_on_error_is_shown() {
    let more = "
[handler.fails]
kind = 'slow'
after = '1ms'
fails = true
on_error = 'deny'
[handler.divides]
kind = 'set'
values = { a = 1 }
when = '1 / (size(path) - 2) == 1'
on_error = 'deny'
";
    let chain = a_chain("'divides', 'fails'", more);
    let first = explained(&chain, &message("/b")).await;
    assert_eq!(first.steps[0].came_to, CameTo::Unknown(Fault::Division, Some(Action::Deny)));
    let second = explained(&chain, &message("/")).await;
    let failed = CameTo::Failed("refused".to_owned(), Some(Action::Deny));
    assert_eq!(second.steps[1].came_to, failed);
}

#[actix_rt::test]
async fn a_message_without_a_required_argument_is_explained_by_it() {
    let chain = chain(
        "[handler.a]\nkind = 'set'\nvalues = { a = '{team}' }\n\
         [message.m]\nargs = { team = { required = true } }\nrun = ['a']\n",
    );
    let message = Message::new("m");
    let missing = chain.explain(&message.as_ref()).await.unwrap_err();
    assert!(missing.to_string().contains("`team`"), "{missing}");
}
