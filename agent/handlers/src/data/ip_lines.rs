//! IP lines: a list that has an address in each line, and what is said of it behind.

use std::str;

use super::{error::DataError, ip_reading::Reading};

pub(super) fn read(text: &[u8], reading: &mut Reading<'_>) -> Result<(), DataError> {
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let end = line.iter().position(|byte| b"#;".contains(byte)).unwrap_or(line.len());
        let line = line[..end].trim_ascii();
        if line.is_empty() {
            continue;
        }
        match str::from_utf8(line) {
            Ok(line) => read_line(number, line, reading)?,
            Err(_) => reading.bad.add(reading.path, number, "it is not UTF-8 text"),
        }
    }
    Ok(())
}

fn read_line(number: u64, line: &str, reading: &mut Reading<'_>) -> Result<(), DataError> {
    let mut words = line.split_ascii_whitespace();
    let (first, second, third) = (words.next().unwrap_or_default(), words.next(), words.next());
    let range;
    let (address, mut rest) = match (second, third) {
        (Some("-"), Some(last)) => {
            range = format!("{first}-{last}");
            (range.as_str(), [words.next(), words.next()])
        }
        _ => (first, [second, third]),
    };
    if words.next().is_some() {
        reading.bad.add(reading.path, number, "expected ADDRESS [SCORE] [TAG,TAG...]");
        return Ok(());
    }
    // A score is a number, and no tag begins with a digit when it stands where the score does.
    let is_score = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let score = rest[0].filter(is_score);
    if score.is_some() {
        rest = [rest[1], None];
    }
    if rest[1].is_some() {
        reading.bad.add(reading.path, number, "expected ADDRESS [SCORE] [TAG,TAG...]");
        return Ok(());
    }
    let tags: Vec<_> = rest[0].into_iter().flat_map(|tags| tags.split(',')).collect();
    reading.add(number, address, score, &tags)
}
