//! Spread: the median of some rounds, and how far they are apart.

use std::fmt;

/// `Display` writes `1.10 (1.02–1.31)`, and of large numbers no fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Nothing of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        // Of an even number, the mean of the two in the middle.
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = self;
        let digits = if *most < 100.0 { 2 } else { 0 };
        write!(formatter, "{median:.digits$}")?;
        if least < most {
            write!(formatter, " ({least:.digits$}–{most:.digits$})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_stands_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([7.0]).unwrap().to_string(), "7.00");
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn large_numbers_have_no_fractions() {
        assert_eq!(Spread::of([900.25, 30.0]).unwrap().to_string(), "465 (30–900)");
        assert_eq!(Spread::of([1.0, 1.5]).unwrap().to_string(), "1.25 (1.00–1.50)");
    }
}
