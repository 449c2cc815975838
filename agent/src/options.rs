//! Options: the values of options of the agent that clap does not know how to read.

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
    fn a_mode_is_octal() {
        for (text, bits) in [("660", 0o660), ("0600", 0o600), ("0o777", 0o777)] {
            assert_eq!(mode(text), Ok(bits));
        }
        for bad in ["", "8", "1000", "rw", "-1"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }
}
