//! A quantity: a number with its unit, in one text.

/// What is written as a number with its unit.
pub trait Quantity: Sized {
    /// What it is, with its article: `a duration`.
    const NAME: &'static str;
    /// What may be written: the form, and its bounds.
    const FORM: &'static str;
    /// The units that a bare number could have been meant with.
    const UNITS: &'static [&'static str];

    /// What may be written, as a pattern of a JSON schema, of one line.
    const PATTERN: &'static str;

    /// Reads a number with its unit.
    fn read(text: &str) -> Option<Self>;

    /// Writes it in the form in which it is read.
    fn write(&self) -> String;

    /// How a bare number is to be written.
    #[must_use]
    fn with_units(number: &str) -> String {
        let written = Self::UNITS.iter().map(|unit| format!("{number}{unit}"));
        suggest(written.filter(|text| Self::read(text).is_some()), Self::FORM)
    }
}

/// What may be written, one by one; the form, if there is nothing.
pub(super) fn suggest(texts: impl Iterator<Item = String>, form: &str) -> String {
    let texts: Vec<_> = texts.map(|text| format!("`\"{text}\"`")).collect();
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => form.to_owned(),
    }
}

/// A number and what stands behind it.
pub(super) fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}
