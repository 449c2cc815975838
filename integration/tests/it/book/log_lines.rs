//! Log lines: the page has every one of level info and above of library and agent, and no other.

use std::fs;
use std::path::Path;

use super::page::{page, repository};

/// A part of a line that is shorter tells nothing.
const SHORTEST: usize = 4;

/// Lines that are put together of these, each named in its file.
const PUT_TOGETHER: [(&str, &[&str]); 3] = [
    (
        "actors/src/listen/rejection.rs",
        &[
            "invalid PROXY header: {error}",
            "PROXY header timeout",
            "TLS handshake failed: {error}",
            "TLS handshake timeout",
        ],
    ),
    ("actors/src/supervision/panics.rs", &["the drop of a handler or a call"]),
    ("actors/src/handler/fence.rs", &["the error of the handler of {name:?}"]),
];

/// What a string literal that begins here says, and how long it is; without its continuations.
fn literal(source: &str) -> (String, usize) {
    let mut text = String::new();
    let mut characters = source.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (text, index + 1),
            '\\' => match characters.next().unwrap().1 {
                '\n' => while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                escaped => text.push(escaped),
            },
            _ => text.push(character),
        }
    }
    panic!("a literal has no end: {source:.80}");
}

/// The first literal among the arguments of a macro, whose opening parenthesis is before `source`.
fn message(source: &str) -> String {
    let mut depth = 1;
    let mut rest = source;
    while depth > 0 {
        match rest.chars().next().unwrap() {
            '"' => {
                let (text, length) = literal(rest);
                if depth == 1 {
                    return text;
                }
                rest = &rest[length..];
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        rest = &rest[rest.chars().next().unwrap().len_utf8()..];
    }
    panic!("a line of the log without a message: {source:.80}");
}

/// The messages of a source at these levels.
fn messages(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let at = |level: &str| {
        let named = |module| source.matches(&format!("{module}{level}!(")).count();
        // Otherwise some would be overlooked here; `log` is the library's own, over `tracing`.
        assert_eq!(named(""), named("tracing::") + named("log::"), "{source}");
        let call = format!("{level}!(");
        // Not where `log` hands on what it was given.
        let calls = source.split(&call).skip(1).filter(|rest| !rest.starts_with('$'));
        calls.map(message).collect::<Vec<_>>()
    };
    [at("info"), at("warn"), at("error")].concat()
}

/// What the errors of an enum say that are put into lines.
fn errors(source: &str) -> Vec<String> {
    source
        .split("#[error(")
        .skip(1)
        .filter(|rest| rest.starts_with('"'))
        .map(|rest| literal(rest).0)
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// What stands for a limit in a line, and its option of the agent: `{write_timeout}`, `--write-timeout`.
fn limit_options() -> Vec<(String, String)> {
    let source = read("agent/src/limit_options.rs");
    let arms = source.split("Limit::").skip(1).filter_map(|arm| arm.split_once(" => \"--"));
    let option = |(limit, rest): (&str, &str)| {
        let mut name = String::new();
        for letter in limit.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        (format!("{{{name}}}"), format!("--{}", rest.split('"').next().unwrap()))
    };
    let options: Vec<_> = arms.map(option).collect();
    assert!(options.len() > 15, "{options:?}");
    options
}

/// All that a line may say, as it is written in the source.
fn written() -> Vec<String> {
    let mut all = Vec::new();
    sources(&repository().join("actors/src"), &mut all);
    sources(&repository().join("agent/src"), &mut all);
    sources(&repository().join("agent/handlers/src"), &mut all);
    let mut written: Vec<_> = all.iter().flat_map(|source| messages(source)).collect();
    assert!(written.len() > 30, "{written:?}");
    for (path, parts) in PUT_TOGETHER {
        for part in parts {
            assert!(read(path).contains(part), "{path} has no {part}");
            let is_panic = path.ends_with("panics.rs") || path.ends_with("fence.rs");
            written.push(if is_panic {
                format!("panic in {part}: {{panic}}; fix the handler")
            } else {
                part.to_string()
            });
        }
    }
    written.extend(errors(&read("actors/src/spop/violation.rs")));
    written.extend(errors(&read("actors/src/arbiter/peer_fault.rs")));
    let handler_error = read("actors/src/error.rs");
    let (_, handler_error) = handler_error.split_once("pub enum HandlerError {").unwrap();
    written.extend(errors(handler_error.split_once("\n}").unwrap().0));
    let options = limit_options();
    let named = |line: &String| {
        let line = line.replace('`', "");
        options.iter().fold(line, |line, (limit, option)| line.replace(limit, option))
    };
    written.iter().map(named).collect()
}

/// The parts of a line that are always the same.
fn stable<'a>(line: &'a str, between: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (index, character) in line.char_indices() {
        let is_edge = between.contains(&character);
        if depth == 0 && is_edge {
            parts.push(&line[start..index]);
        }
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if is_edge {
            start = index + character.len_utf8();
        }
    }
    parts.push(&line[start..]);
    let parts = parts.into_iter().map(|part| part.trim_matches([' ', ';', ':', '"']));
    parts.filter(|part| part.len() >= SHORTEST).collect()
}

fn has_in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

#[test]
fn the_page_has_every_line_of_the_log() {
    let page = page("docs/logs.md");
    let lines: Vec<_> = page.prose().into_iter().map(|line| line.replace('`', "")).collect();
    let is_there = |line: &&String| {
        let parts = stable(line, &['{', '}']);
        // `{what}; {advice}` is put together, and stands for itself.
        parts.is_empty() || lines.iter().any(|told| has_in_order(told, &parts))
    };
    let written = written();
    let missing: Vec<_> = written.iter().filter(|line| !is_there(line)).collect();
    assert!(missing.is_empty(), "not in docs/logs.md: {missing:#?}");
    let bare = written.iter().filter(|line| stable(line, &['{', '}']).is_empty());
    assert_eq!(bare.collect::<Vec<_>>(), ["{what}; {advice}"]);
}

#[test]
fn the_page_has_no_line_that_is_never_logged() {
    let written = written();
    let stale: Vec<_> = page("docs/logs.md")
        .first_cells()
        .into_iter()
        .map(|cell| cell.split(" (a key of").next().unwrap().to_owned())
        .filter(|cell| {
            let parts = stable(cell, &['…']);
            !written.iter().any(|line| has_in_order(line, &parts))
        })
        .collect();
    assert!(stale.is_empty(), "in docs/logs.md, and nowhere in the source: {stale:#?}");
}
