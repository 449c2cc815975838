//! Options: the values of options of the agent that clap does not know how to read.

/// More than any machine has, and far from where sums overflow.
const LARGEST: usize = 1 << 48;

/// A whole number of bytes, KiB, MiB or GiB.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let bytes: usize = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("write a whole number and KiB, MiB or GiB: 256MiB".to_owned()),
    };
    match number.parse().ok().and_then(|number: usize| number.checked_mul(bytes)) {
        Some(size) if (1..=LARGEST).contains(&size) => Ok(size),
        _ => Err("write a whole number and KiB, MiB or GiB: 256MiB".to_owned()),
    }
}

/// The permission bits of a file, in octal.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("write permission bits in octal, such as 660".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_bytes_or_has_a_unit() {
        for (text, bytes) in
            [("512", 512), ("1KiB", 1024), ("256MiB", 256 << 20), ("2GiB", 2 << 30)]
        {
            assert_eq!(size(text), Ok(bytes));
        }
        for bad in
            ["", "0", "MiB", "1MB", "1.5GiB", "-1", "1 MiB", "99999999999999999999GiB", "300000GiB"]
        {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mode_is_octal() {
        for (text, bits) in [("660", 0o660), ("0600", 0o600), ("0o777", 0o777)] {
            assert_eq!(mode(text), Ok(bits));
        }
        for bad in ["", "8", "1000", "rw", "-1"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }
}
