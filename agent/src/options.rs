//! Options: parsers of the agent's option values.

use crate::option_values::address;

/// Stands for the sockets that systemd hands over.
const SYSTEMD: &str = "systemd";

/// Parses `HOST:PORT`, or `systemd:NAME` or `systemd` for sockets that systemd hands over.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        None if text == SYSTEMD => Ok(text.to_owned()),
        Some((SYSTEMD, "")) => {
            Err("write systemd:NAME for one socket, or systemd for all".to_owned())
        }
        Some((SYSTEMD, _)) => Ok(text.to_owned()),
        _ => address(text),
    }
}

/// The name of the sockets that systemd hands over; `Some(None)` for all of them.
pub(crate) fn handed_over(text: &str) -> Option<Option<&str>> {
    match text.split_once(':') {
        None if text == SYSTEMD => Some(None),
        Some((SYSTEMD, name)) => Some(Some(name)),
        _ => None,
    }
}

/// Parses the permission bits of a file, in octal.
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
    fn what_systemd_hands_over_has_a_name_or_none() {
        for (text, name) in [("systemd", Some(None)), ("systemd:a.socket", Some(Some("a.socket")))]
        {
            assert_eq!((listen(text).as_deref(), handed_over(text)), (Ok(text), name));
        }
        assert_eq!(handed_over("127.0.0.1:1"), None);
        assert!(listen("systemd:").is_err() && listen("system").is_err());
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
