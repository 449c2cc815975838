//! Options: the values of options that clap does not know how to read.

use std::time::Duration;

/// The longest duration: a wait beyond it is a typing error.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// `HOST:PORT`, the host as a name or an address.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("it has no port: write {text}:12345"));
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
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
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
        Some(size) if size > 0 => Ok(size),
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

/// The name of a message, as HAProxy's configuration gives it after `spoe-message`.
pub(crate) fn message_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('=') {
        return Err(
            "the name of a message comes first: spoa-agent call MESSAGE name=value".to_owned()
        );
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
    fn a_size_is_bytes_or_has_a_unit() {
        for (text, bytes) in
            [("512", 512), ("1KiB", 1024), ("256MiB", 256 << 20), ("2GiB", 2 << 30)]
        {
            assert_eq!(size(text), Ok(bytes));
        }
        for bad in ["", "0", "MiB", "1MB", "1.5GiB", "-1", "1 MiB", "99999999999999999999GiB"] {
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

    #[test]
    fn a_forgotten_message_name_is_noticed() {
        assert_eq!(message_name("hello").as_deref(), Ok("hello"));
        assert!(message_name("ip=127.0.0.1").is_err());
        assert!(message_name("").is_err());
    }
}
