//! A table in Markdown.

use std::fmt;

/// Rows below a head; the first column is text, the others are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<T: Into<String>>(head: impl IntoIterator<Item = T>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let numbers = self.head.len().saturating_sub(1);
        writeln!(formatter, "{}", line(&self.head))?;
        writeln!(formatter, "|---|{}", "--:|".repeat(numbers))?;
        self.rows.iter().try_for_each(|row| writeln!(formatter, "{}", line(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_stand_at_the_right() {
        let mut table = Table::new(["scenario", "floor", "agent"]);
        table.row(["A", "1.0", "1.1"]);
        let expected = "| scenario | floor | agent |\n|---|--:|--:|\n| A | 1.0 | 1.1 |\n";
        assert_eq!(table.to_string(), expected);
    }
}
