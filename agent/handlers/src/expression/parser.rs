//! From words to a tree.

use std::ops::Range;

use super::{
    lexer,
    mistake::Mistake,
    token::{Token, TokenKind},
    tree::{Shape, Tree},
};

/// The longest expression, in bytes.
const LONGEST: usize = 8 << 10;
/// How many parts may lie in each other.
const DEEPEST: usize = 64;
/// How many values a list may have.
const MOST_VALUES: usize = 1024;

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Tree, Mistake> {
    if text.len() > LONGEST {
        let title = format!("an expression has {} bytes", text.len());
        let help = "split it, or put the values into a file: `[data.NAME]`";
        return Err(Mistake::new(&(0..text.len()), title, "more than 8 KiB", help));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, depth: 0 };
    if parser.token().kind == TokenKind::End {
        let help = "write a condition such as `path == '/login'`";
        return Err(Mistake::new(&(0..text.len()), "an expression is empty", "empty", help));
    }
    let tree = parser.expression()?;
    match parser.token().kind {
        TokenKind::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Tree, Mistake> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep(&self.token().span));
        }
        let condition = self.any()?;
        let tree = if self.takes("?").is_some() {
            let yes = self.any()?;
            self.expect(":")?;
            let no = self.expression()?;
            let span = condition.span.start..no.span.end;
            let height = condition.height.max(yes.height).max(no.height);
            made(Shape::Choose(Box::new([condition, yes, no])), span, height)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn any(&mut self) -> Result<Tree, Mistake> {
        self.several("||", Self::all, Shape::Any)
    }

    fn all(&mut self) -> Result<Tree, Mistake> {
        self.several("&&", Self::relation, Shape::All)
    }

    fn several(
        &mut self,
        sign: &'static str,
        part: fn(&mut Self) -> Result<Tree, Mistake>,
        shape: fn(Vec<Tree>) -> Shape,
    ) -> Result<Tree, Mistake> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.takes(sign).is_some() {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            last => {
                let span = parts[0].span.start..parts[last - 1].span.end;
                let height = parts.iter().map(|part| part.height).max().unwrap_or(0);
                made(shape(parts), span, height)
            }
        }
    }

    fn relation(&mut self) -> Result<Tree, Mistake> {
        self.chain(&["==", "!=", "<=", ">=", "<", ">", "in"], Self::sum)
    }

    fn sum(&mut self) -> Result<Tree, Mistake> {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Result<Tree, Mistake> {
        self.chain(&["*", "/", "%"], Self::unary)
    }

    fn chain(
        &mut self,
        signs: &[&'static str],
        part: fn(&mut Self) -> Result<Tree, Mistake>,
    ) -> Result<Tree, Mistake> {
        let mut left = part(self)?;
        loop {
            let Some((sign, place)) =
                signs.iter().find_map(|sign| self.takes(sign).map(|place| (*sign, place)))
            else {
                return Ok(left);
            };
            let right = part(self)?;
            let span = left.span.start..right.span.end;
            let height = left.height.max(right.height);
            left = made(Shape::Binary(sign, place, Box::new([left, right])), span, height)?;
        }
    }

    fn unary(&mut self) -> Result<Tree, Mistake> {
        for (sign, shape) in [("!", Shape::Not as fn(Box<Tree>) -> Shape), ("-", Shape::Negate)] {
            let Some(place) = self.takes(sign) else { continue };
            if sign == "-"
                && let Some(number) = self.negative(&place)
            {
                return self.behind(number);
            }
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(too_deep(&place));
            }
            let tree = self.unary()?;
            self.depth -= 1;
            let (span, height) = (place.start..tree.span.end, tree.height);
            return made(shape(Box::new(tree)), span, height);
        }
        let primary = self.primary()?;
        self.behind(primary)
    }

    /// A number behind a minus: it is part of it, so that the smallest one can be written.
    fn negative(&mut self, minus: &Range<usize>) -> Option<Tree> {
        let token = self.token();
        let shape = match &token.kind {
            TokenKind::Int(number) => Shape::Int(0_i64.checked_sub_unsigned(*number)?),
            TokenKind::Double(number) => Shape::Double(-number),
            _ => return None,
        };
        let span = minus.start..token.span.end;
        self.at += 1;
        Some(Tree { shape, span, height: 1 })
    }

    /// Fields, calls and indices behind a value.
    fn behind(&mut self, mut tree: Tree) -> Result<Tree, Mistake> {
        loop {
            let start = tree.span.start;
            if self.takes(".").is_some() {
                let (name, place) = self.name()?;
                if self.takes("(").is_some() {
                    let (arguments, end) = self.values(")")?;
                    let height = height(&arguments).max(tree.height);
                    let shape = Shape::Call(Some(Box::new(tree)), name, place, arguments);
                    tree = made(shape, start..end, height)?;
                } else {
                    let (end, height) = (place.end, tree.height);
                    tree = made(Shape::Field(Box::new(tree), name, place), start..end, height)?;
                }
            } else if self.takes("[").is_some() {
                let index = self.expression()?;
                let end = self.expect("]")?.end;
                let height = tree.height.max(index.height);
                tree = made(Shape::Index(Box::new(tree), Box::new(index)), start..end, height)?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Result<Tree, Mistake> {
        let Token { kind, span } = self.token().clone();
        let shape = match kind {
            TokenKind::Int(number) => match i64::try_from(number) {
                Ok(number) => Shape::Int(number),
                Err(_) => {
                    let help = "write a number that fits into 64 bits";
                    return Err(Mistake::new(&span, "a number is too large", "too large", help));
                }
            },
            TokenKind::Double(number) => Shape::Double(number),
            TokenKind::Text(text) => Shape::Text(text),
            TokenKind::Bytes(bytes) => Shape::Bytes(bytes),
            TokenKind::Sign("true") => Shape::Bool(true),
            TokenKind::Sign("false") => Shape::Bool(false),
            TokenKind::Sign("null") => {
                let help = "ask for a variable that may be missing with `has(handler.variable)`";
                return Err(Mistake::new(&span, "there is no `null` here", "not known", help));
            }
            TokenKind::Sign("{") => {
                let help = "write a list, or put the values into a file: `[data.NAME]`";
                return Err(Mistake::new(&span, "there are no maps here", "a map", help));
            }
            TokenKind::Sign("(") => {
                self.at += 1;
                let mut tree = self.expression()?;
                tree.span = span.start..self.expect(")")?.end;
                return Ok(tree);
            }
            TokenKind::Sign("[") => {
                self.at += 1;
                let (values, end) = self.values("]")?;
                let height = height(&values);
                return made(Shape::List(values), span.start..end, height);
            }
            TokenKind::Name(name) => {
                self.at += 1;
                if self.takes("(").is_none() {
                    return Ok(Tree { shape: Shape::Name(name), span, height: 1 });
                }
                let (arguments, end) = self.values(")")?;
                let height = height(&arguments);
                let shape = Shape::Call(None, name, span.clone(), arguments);
                return made(shape, span.start..end, height);
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(Tree { shape, span, height: 1 })
    }

    /// Values with commas between them, up to a bracket; and where that ends.
    fn values(&mut self, end: &'static str) -> Result<(Vec<Tree>, usize), Mistake> {
        let mut values = Vec::new();
        loop {
            // A list may have a comma behind its last value.
            if (end == "]" || values.is_empty())
                && let Some(place) = self.takes(end)
            {
                return Ok((values, place.end));
            }
            if values.len() == MOST_VALUES {
                let help = "put the values into a file: `[data.NAME]`";
                return Err(Mistake::new(
                    &self.token().span,
                    "a list is too long",
                    "one too many",
                    help,
                ));
            }
            values.push(self.expression()?);
            if self.takes(",").is_none() {
                return Ok((values, self.expect(end)?.end));
            }
        }
    }

    fn name(&mut self) -> Result<(String, Range<usize>), Mistake> {
        let Token { kind: TokenKind::Name(name), span } = self.token().clone() else {
            return Err(self.unexpected("a name"));
        };
        self.at += 1;
        Ok((name, span))
    }

    fn token(&self) -> &Token {
        // The end is never taken.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn takes(&mut self, sign: &str) -> Option<Range<usize>> {
        let token = self.token();
        let place = token.kind.is(sign).then(|| token.span.clone())?;
        self.at += 1;
        Some(place)
    }

    fn expect(&mut self, sign: &'static str) -> Result<Range<usize>, Mistake> {
        self.takes(sign).ok_or_else(|| self.unexpected(&format!("`{sign}`")))
    }

    fn unexpected(&self, expected: &str) -> Mistake {
        let token = self.token();
        let label = format!("expected {expected}");
        match token.kind {
            TokenKind::End => {
                let help = "write the rest of it, or remove what stands last";
                Mistake::new(&token.span, "an expression ends too early", label, help)
            }
            _ => Mistake::new(
                &token.span,
                "an expression is not CEL",
                label,
                "put an operator between two values, and close each bracket",
            ),
        }
    }
}

fn height(parts: &[Tree]) -> usize {
    parts.iter().map(|part| part.height).max().unwrap_or(0)
}

fn made(shape: Shape, span: Range<usize>, height: usize) -> Result<Tree, Mistake> {
    if height >= DEEPEST {
        return Err(too_deep(&span));
    }
    Ok(Tree { shape, span, height: height + 1 })
}

fn too_deep(span: &Range<usize>) -> Mistake {
    let title = format!("more than {DEEPEST} parts lie in each other");
    Mistake::new(span, title, "too deep", "split the expression")
}
