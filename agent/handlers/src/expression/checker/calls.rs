//! Calls: functions by the types of their values, `has`, and macros over lists.

use std::ops::Range;

use regex::RegexBuilder;

use super::{Checked, Checker};
use crate::{
    expression::{
        functions,
        node::{Macro, Node},
        tree::{Shape, Tree},
        types::{Scalar, Type},
        value::Value,
    },
    finding::nearest,
};

/// How large a compiled pattern may be.
const LARGEST_PATTERN: usize = 1 << 20;

/// Functions that are not in the table.
const SPECIAL: &[(&str, &str)] = &[
    ("size", "`size(string)`, `size(bytes)` or `size(list)`"),
    ("matches", "`string.matches('pattern')`"),
    ("has", "`has(handler.variable)`"),
];

const MACROS: [(&str, Macro); 5] = [
    ("all", Macro::All),
    ("exists", Macro::Exists),
    ("exists_one", Macro::ExistsOne),
    ("filter", Macro::Filter),
    ("map", Macro::Map),
];

fn macro_named(name: &str) -> Option<Macro> {
    MACROS.iter().find(|(own, _)| *own == name).map(|(_, which)| *which)
}

fn form(name: &str, is_member: bool, takes: &[Type]) -> String {
    let types: Vec<_> = takes.iter().map(Type::to_string).collect();
    match types.split_first() {
        Some((front, rest)) if is_member => format!("`{front}.{name}({})`", rest.join(", ")),
        _ => format!("`{name}({})`", types.join(", ")),
    }
}

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        front: Option<&Tree>,
        name: &str,
        place: &Range<usize>,
        arguments: &[Tree],
        span: &Range<usize>,
    ) -> Option<Checked> {
        if name == "has" && front.is_none() {
            return self.has(arguments, span);
        }
        if let (Some(range), Some(which)) = (front, macro_named(name)) {
            return self.macro_call(which, range, name, arguments, span);
        }
        let trees = front.into_iter().chain(arguments);
        let checked: Vec<_> = trees.clone().map(|tree| self.check(tree)).collect();
        let checked: Vec<_> = checked.into_iter().collect::<Option<_>>()?;
        let types: Vec<_> = checked.iter().map(|(_, own)| *own).collect();
        let mut nodes: Vec<_> = checked.into_iter().map(|(node, _)| node).collect();
        match (name, &types[..]) {
            ("size", [of]) if *of == Type::One(Scalar::Text) || is_sized(*of) => {
                let of = Box::new(nodes.remove(0));
                self.folded(Node::Size(of), Type::One(Scalar::Int), span)
            }
            ("matches", [Type::One(Scalar::Text), Type::One(Scalar::Text)]) => {
                let pattern_place = trees.last().map_or(span, |tree| &tree.span);
                self.matches(nodes, pattern_place)
            }
            _ => match functions::find(name, front.is_some(), &types) {
                Some(function) => self.folded(Node::Call(function, nodes), function.gives, span),
                None => self.no_function(name, front.is_some(), &types, place),
            },
        }
    }

    fn matches(&mut self, mut nodes: Vec<Node>, place: &Range<usize>) -> Option<Checked> {
        let (Some(Node::Constant(Value::Text(pattern))), Some(of)) = (nodes.pop(), nodes.pop())
        else {
            let help = "write the pattern itself: `matches('^/api/')`";
            return self.mistake(place, "a pattern is not a text in quotes", "not constant", help);
        };
        match RegexBuilder::new(&pattern).size_limit(LARGEST_PATTERN).build() {
            Ok(pattern) => Some((Node::Matches(Box::new(of), pattern), Type::BOOL)),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default();
                let title = "a pattern cannot be read".to_owned();
                let help = "write a regular expression of RE2's kind; `r'…'` takes backslashes as they are";
                self.mistake(place, title, reason.trim_start_matches("error: "), help)
            }
        }
    }

    fn no_function(
        &mut self,
        name: &str,
        is_member: bool,
        types: &[Type],
        place: &Range<usize>,
    ) -> Option<Checked> {
        let forms: Vec<_> = functions::named(name)
            .map(|function| form(name, function.is_member, function.takes))
            .chain(
                SPECIAL.iter().filter(|(own, _)| *own == name).map(|(_, form)| (*form).to_owned()),
            )
            .collect();
        if !forms.is_empty() {
            let label = form(name, is_member, types);
            let help = format!("write {}", forms.join(", or "));
            let title = format!("`{name}` does not take these values");
            return self.mistake(place, title, label, help);
        }
        let known = functions::FUNCTIONS.iter().map(|function| function.name);
        let known =
            known.chain(SPECIAL.iter().map(|(name, _)| *name)).chain(MACROS.map(|(name, _)| name));
        let help = nearest(name, known).map_or_else(
            || "write one of CEL's functions, such as `startsWith` or `contains`".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        self.mistake(place, format!("there is no function `{name}`"), "not known", help)
    }

    fn has(&mut self, arguments: &[Tree], span: &Range<usize>) -> Option<Checked> {
        let path = match arguments {
            [only] if matches!(only.shape, Shape::Field(..)) => only.path(),
            _ => None,
        };
        let Some(path) = path else {
            let help = "write `has(handler.variable)`, or `has(arg.name)` for an argument";
            return self.mistake(span, "`has` takes a variable with a dot", "not one", help);
        };
        let Some((slot, _)) = self.names.find(&path) else {
            return self.unknown_variable(&path, &arguments[0].span);
        };
        self.slots.push(slot);
        Some((Node::Has(slot), Type::BOOL))
    }

    fn macro_call(
        &mut self,
        which: Macro,
        range: &Tree,
        name: &str,
        arguments: &[Tree],
        span: &Range<usize>,
    ) -> Option<Checked> {
        let range_node = self.check(range);
        let [Tree { shape: Shape::Name(local), .. }, body] = arguments else {
            let help = format!("write `list.{name}(x, …)` with a name for each value");
            return self.mistake(
                span,
                format!("`{name}` takes a name and an expression"),
                "not that",
                help,
            );
        };
        let (range_node, own) = range_node?;
        let scalar = match own {
            Type::List(scalar) => scalar,
            // Nobody looks at its values.
            Type::EmptyList => Scalar::Bool,
            Type::One(_) => {
                let help = "write it behind a list, such as `['a', 'b']`";
                return self.mistake(
                    &range.span,
                    format!("`{name}` is for lists"),
                    format!("is {own}"),
                    help,
                );
            }
        };
        self.locals.push((local.clone(), scalar));
        let body_node = if which == Macro::Map {
            self.check(body)
        } else {
            self.condition(body).map(|node| (node, Type::BOOL))
        };
        self.locals.pop();
        let (body_node, body_type) = body_node?;
        let given = match (which, body_type) {
            (Macro::Filter, _) => own,
            (Macro::Map, Type::One(scalar)) => Type::List(scalar),
            (Macro::Map, _) => {
                let help = "make one value of each";
                return self.mistake(
                    &body.span,
                    "there are no lists of lists here",
                    "a list",
                    help,
                );
            }
            _ => Type::BOOL,
        };
        Some((Node::Macro(which, Box::new([range_node, body_node])), given))
    }
}

fn is_sized(own: Type) -> bool {
    matches!(own, Type::One(Scalar::Bytes) | Type::List(_) | Type::EmptyList)
}
