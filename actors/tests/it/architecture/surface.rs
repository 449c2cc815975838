//! What users see of other crates: every type and trait of theirs that stands in a signature of the library.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Crate, paths, tokens};

/// The foreign names in public signatures, each with the modules that have it there.
pub(super) fn foreign_names(library: &Crate, dependencies: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for (module, code) in library.sources() {
        let known = imported(code, dependencies);
        let own: BTreeSet<_> = declared(code).map(|(name, _)| name).collect();
        let declared = declared(code).map(|(_, signature)| signature);
        for signature in declared.chain(implemented(code, &own)) {
            for name in foreign(&signature, &known, dependencies) {
                found.entry(name).or_default().insert(module.clone());
            }
        }
    }
    let join = |modules: BTreeSet<String>| modules.into_iter().collect::<Vec<_>>().join(", ");
    found.into_iter().map(|(name, modules)| (name, join(modules))).collect()
}

/// Where the names of other crates come from in a module: `Instant` from `tokio::time::Instant`.
fn imported(code: &str, dependencies: &[String]) -> BTreeMap<String, String> {
    let foreign = paths(code, |word| dependencies.iter().any(|name| name == word));
    let named = foreign.into_iter().map(|mut path| {
        // `io::{self, AsyncRead}` names `io`.
        path.pop_if(|last| last == "self");
        path
    });
    named.filter_map(|path| Some((path.last()?.clone(), path.join("::")))).collect()
}

/// The foreign names among the words of a signature, whether imported or written as paths.
fn foreign(
    signature: &str,
    known: &BTreeMap<String, String>,
    dependencies: &[String],
) -> BTreeSet<String> {
    let written = paths(signature, |word| dependencies.iter().any(|name| name == word));
    let written = written.into_iter().map(|path| path.join("::"));
    let words = tokens(signature);
    let next = words.iter().skip(1).copied().chain([""]);
    let named = words.iter().zip(next).filter(|(word, next)| {
        // A type, a trait, or a module on the way to one.
        word.starts_with(char::is_uppercase) || *next == "::"
    });
    written.chain(named.filter_map(|(&word, _)| known.get(word).cloned())).collect()
}

/// What a module declares with `pub`: its name, and all of it that users see.
fn declared(code: &str) -> impl Iterator<Item = (&str, String)> {
    code.match_indices("pub ").filter_map(|(at, _)| {
        let line_start = code[..at].rfind('\n').map_or(0, |end| end + 1);
        let rest = &code[at..];
        let is_first = code[line_start..at].trim().is_empty();
        let mut words = tokens(rest).into_iter().skip(1);
        let kind = words.find(|word| !["async", "const", "unsafe"].contains(word))?;
        let name = words.next()?;
        let head = rest.split(['{', ';']).next()?;
        let seen = match kind {
            "fn" => head.to_owned(),
            "type" => rest.split(';').next()?.to_owned(),
            "enum" | "trait" => without_attributes(&rest[..block_end(rest)?]),
            "struct" => {
                // The public fields are found as declarations of their own.
                head.split('(').next()?.to_owned()
            }
            // A field.
            _ if tokens(rest).get(2) == Some(&":") => rest.split([',', '}']).next()?.to_owned(),
            _ => return None,
        };
        is_first.then_some((name, seen))
    })
}

fn without_attributes(code: &str) -> String {
    code.lines().filter(|line| !line.trim_start().starts_with("#[")).collect()
}

/// Where the block ends that begins next.
fn block_end(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The heads of the traits that a module implements for its public types.
fn implemented(code: &str, own: &BTreeSet<&str>) -> Vec<String> {
    let heads = code.split("\nimpl").skip(1).filter_map(|rest| rest.split('{').next());
    let mut seen = Vec::new();
    for head in heads {
        let head = head.split("\nwhere").next().unwrap();
        if let Some((what, whom)) = head.split_once(" for ")
            && tokens(whom).iter().any(|word| own.contains(word))
        {
            seen.push(what.to_owned());
        }
    }
    seen
}
