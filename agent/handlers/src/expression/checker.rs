//! From the tree to the checked expression: every mistake of names and types, at once.

mod calls;
mod operators;

use std::ops::Range;

use super::{
    evaluation::Evaluation,
    functions,
    mistake::Mistake,
    names::{Names, Slot, Variables},
    node::Node,
    tree::{Shape, Tree},
    types::{Scalar, Type},
    value::{List, Value},
};
use crate::finding::suggestion;

/// A part that is right.
pub(super) type Checked = (Node, Type);

/// What an expression is checked with, and its mistakes so far.
pub(super) struct Checker<'n> {
    names: &'n dyn Names,
    locals: Vec<(String, Scalar)>,
    pub(super) slots: Vec<Slot>,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'n> Checker<'n> {
    pub(super) fn new(names: &'n dyn Names) -> Self {
        Self { names, locals: Vec::new(), slots: Vec::new(), mistakes: Vec::new() }
    }

    /// Checks a part; nothing if there are mistakes in it.
    pub(super) fn check(&mut self, tree: &Tree) -> Option<Checked> {
        let constant = |value, scalar| Some((Node::Constant(value), Type::One(scalar)));
        match &tree.shape {
            Shape::Bool(value) => constant(Value::Bool(*value), Scalar::Bool),
            Shape::Int(value) => constant(Value::Int(*value), Scalar::Int),
            Shape::Double(value) => constant(Value::Double(*value), Scalar::Double),
            Shape::Text(value) => constant(Value::Text(value.clone().into()), Scalar::Text),
            Shape::Bytes(value) => constant(Value::Bytes(value.clone().into()), Scalar::Bytes),
            Shape::Name(_) | Shape::Field(..) => self.variable(tree),
            Shape::List(values) => self.list(values, &tree.span),
            Shape::Not(of) => {
                let of = self.condition(of)?;
                Some((Node::Not(Box::new(of)), Type::BOOL))
            }
            Shape::Negate(of) => self.negate(of, &tree.span),
            Shape::All(parts) => {
                let parts = self.conditions(parts)?;
                Some((Node::All(parts), Type::BOOL))
            }
            Shape::Any(parts) => {
                let parts = self.conditions(parts)?;
                Some((Node::Any(parts), Type::BOOL))
            }
            Shape::Binary(sign, place, sides) => self.binary(sign, place, sides, &tree.span),
            Shape::Choose(parts) => self.choose(parts),
            Shape::Index(of, index) => self.index(of, index, &tree.span),
            Shape::Call(front, name, place, arguments) => {
                self.call(front.as_deref(), name, place, arguments, &tree.span)
            }
        }
    }

    /// Checks a part that has to be true or false.
    pub(super) fn condition(&mut self, tree: &Tree) -> Option<Node> {
        let (node, own) = self.check(tree)?;
        if own == Type::BOOL {
            return Some(node);
        }
        let help = "compare it with something, such as `… == …`";
        self.mistake(&tree.span, "this is not a condition", format!("is {own}, not bool"), help)
    }

    fn conditions(&mut self, trees: &[Tree]) -> Option<Vec<Node>> {
        let nodes: Vec<_> = trees.iter().map(|tree| self.condition(tree)).collect();
        nodes.into_iter().collect()
    }

    fn all(&mut self, trees: &[Tree]) -> Option<Vec<Checked>> {
        let checked: Vec<_> = trees.iter().map(|tree| self.check(tree)).collect();
        checked.into_iter().collect()
    }

    fn mistake<T>(
        &mut self,
        span: &Range<usize>,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.mistakes.push(Mistake::new(span, title, label, help));
        None
    }

    fn variable(&mut self, tree: &Tree) -> Option<Checked> {
        if let Shape::Name(name) = &tree.shape
            && let Some(at) = self.locals.iter().rposition(|(own, _)| own == name)
        {
            return Some((Node::Local(at), Type::One(self.locals[at].1)));
        }
        let Some(path) = tree.path() else { return self.no_field(tree) };
        if let Some((slot, value_type)) = self.names.find(&path) {
            self.slots.push(slot);
            return Some((Node::Variable(slot, default(value_type)), value_type));
        }
        if let Shape::Field(front, ..) = &tree.shape
            && front.path().is_some_and(|front| self.names.find(&front).is_some())
        {
            return self.no_field(tree);
        }
        self.unknown_variable(&path, &tree.span)
    }

    fn unknown_variable<T>(&mut self, path: &str, span: &Range<usize>) -> Option<T> {
        if self.names.is_broken(path) {
            return None;
        }
        let mut known = self.names.all();
        known.extend(self.locals.iter().map(|(name, _)| name.clone()));
        let help = suggestion(path, known.iter().map(String::as_str));
        let help = help.unwrap_or_else(|| {
            "name an argument of the message, or a finding of a handler in front of this one"
                .to_owned()
        });
        self.mistake(span, format!("there is no variable `{path}`"), "not known", help)
    }

    fn no_field<T>(&mut self, tree: &Tree) -> Option<T> {
        let Shape::Field(_, field, place) = &tree.shape else { return None };
        let is_function = functions::named(field).any(|function| function.is_member);
        let help = if is_function {
            format!("call it: `{field}(…)`")
        } else {
            "remove it, or write a function such as `contains('…')`".to_owned()
        };
        self.mistake(place, format!("there is no field `{field}`"), "not a field", help)
    }

    fn list(&mut self, trees: &[Tree], span: &Range<usize>) -> Option<Checked> {
        let checked = self.all(trees)?;
        let Some((_, first)) = checked.first() else {
            return Some((Node::Constant(Value::List(List::Owned(Vec::new()))), Type::EmptyList));
        };
        let first = *first;
        let Type::One(scalar) = first else {
            let help = "write one list with all values";
            return self.mistake(span, "there are no lists of lists here", "a list of lists", help);
        };
        if let Some(at) = checked.iter().position(|(_, own)| *own != first) {
            let label = format!("{}, behind {first}", checked[at].1);
            let help = "write values of one type";
            return self.mistake(
                &trees[at].span,
                "the values of a list differ in their type",
                label,
                help,
            );
        }
        let nodes = checked.into_iter().map(|(node, _)| node).collect();
        self.folded(Node::List(nodes), Type::List(scalar), span)
    }

    fn negate(&mut self, of: &Tree, span: &Range<usize>) -> Option<Checked> {
        let (node, own) = self.check(of)?;
        if !matches!(own, Type::One(Scalar::Int | Scalar::Double)) {
            let help = "write `!` for the opposite of a condition";
            return self.mistake(span, format!("there is no `-` for {own}"), "not a number", help);
        }
        self.folded(Node::Negate(Box::new(node)), own, span)
    }

    fn choose(&mut self, parts: &[Tree; 3]) -> Option<Checked> {
        let condition = self.condition(&parts[0]);
        let (yes, no) = (self.check(&parts[1]), self.check(&parts[2]));
        let (condition, (yes, one), (no, other)) = (condition?, yes?, no?);
        if !other.is(one) && !one.is(other) {
            let label = format!("{other}, but {one} in front of the `:`");
            let help = "write values of one type";
            return self.mistake(
                &parts[2].span,
                "both sides of `:` differ in their type",
                label,
                help,
            );
        }
        let chosen = if one == Type::EmptyList { other } else { one };
        Some((Node::Choose(Box::new([condition, yes, no])), chosen))
    }

    fn index(&mut self, of: &Tree, index: &Tree, span: &Range<usize>) -> Option<Checked> {
        let (of_node, index_node) = (self.check(of), self.check(index));
        let ((of, own), (index, by)) = (of_node?, index_node?);
        match (own, by) {
            (Type::List(scalar), Type::One(Scalar::Int)) => {
                self.folded(Node::Index(Box::new([of, index])), Type::One(scalar), span)
            }
            _ => {
                let label = format!("{own}[{by}]");
                let help = "only a list has an index, which is a whole number from 0 on";
                self.mistake(span, format!("{own} has no index of {by}"), label, help)
            }
        }
    }

    /// The part, or its value if it is the same each time.
    fn folded(&mut self, node: Node, own: Type, span: &Range<usize>) -> Option<Checked> {
        if !is_constant(&node) {
            return Some((node, own));
        }
        let value = Evaluation::new(&Nothing).value(&node).map(Value::into_owned);
        match value {
            Ok(value) => Some((Node::Constant(value), own)),
            Err(fault) => {
                let help = "correct the constant";
                self.mistake(span, "this has no value", fault.to_string(), help)
            }
        }
    }
}

/// What a variable is that is not there.
fn default(own: Type) -> Option<Value<'static>> {
    match own {
        Type::One(Scalar::Bool) => Some(Value::Bool(false)),
        Type::One(Scalar::Int) => Some(Value::Int(0)),
        Type::One(Scalar::Double) => Some(Value::Double(0.0)),
        Type::One(Scalar::Text) => Some(Value::text("")),
        Type::One(Scalar::Bytes) => Some(Value::Bytes((&[]).into())),
        Type::One(Scalar::Ip | Scalar::Cidr) => None,
        Type::List(_) | Type::EmptyList => Some(Value::List(List::Borrowed(&[]))),
    }
}

fn is_constant(node: &Node) -> bool {
    let constant = |node: &Node| matches!(node, Node::Constant(_));
    match node {
        Node::Size(of) | Node::Negate(of) => constant(of),
        Node::Arithmetic(_, nodes) | Node::Index(nodes) => nodes.iter().all(constant),
        Node::List(nodes) | Node::Call(_, nodes) => nodes.iter().all(constant),
        _ => false,
    }
}

struct Nothing;

impl Variables for Nothing {
    fn get(&self, _: Slot) -> Option<Value<'_>> {
        None
    }
}
