//! Options: the values of options that clap does not know how to read.

use std::time::Duration;

/// The longest duration: a wait beyond it is a typing error.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// `HOST:PORT`, the host as a name or an address.
///
/// # Errors
///
/// If it is anything else: how it is written.
pub fn address(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some(parts) => parts,
        None if text.parse::<u16>().is_ok() => ("", text),
        None => return Err(format!("it has no port: write {text}:12345")),
    };
    if host.is_empty() {
        return Err(format!(
            "it has no host: write 127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port} for \
             all that can reach it"
        ));
    }
    match port.parse::<u16>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err(format!("{port:?} is not a port: write a number up to 65535, such as {host}:12345"))
        }
    }
}

/// A whole number and a unit, from `1ms` to `24h`.
///
/// # Errors
///
/// If it is anything else: how it is written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a whole number and a unit: 500ms, 2s, 1m or 12h".to_owned()),
    };
    let duration = number
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(milliseconds))
        .map(Duration::from_millis);
    match duration {
        Some(duration) if !duration.is_zero() && duration <= LONGEST => Ok(duration),
        _ => Err("write a duration from 1ms to 24h".to_owned()),
    }
}

/// The same, or `0s`.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    if text == "0s" { Ok(Duration::ZERO) } else { duration(text) }
}

/// The name of a message, as HAProxy's configuration gives it after `spoe-message`.
///
/// # Errors
///
/// If it is anything else: how it is written.
pub fn message_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('=') {
        return Err("the name of a message comes first: MESSAGE name=value".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:12345", "[::1]:12345"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for (bad, part) in [
            ("localhost", "write localhost:12345"),
            (":12345", "write 127.0.0.1:12345"),
            ("12345", "write 127.0.0.1:12345"),
            ("a:http", "\"http\" is not a port"),
            ("a:65536", "up to 65535"),
        ] {
            let error = address(bad).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("24h"), Ok(LONGEST));
        for bad in [
            "",
            "5",
            "s",
            "0s",
            "25h",
            "-1s",
            "1.5s",
            "5d",
            "99999999999999999999s",
            "400000000000000000m",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_forgotten_message_name_is_noticed() {
        assert_eq!(message_name("hello").as_deref(), Ok("hello"));
        assert!(message_name("ip=127.0.0.1").is_err());
        assert!(message_name("").is_err());
    }
}
