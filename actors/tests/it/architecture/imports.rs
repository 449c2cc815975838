//! Who imports whom: every path that begins with `crate`, `super` or `self`, followed to the module that holds what it names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module below the root of its crate; the root itself has no names.
pub(super) type Module = Vec<String>;

/// The modules of one crate and their sources, without comments and without the tests at their ends.
#[derive(Default)]
pub(super) struct Crate {
    modules: BTreeMap<Module, String>,
}

impl Crate {
    /// Reads what lies below a folder; programs in `bin` are crates of their own.
    pub(super) fn read(folder: &Path) -> Self {
        let mut read = Self::default();
        read.add_folder(folder, &mut Module::new());
        assert!(!read.modules.is_empty(), "no source lies in {}", folder.display());
        read
    }

    fn add_folder(&mut self, folder: &Path, module: &mut Module) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && (name != "bin" || !module.is_empty()) {
                module.push(name);
                self.add_folder(&path, module);
                module.pop();
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_root = ["lib", "main", "mod"].contains(&name.as_str());
                let own = if is_root { module.clone() } else { below(module, &name) };
                self.add(own, &fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Adds a source to a module: a package with a library and a program has two roots.
    pub(super) fn add(&mut self, module: Module, source: &str) {
        let end = source.find("\nmod tests {").unwrap_or(source.len());
        let lines = source[..end].lines().map(|line| line.split("//").next().unwrap());
        let code: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.modules.entry(module).or_default().push_str(&code);
    }

    /// Every module, and the paths and the words of its source.
    pub(super) fn words(&self) -> impl Iterator<Item = (String, BTreeSet<Vec<String>>)> {
        self.modules.iter().map(|(module, code)| {
            let words = tokens(code).into_iter().filter(|token| is_name(token));
            let words = words.map(|word| vec![word.to_owned()]);
            (module.join("::"), words.chain(paths(code, |_| true)).collect())
        })
    }

    /// Every module with its source.
    pub(super) fn sources(&self) -> impl Iterator<Item = (String, &str)> {
        self.modules.iter().map(|(module, code)| (module.join("::"), code.as_str()))
    }

    /// Every arrow from a module to another one.
    pub(super) fn imports(&self) -> BTreeSet<(Module, Module)> {
        let mut imports = BTreeSet::new();
        for (module, code) in &self.modules {
            for path in paths(code, is_anchor) {
                let held_by = self.resolve(module, &path);
                if held_by != *module {
                    imports.insert((module.clone(), held_by));
                }
            }
        }
        imports
    }

    /// The module that holds what a path names: where a module only hands it on, the one it has it from.
    fn resolve(&self, from: &Module, path: &[String]) -> Module {
        let mut module = from.clone();
        for name in path {
            match name.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                name if self.modules.contains_key(&below(&module, name)) => {
                    module = below(&module, name);
                }
                name => {
                    let handed_on = self.handed_on(&module, name);
                    return handed_on.map_or(module, |held_by| held_by);
                }
            }
        }
        module
    }

    /// Where a module has an item from that it makes its own with `pub use`.
    fn handed_on(&self, module: &Module, item: &str) -> Option<Module> {
        let code = self.modules.get(module)?;
        let uses = code.match_indices("use ").filter(|(at, _)| {
            let line = code[..*at].rsplit('\n').next().unwrap().trim_start();
            line.starts_with("pub")
        });
        for (at, _) in uses {
            let statement = code[at + 4..].split(';').next().unwrap();
            let mut found = paths(statement, |_| true).into_iter();
            let Some(path) = found.find(|path| path.last().is_some_and(|last| last == item)) else {
                continue;
            };
            let is_own = self.modules.contains_key(&below(module, &path[0]));
            if is_own || is_anchor(&path[0]) {
                return Some(self.resolve(module, &path));
            }
        }
        None
    }

    /// The circles of every folder: a module stands for all that lies below it.
    pub(super) fn circles(&self) -> Vec<String> {
        let mut folders: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (from, to) in self.imports() {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            // What a module shares with those below it is no arrow: they are one.
            if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                let folder = folders.entry(from[..common].to_vec()).or_default();
                folder.entry(one.clone()).or_default().insert(other.clone());
            }
        }
        let circles = folders.iter().flat_map(|(folder, arrows)| {
            let circles = arrows.keys().filter_map(|name| circle_through(name, arrows));
            circles.map(move |circle| format!("{}: {}", folder.join("/"), circle.join(" → ")))
        });
        circles.collect()
    }
}

fn below(module: &[String], name: &str) -> Module {
    [module, &[name.to_owned()]].concat()
}

fn is_anchor(word: &str) -> bool {
    ["crate", "super", "self"].contains(&word)
}

/// The shortest way from a module back to itself that passes none before it by name.
fn circle_through(name: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![name.to_owned()]];
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while let Some(way) = ways.get(at).cloned() {
        at += 1;
        for next in arrows.get(way.last()?).into_iter().flatten() {
            if next == name {
                return Some([way, vec![name.to_owned()]].concat());
            }
            if **next > *name && seen.insert(next.clone()) {
                ways.push([&way[..], std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

/// The paths of a code that begin with a wanted word, those in braces one by one.
pub(super) fn paths(code: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = is_wanted(tokens[at]) && is_name(tokens[at]);
        if begins && tokens.get(at + 1) == Some(&"::") {
            at = tree(&tokens, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one tree of a `use`, or one path, and gives where it ends.
fn tree(tokens: &[&str], mut at: usize, front: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = front.to_vec();
    loop {
        match tokens.get(at) {
            Some(&"{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    let next = tree(tokens, at, &path, paths);
                    // A comma, or what is no tree at all.
                    at = next + usize::from(next == at || tokens.get(next) == Some(&","));
                }
                return at + 1;
            }
            Some(name) if is_name(name) => path.push((*name).to_owned()),
            _ => break,
        }
        at += 1;
        match tokens.get(at) {
            Some(&"::") => at += 1,
            _ => break,
        }
    }
    paths.push(path);
    match tokens.get(at) {
        Some(&"as") => at + 2,
        Some(&"*") => at + 1,
        _ => at,
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, double colons, and all else letter by letter.
pub(super) fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if is_part(first) {
            rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token);
        rest = behind.trim_start();
    }
    tokens
}
