//! Values of tables and databases, as variables.

use crate::{
    expression::{Scalar, Value},
    table::{Cell, CellType},
};

/// A cell as a variable of this type; nothing if it cannot be one.
pub(super) fn value(cell: Cell, own_type: CellType) -> Option<Value<'static>> {
    Some(match cell.into_type(own_type).ok()? {
        Cell::Text(text) => Value::Text(text.into_string().into()),
        Cell::Integer(number) => Value::Int(number),
        Cell::Decimal(number) => Value::Double(number),
        Cell::Boolean(value) => Value::Bool(value),
    })
}

/// The type of such a variable.
pub(super) fn scalar(own_type: CellType) -> Scalar {
    match own_type {
        CellType::Text => Scalar::Text,
        CellType::Integer => Scalar::Int,
        CellType::Decimal => Scalar::Double,
        CellType::Boolean => Scalar::Bool,
    }
}
