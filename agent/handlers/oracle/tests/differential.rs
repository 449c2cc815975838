//! Any expression that is read has the same value in both implementations, or none in either.

use std::{panic, sync::Arc};

use proptest::prelude::*;
use spoa_handlers::expression::{List, Names, Program, Scalar, Slot, Type, Value, Variables};

struct Sample;

const VARIABLES: &[(&str, Type)] = &[
    ("path", Type::One(Scalar::Text)),
    ("ua", Type::One(Scalar::Text)),
    ("score", Type::One(Scalar::Int)),
    ("ratio", Type::One(Scalar::Double)),
    ("listed", Type::One(Scalar::Bool)),
    ("tags", Type::List(Scalar::Text)),
];
const PATH: &str = "/admin/é";
const UA: &str = "Mozilla";
const TAGS: &[&str] = &["ban", "tor", ""];

impl Names for Sample {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let at = VARIABLES.iter().position(|(own, _)| *own == name)?;
        Some((Slot(u32::try_from(at).ok()?), VARIABLES[at].1))
    }

    fn all(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Variables for Sample {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match slot.0 {
            0 => Value::text(PATH),
            1 => Value::text(UA),
            2 => Value::Int(50),
            3 => Value::Double(0.5),
            4 => Value::Bool(true),
            _ => Value::List(List::Owned(TAGS.iter().map(|tag| Value::text(tag)).collect())),
        })
    }
}

/// The value by the other implementation; nothing if it has none.
fn theirs(expression: &str) -> Option<cel::Value> {
    let env = Arc::new(cel::Env::stdlib());
    let program = env.compile(expression).ok()?;
    let mut context = cel::Context::with_env(env);
    context.add_variable_from_value("path", PATH);
    context.add_variable_from_value("ua", UA);
    context.add_variable_from_value("score", 50_i64);
    context.add_variable_from_value("ratio", 0.5_f64);
    context.add_variable_from_value("listed", true);
    let tags: Vec<_> = TAGS.iter().map(|tag| cel::Value::from(*tag)).collect();
    context.add_variable_from_value("tags", tags);
    program.execute(&context).ok()
}

/// The value as both show it.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => format!("{value:?}"),
        Value::Text(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("{value:?}"),
        Value::Ip(value) => value.to_string(),
        Value::Cidr(value) => value.to_string(),
        Value::List(values) => format!("{:?}", values.iter().map(shown).collect::<Vec<_>>()),
    }
}

fn shown_theirs(value: &cel::Value) -> String {
    match value {
        cel::Value::Bool(value) => value.to_string(),
        cel::Value::Int(value) => value.to_string(),
        cel::Value::Float(value) => format!("{value:?}"),
        cel::Value::String(value) => format!("{value:?}"),
        cel::Value::Bytes(value) => format!("{value:?}"),
        cel::Value::List(values) => {
            format!("{:?}", values.iter().map(shown_theirs).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}

/// Whether both agree on an expression that ours has read; nothing if it has not.
fn agree(expression: &str) -> Option<(String, String)> {
    let program = Program::expression(expression, &Sample).ok()?;
    let ours = program.value(&Sample).map_or_else(|_| "none".to_owned(), |value| shown(&value));
    let theirs = panic::catch_unwind(|| theirs(expression)).ok()?;
    Some((ours, theirs.as_ref().map_or_else(|| "none".to_owned(), shown_theirs)))
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("path".to_owned()),
        Just("ua".to_owned()),
        prop::sample::select(&[
            "''",
            "'a'",
            "'é'",
            "\"Mozilla\"",
            "r'\\d'",
            "'\\u00e9\\n'",
            "'/admin'"
        ])
        .prop_map(str::to_owned),
    ]
}

fn numbers() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("score".to_owned()),
        Just("size(path)".to_owned()),
        Just("tags.size()".to_owned()),
        prop::sample::select(&[
            "0",
            "1",
            "-1",
            "50",
            "0x10",
            "9223372036854775807",
            "-9223372036854775808"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let sign = prop::sample::select(&["+", "-", "*", "/", "%"][..]);
        prop_oneof![
            (inner.clone(), sign, inner.clone())
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (conditions_leaf(), inner.clone(), inner)
                .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
        ]
    })
}

fn conditions_leaf() -> impl Strategy<Value = String> {
    prop::sample::select(&["listed", "true", "false", "1 / (score - 50) == 1", "has(a.b)"][..4])
        .prop_map(str::to_owned)
}

fn conditions() -> impl Strategy<Value = String> {
    let order = || prop::sample::select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let doubles =
        || prop::sample::select(&["ratio", "0.5", "-1.0", "1e300", "9007199254740993.0"][..]);
    let function = prop::sample::select(&["contains", "startsWith", "endsWith"][..]);
    let leaf = prop_oneof![
        conditions_leaf(),
        (numbers(), order(), numbers()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (texts(), order(), texts()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (doubles(), order(), doubles()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (texts(), function, texts()).prop_map(|(a, name, b)| format!("{a}.{name}({b})")),
        (texts(), texts(), texts()).prop_map(|(a, b, c)| format!("{a} in [{b}, {c}]")),
        texts().prop_map(|a| format!("{a} in tags")),
        texts().prop_map(|a| format!("{a}.matches('^[/a-z]+$')")),
        (texts(), prop::sample::select(&["all", "exists", "exists_one"][..]))
            .prop_map(|(a, name)| format!("tags.{name}(x, x < {a})")),
        numbers().prop_map(|a| format!("[0, 1, 2].exists(x, x / {a} == 1)")),
        numbers().prop_map(|a| format!("[0, 1, 2].all(x, {a} / x == 1)")),
        numbers().prop_map(|a| format!("[0, 1, 2].filter(x, x < {a}).map(x, x * 2) == [0, 2]")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn conditions_have_one_value(expression in conditions()) {
        if let Some((ours, theirs)) = agree(&expression) {
            prop_assert_eq!(ours, theirs, "{}", expression);
        }
    }

    #[test]
    fn numbers_have_one_value(expression in numbers()) {
        if let Some((ours, theirs)) = agree(&expression) {
            prop_assert_eq!(ours, theirs, "{}", expression);
        }
    }
}

/// What the other implementation has not, or has otherwise than the specification, by a part of the expression.
const ELSEWHERE: &[&str] = &[
    // It compares whole numbers with fractions after rounding, and has no order for what is no number.
    "9223372036854775808.0",
    "9007199254740992.0",
    "0.0 / 0.0",
    // Extensions of strings.
    ".charAt(",
    ".indexOf(",
    ".join(",
    ".lastIndexOf(",
    ".lowerAscii(",
    ".replace(",
    ".split(",
    ".substring(",
    ".trim(",
    ".upperAscii(",
    // Extensions of networks.
    "cidr(",
    "ip(",
    "isCIDR(",
    "isIP(",
];

#[test]
fn the_known_expressions_have_one_value() {
    let mut different = Vec::new();
    let mut count = 0;
    for line in include_str!("../../tests/expressions.txt").lines() {
        let Some((expression, _)) = line.rsplit_once(" → ").filter(|_| !line.starts_with('#'))
        else {
            continue;
        };
        if ELSEWHERE.iter().any(|part| expression.contains(part)) {
            continue;
        }
        let Some((ours, theirs)) = agree(expression) else { continue };
        count += 1;
        if ours != theirs {
            different.push(format!("{expression}: ours {ours}, theirs {theirs}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(count > 100, "only {count} were compared");
}
