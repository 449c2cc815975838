//! Expressions mean what CEL says, and mistakes in them have their place in the file.

use std::{net::IpAddr, path::Path};

use spoa_handlers::{
    expression::{List, Names, Program, Scalar, Slot, Type, Value, Variables},
    file::{Group, Value as FileValue, load_text},
    finding::{Findings, Report},
};

use crate::broken_files::environment;

/// The variables of the tests: a request, and what handlers have found.
pub(crate) struct Sample;

const VARIABLES: &[(&str, Type)] = &[
    ("path", Type::One(Scalar::Text)),
    ("host", Type::One(Scalar::Text)),
    ("method", Type::One(Scalar::Text)),
    ("ua", Type::One(Scalar::Text)),
    ("ip", Type::One(Scalar::Ip)),
    ("body", Type::One(Scalar::Bytes)),
    ("body_size", Type::One(Scalar::Int)),
    ("geo.country", Type::One(Scalar::Text)),
    ("known_bad.score", Type::One(Scalar::Int)),
    ("known_bad.listed", Type::One(Scalar::Bool)),
    ("known_bad.tags", Type::List(Scalar::Text)),
    ("known_bad.ratio", Type::One(Scalar::Double)),
    ("who.user", Type::One(Scalar::Text)),
    ("who.valid", Type::One(Scalar::Bool)),
    ("who.expires_in", Type::One(Scalar::Int)),
    ("who.groups", Type::List(Scalar::Text)),
    ("who.ip", Type::One(Scalar::Ip)),
];

impl Names for Sample {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let at = VARIABLES.iter().position(|(own, _)| *own == name)?;
        Some((Slot(u32::try_from(at).unwrap()), VARIABLES[at].1))
    }

    fn all(&self) -> Vec<String> {
        VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

const TAGS: &[Value<'static>] = &[
    Value::Text(std::borrow::Cow::Borrowed("ban")),
    Value::Text(std::borrow::Cow::Borrowed("tor")),
];

impl Variables for Sample {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match VARIABLES[slot.0 as usize].0 {
            "path" => Value::text("/admin/users"),
            "host" => Value::text("Shop.Example.com"),
            "method" => Value::text("GET"),
            "ua" => Value::text("Mozilla/5.0 (é)"),
            "ip" => Value::Ip(IpAddr::from([203, 0, 113, 7])),
            "body" => Value::Bytes(b"a\xff".into()),
            "body_size" => Value::Int(2),
            "geo.country" => Value::text("FR"),
            "known_bad.score" => Value::Int(50),
            "known_bad.listed" => Value::Bool(true),
            "known_bad.tags" => Value::List(List::Borrowed(TAGS)),
            "known_bad.ratio" => Value::Double(0.5),
            // Of `who` nothing is there.
            _ => return None,
        })
    }
}

/// What an expression comes to, in one line.
fn outcome(expression: &str) -> String {
    match Program::expression(expression, &Sample) {
        Err(mistakes) => format!("mistake: {}", mistakes[0].title),
        Ok(program) => match program.value(&Sample) {
            Ok(value) => shown(&value),
            Err(fault) => format!("fault: {fault}"),
        },
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => format!("{value:?}"),
        Value::Text(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("b\"{}\"", value.escape_ascii()),
        Value::Ip(value) => value.to_string(),
        Value::Cidr(value) => value.to_string(),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(shown).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

#[test]
fn expressions_mean_what_cel_says() {
    let mut count = 0;
    let mut different = Vec::new();
    for line in include_str!("../expressions.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (expression, expected) = line.rsplit_once(" → ").unwrap();
        let outcome = outcome(expression.trim());
        if outcome != expected {
            different.push(format!("{expression} → {outcome}, and not {expected}"));
        }
        count += 1;
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(count > 200, "only {count} expressions");
}

#[test]
fn a_mistake_has_its_place_in_the_file() {
    let text = include_str!("../mistakes.toml");
    let loaded = load_text(Path::new("mistakes.toml"), text, &environment);
    let mut findings = Findings::default();
    for section in loaded.document.sections(Group::Handler) {
        for entry in &section.table.entries {
            let FileValue::Text(text) = &entry.node.value else { panic!("no text") };
            let program = Program::condition_of(text, &Sample, &mut findings);
            assert!(program.is_none(), "{}", text.as_str());
        }
    }
    let said = Report::new(&findings, &loaded.sources).to_string();
    if said != include_str!("../mistakes.txt") {
        let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes.txt");
        std::fs::write(&actual, &said).unwrap();
        panic!("see {}\n{said}", actual.display());
    }
}

#[test]
fn an_expression_knows_which_variables_it_looks_at() {
    let text = "path == '/a' || path == '/b' && has(who.user) && [1].all(x, x < known_bad.score)";
    let program = Program::condition(text, &Sample).unwrap();
    let slots = ["path", "known_bad.score", "who.user"].map(|name| Sample.find(name).unwrap().0);
    assert_eq!(program.slots(), slots);
}

#[test]
fn nothing_that_an_expression_does_takes_long() {
    let digits = "[1,2,3,4,5,6,7,8,9,10]";
    let mut nested = "x0 == 99".to_owned();
    for at in 0..9 {
        nested = format!("{digits}.exists(x{at}, {nested})");
    }
    let long = vec!["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"; 150].join(",");
    let grows = format!(
        "[{long}].all(x, (ua + x).replace('a', ua + ua + ua).replace('M', ua + ua + x + x).replace('o', x + x + x + x).replace('z', x + x + x + x).size() < 0)"
    );
    for text in [nested, grows] {
        let begun = std::time::Instant::now();
        let outcome = Program::condition(&text, &Sample).unwrap().test(&Sample);
        assert!(outcome.is_err() || outcome == Ok(false), "{outcome:?}");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
