//! Operators: which types they go with.

use std::ops::Range;

use super::{Checked, Checker};
use crate::expression::{
    arithmetic,
    node::{Node, Order},
    tree::Tree,
    types::{Scalar, Type},
    value::Value,
};

impl Checker<'_> {
    pub(super) fn binary(
        &mut self,
        sign: &'static str,
        place: &Range<usize>,
        sides: &[Tree; 2],
        span: &Range<usize>,
    ) -> Option<Checked> {
        let (left, right) = (self.check(&sides[0]), self.check(&sides[1]));
        let ((left_node, left), (right_node, right)) = (left?, right?);
        let nodes = Box::new([left_node, right_node]);
        let ordered = |order, nodes| Some((Node::Ordered(order, nodes), Type::BOOL));
        let may_equal = left.is(right) || right.is(left);
        match sign {
            "==" if may_equal => Some((Node::Equal(nodes), Type::BOOL)),
            "!=" if may_equal => Some((Node::Not(Box::new(Node::Equal(nodes))), Type::BOOL)),
            "<" if has_order(left, right) => ordered(Order::Less, nodes),
            "<=" if has_order(left, right) => ordered(Order::LessOrEqual, nodes),
            ">" if has_order(left, right) => ordered(Order::Greater, nodes),
            ">=" if has_order(left, right) => ordered(Order::GreaterOrEqual, nodes),
            "in" => match (left, right) {
                (Type::One(own), Type::List(of)) if own == of => {
                    Some((Node::In(nodes), Type::BOOL))
                }
                (Type::One(_), Type::EmptyList) => {
                    Some((Node::Constant(Value::Bool(false)), Type::BOOL))
                }
                _ => self.no_operator(sign, place, left, right),
            },
            _ => match arithmetic::type_of(sign, left, right) {
                Some(own) => self.folded(Node::Arithmetic(sign, nodes), own, span),
                None => self.no_operator(sign, place, left, right),
            },
        }
    }

    fn no_operator<T>(
        &mut self,
        sign: &str,
        place: &Range<usize>,
        left: Type,
        right: Type,
    ) -> Option<T> {
        use Scalar::{Cidr, Double, Int, Ip, Text};
        let help = match (sign, left, right) {
            ("in", Type::One(Ip), Type::One(Cidr)) => "write `cidr('…').containsIP(…)`",
            ("in", Type::One(Ip), Type::List(Cidr | Text)) => {
                "write `['…'].exists(net, cidr(net).containsIP(…))`"
            }
            ("in", Type::One(Text), Type::One(Text)) => "write `….contains('…')`",
            (_, Type::One(Ip), Type::One(Text)) | (_, Type::One(Text), Type::One(Ip)) => {
                "write an address as `ip('…')`"
            }
            (_, Type::One(Int), Type::One(Double)) | (_, Type::One(Double), Type::One(Int)) => {
                "convert one of them: `double(…)` or `int(…)`"
            }
            (_, Type::One(Int), Type::One(Text)) | (_, Type::One(Text), Type::One(Int)) => {
                "write the number without quotes, or convert it: `string(…)` or `int(…)`"
            }
            _ => "compare values of one type",
        };
        let title = format!("`{sign}` does not go with {left} and {right}");
        self.mistake(place, title, format!("{left} {sign} {right}"), help)
    }
}

fn has_order(left: Type, right: Type) -> bool {
    use Scalar::{Bool, Bytes, Double, Int, Text};
    match (left, right) {
        (Type::One(Int | Double), Type::One(Int | Double)) => true,
        (Type::One(one @ (Bool | Text | Bytes)), Type::One(other)) => one == other,
        _ => false,
    }
}
