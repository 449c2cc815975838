//! The value of a checked expression.

use std::cmp::Ordering;

use super::{
    arithmetic,
    fault::Fault,
    names::Variables,
    node::{Macro, Node, Order},
    value::{List, Value},
};

/// How many parts are evaluated at most: macros within macros multiply.
const MOST_STEPS: u32 = 100_000;

type Result<'v> = std::result::Result<Value<'v>, Fault>;

/// What an expression runs with.
pub(super) struct Evaluation<'v> {
    variables: &'v dyn Variables,
    locals: Vec<Value<'v>>,
    steps: u32,
}

impl<'v> Evaluation<'v> {
    pub(super) fn new(variables: &'v dyn Variables) -> Self {
        Self { variables, locals: Vec::new(), steps: 0 }
    }

    pub(super) fn value(&mut self, node: &'v Node) -> Result<'v> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::Limit);
        }
        match node {
            Node::Constant(value) => Ok(value.borrow()),
            Node::Variable(slot, default) => self
                .variables
                .get(*slot)
                .or_else(|| default.as_ref().map(Value::borrow))
                .ok_or(Fault::Absent),
            Node::Local(at) => self.locals.get(*at).cloned().ok_or(Fault::Absent),
            Node::Size(of) => size(&self.value(of)?),
            Node::Negate(of) => arithmetic::negate(&self.value(of)?),
            Node::Choose(parts) => {
                let chosen = if self.test(&parts[0])? { &parts[1] } else { &parts[2] };
                self.value(chosen)
            }
            Node::Arithmetic(sign, sides) => {
                let left = self.value(&sides[0])?;
                arithmetic::value(sign, left, self.value(&sides[1])?)
            }
            Node::Index(sides) => self.index(sides),
            Node::List(nodes) => {
                let values = nodes.iter().map(|node| self.value(node));
                Ok(Value::List(List::Owned(values.collect::<std::result::Result<_, _>>()?)))
            }
            Node::Call(function, nodes) => {
                let mut values = [const { Value::Bool(false) }; 3];
                for (value, node) in values.iter_mut().zip(nodes) {
                    *value = self.value(node)?;
                    self.looks_through(value);
                }
                (function.call)(&values[..nodes.len()])
            }
            Node::Macro(which @ (Macro::Filter | Macro::Map), parts) => self.chosen(*which, parts),
            _ => self.test(node).map(Value::Bool),
        }
    }

    /// The value of a condition.
    pub(super) fn test(&mut self, node: &'v Node) -> std::result::Result<bool, Fault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::Limit);
        }
        match node {
            Node::Has(slot) => Ok(self.variables.get(*slot).is_some()),
            Node::Not(of) => Ok(!self.test(of)?),
            Node::All(nodes) => self.until(nodes.iter(), false),
            Node::Any(nodes) => self.until(nodes.iter(), true),
            Node::Equal(sides) => self.with_both(sides, |left, right| left == right),
            Node::Ordered(order, sides) => self.with_both(sides, |left, right| {
                left.compare(right).is_some_and(|found| order.holds(found))
            }),
            Node::In(sides) => {
                let found = self.with_both(sides, |wanted, list| match list {
                    Value::List(values) => Ok((values.contains(wanted), values.len())),
                    _ => Err(Fault::Conversion),
                });
                let (is_found, length) = found??;
                self.steps += u32::try_from(length / 8).unwrap_or(u32::MAX);
                Ok(is_found)
            }
            Node::Matches(of, pattern) => match self.value(of)? {
                Value::Text(text) => {
                    self.steps += length_in_steps(text.len());
                    Ok(pattern.is_match(&text))
                }
                _ => Err(Fault::Conversion),
            },
            Node::Macro(which @ (Macro::All | Macro::Exists | Macro::ExistsOne), parts) => {
                self.ask(*which, parts)
            }
            _ => match self.value(node)? {
                Value::Bool(value) => Ok(value),
                _ => Err(Fault::Conversion),
            },
        }
    }

    /// Counts what a function looks through as steps.
    fn looks_through(&mut self, value: &Value<'_>) {
        self.steps += match value {
            Value::Text(text) => length_in_steps(text.len()),
            Value::Bytes(bytes) => length_in_steps(bytes.len()),
            _ => 0,
        };
    }

    /// Does something with both values; a constant, which is mostly the right one, is looked at where it lies.
    fn with_both<T>(
        &mut self,
        sides: &'v [Node; 2],
        work: impl FnOnce(&Value<'_>, &Value<'_>) -> T,
    ) -> std::result::Result<T, Fault> {
        let left = self.value(&sides[0])?;
        match &sides[1] {
            Node::Constant(right) => Ok(work(&left, right)),
            right => Ok(work(&left, &self.value(right)?)),
        }
    }

    /// Whether one of the conditions is `end`; a fault counts only where none is.
    fn until(
        &mut self,
        nodes: impl Iterator<Item = &'v Node>,
        end: bool,
    ) -> std::result::Result<bool, Fault> {
        let mut fault = None;
        for node in nodes {
            match self.test(node) {
                Ok(value) if value == end => return Ok(end),
                Ok(_) => {}
                Err(Fault::Limit) => return Err(Fault::Limit),
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        fault.map_or(Ok(!end), Err)
    }

    fn index(&mut self, sides: &'v [Node; 2]) -> Result<'v> {
        match (self.value(&sides[0])?, self.value(&sides[1])?) {
            (Value::List(values), Value::Int(index)) => {
                let index = usize::try_from(index).map_err(|_| Fault::Index)?;
                values.get(index).cloned().ok_or(Fault::Index)
            }
            _ => Err(Fault::Conversion),
        }
    }

    /// The values of a list that a macro is about.
    fn range(&mut self, node: &'v Node) -> std::result::Result<List<'v>, Fault> {
        match self.value(node)? {
            Value::List(values) => Ok(values),
            _ => Err(Fault::Conversion),
        }
    }

    fn with<T>(
        &mut self,
        local: Value<'v>,
        work: impl FnOnce(&mut Self) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        self.locals.push(local);
        let result = work(self);
        self.locals.pop();
        result
    }

    fn ask(&mut self, which: Macro, parts: &'v [Node; 2]) -> std::result::Result<bool, Fault> {
        let values = self.range(&parts[0])?;
        let mut fault = None;
        let mut count = 0;
        for value in values.iter().cloned() {
            match self.with(value, |own| own.test(&parts[1])) {
                Ok(true) if which == Macro::Exists => return Ok(true),
                Ok(false) if which == Macro::All => return Ok(false),
                Ok(holds) => count += usize::from(holds),
                Err(Fault::Limit) => return Err(Fault::Limit),
                Err(other) if which == Macro::ExistsOne => return Err(other),
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        match fault {
            Some(fault) => Err(fault),
            None if which == Macro::ExistsOne => Ok(count == 1),
            None => Ok(which == Macro::All),
        }
    }

    fn chosen(&mut self, which: Macro, parts: &'v [Node; 2]) -> Result<'v> {
        let values = self.range(&parts[0])?;
        let mut chosen = Vec::new();
        for value in values.iter().cloned() {
            if which == Macro::Map {
                chosen.push(self.with(value, |own| own.value(&parts[1]))?);
            } else if self.with(value.clone(), |own| own.test(&parts[1]))? {
                chosen.push(value);
            }
        }
        Ok(Value::List(List::Owned(chosen)))
    }
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// How many characters, bytes or values there are.
fn size<'v>(value: &Value<'_>) -> Result<'v> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => values.len(),
        _ => return Err(Fault::Conversion),
    };
    i64::try_from(size).map(Value::Int).map_err(|_| Fault::Overflow)
}

/// How many steps it counts to look through so many bytes.
fn length_in_steps(bytes: usize) -> u32 {
    u32::try_from(bytes / 64).unwrap_or(u32::MAX / 2)
}
