//! An expression, ready to run.

use super::{
    checker::Checker,
    evaluation::Evaluation,
    fault::Fault,
    mistake::Mistake,
    names::{Names, Slot, Variables},
    node::Node,
    parser,
    types::Type,
    value::Value,
};
use crate::{file::Text, finding::Findings};

/// An expression that was checked: its names are slots, its types are right, and its time and memory are bounded.
///
/// ```
/// use spoa_handlers::expression::{Names, Program, Scalar, Slot, Type, Value, Variables};
///
/// struct Path;
///
/// impl Names for Path {
///     fn find(&self, name: &str) -> Option<(Slot, Type)> {
///         (name == "path").then_some((Slot(0), Type::One(Scalar::Text)))
///     }
///
///     fn all(&self) -> Vec<String> {
///         vec!["path".to_owned()]
///     }
/// }
///
/// struct Request(&'static str);
///
/// impl Variables for Request {
///     fn get(&self, _: Slot) -> Option<Value<'_>> {
///         Some(Value::text(self.0))
///     }
/// }
///
/// let program = Program::condition("path.startsWith('/admin')", &Path).unwrap();
/// assert_eq!(program.test(&Request("/admin/users")), Ok(true));
///
/// let mistakes = Program::condition("pth.startsWith('/admin')", &Path).err().unwrap();
/// assert_eq!(mistakes[0].title, "there is no variable `pth`");
/// assert_eq!(mistakes[0].help, "did you mean `path`?");
/// ```
pub struct Program {
    node: Node,
    own: Type,
    slots: Vec<Slot>,
}

impl Program {
    /// Reads an expression that is true or false.
    ///
    /// # Errors
    ///
    /// All mistakes in it; none if it only names what could not be read elsewhere.
    pub fn condition(text: &str, names: &dyn Names) -> Result<Self, Vec<Mistake>> {
        Self::read(text, names, true)
    }

    /// Reads an expression of any type.
    ///
    /// # Errors
    ///
    /// All mistakes in it.
    pub fn expression(text: &str, names: &dyn Names) -> Result<Self, Vec<Mistake>> {
        Self::read(text, names, false)
    }

    /// Reads a condition of a file; its mistakes become findings.
    pub fn condition_of(text: &Text, names: &dyn Names, findings: &mut Findings) -> Option<Self> {
        found(Self::condition(text.as_str(), names), text, findings)
    }

    /// Reads an expression of a file; its mistakes become findings.
    pub fn expression_of(text: &Text, names: &dyn Names, findings: &mut Findings) -> Option<Self> {
        found(Self::expression(text.as_str(), names), text, findings)
    }

    fn read(text: &str, names: &dyn Names, is_condition: bool) -> Result<Self, Vec<Mistake>> {
        let tree = parser::parse(text).map_err(|mistake| vec![mistake])?;
        let mut checker = Checker::new(names);
        let checked = if is_condition {
            checker.condition(&tree).map(|node| (node, Type::BOOL))
        } else {
            checker.check(&tree)
        };
        let Checker { mut slots, mistakes, .. } = checker;
        slots.sort_unstable();
        slots.dedup();
        match checked {
            Some((node, own)) if mistakes.is_empty() => Ok(Self { node, own, slots }),
            _ => Err(mistakes),
        }
    }

    /// The type of its value.
    #[must_use]
    pub fn value_type(&self) -> Type {
        self.own
    }

    /// The variable that it is, if it is nothing else: then what is not there can be told from a default.
    #[must_use]
    pub fn variable(&self) -> Option<Slot> {
        match self.node {
            Node::Variable(slot, _) => Some(slot),
            _ => None,
        }
    }

    /// The variables that it may look at.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// If it has no value.
    pub fn test(&self, variables: &dyn Variables) -> Result<bool, Fault> {
        Evaluation::new(variables).test(&self.node)
    }

    /// Its value.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn value<'v>(&'v self, variables: &'v dyn Variables) -> Result<Value<'v>, Fault> {
        Evaluation::new(variables).value(&self.node)
    }
}

fn found(
    read: Result<Program, Vec<Mistake>>,
    text: &Text,
    findings: &mut Findings,
) -> Option<Program> {
    match read {
        Ok(program) => Some(program),
        Err(mistakes) => {
            for mistake in mistakes {
                findings.add(mistake.finding(text));
            }
            None
        }
    }
}
