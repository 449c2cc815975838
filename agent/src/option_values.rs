//! Option values: the values of options that clap does not know how to read.

use std::{fmt, ops::RangeInclusive, time::Duration};

use crate::program;

/// The longest duration: a wait beyond it is a typing error.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Examples in errors.
const EXAMPLES: &str = "500ms, 2s, 1m or 12h";

/// Parses `HOST:PORT`, the host as a name or an address.
///
/// # Errors
///
/// For any other text: the correct format.
pub(crate) fn address(text: &str) -> Result<String, String> {
    if let Some(path) = text.strip_prefix("unix@") {
        return Err(of_a_path(path));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some(("*", port)) => {
            return Err(format!("write 0.0.0.0:{port}, or [::]:{port} for IPv6 as well"));
        }
        Some(parts) => parts,
        None if text.is_empty() => return Err("it is empty: write 127.0.0.1:12345".to_owned()),
        None if text.parse::<u16>().is_ok() => ("", text),
        None if text.starts_with('/') => return Err(of_a_path(text)),
        None => return Err(format!("it has no port: write {text}:12345")),
    };
    if let Some((_, address)) = text.split_once("://") {
        return Err(format!("it is no URL: write {address}"));
    }
    if host == "unix" {
        return Err(of_a_path(port));
    }
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

fn of_a_path(path: &str) -> String {
    format!("a UNIX socket has an option of its own: write --unix {path}")
}

/// Parses a whole number and a unit, from `1ms` to `24h`.
///
/// # Errors
///
/// For any other text: the correct format.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = milliseconds(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("write a duration from 1ms to 24h, such as {EXAMPLES}"))
}

/// Parses a duration as [`duration`], or `0s`.
///
/// # Errors
///
/// For any other text: the correct format.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let form = || format!("write 0s or a duration from 1ms to 24h, such as {EXAMPLES}");
    milliseconds(text).ok_or_else(form)
}

/// `None` if it is not a duration, or exceeds a day.
fn milliseconds(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = times(number, milliseconds).map(Duration::from_millis);
    duration.filter(|duration| *duration <= LONGEST)
}

/// A parser of counts in these bounds: a whole number, or one with `k` or `m`, for thousands and
/// millions.
///
/// Its errors have the allowed values and the example, which is in the bounds.
pub(crate) fn count<T: TryFrom<u64>>(
    bounds: RangeInclusive<u64>,
    example: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (number, unit) = split(text);
        let factor = match unit {
            "" => Some(1),
            "k" | "K" => Some(1000),
            "m" | "M" => Some(1_000_000),
            _ => None,
        };
        let count = factor.and_then(|factor| times(number, factor));
        let count = count.filter(|count| bounds.contains(count)).and_then(|c| c.try_into().ok());
        count.ok_or_else(|| {
            let least = bounds.start();
            let to_most = match *bounds.end() {
                u64::MAX => " on".to_owned(),
                most => format!(" to {most}"),
            };
            format!("write a whole number from {least}{to_most}, such as {example}")
        })
    }
}

/// A parser of sizes in these bounds: a whole number of bytes, or one with a unit, as in HAProxy's
/// configuration: `k`, `m` and `g`, or `KiB`, `MiB` and `GiB`, which are powers of 1024.
///
/// Its errors have the allowed values and the example, which is in the bounds.
pub(crate) fn size<T: TryFrom<u64>>(
    bounds: RangeInclusive<u64>,
    example: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (number, unit) = split(text);
        let factor = match &*unit.to_ascii_lowercase() {
            "" | "b" => Some(1),
            "k" | "kib" => Some(1 << 10),
            "m" | "mib" => Some(1 << 20),
            "g" | "gib" => Some(1 << 30),
            _ => None,
        };
        let size = factor.and_then(|factor| times(number, factor));
        let size = size.filter(|size| bounds.contains(size)).and_then(|size| size.try_into().ok());
        size.ok_or_else(|| {
            let (least, most) = (Size(*bounds.start()), Size(*bounds.end()));
            format!(
                "write a size from {least} to {most} bytes, such as {example} (k, m and g are \
                 powers of 1024)"
            )
        })
    }
}

/// The size of something to send: up to the largest frame that can be announced.
pub(crate) const FRAME: RangeInclusive<u64> = 0..=1 << 24;

/// Parses a process id.
///
/// # Errors
///
/// For any other text: how to find the process id.
pub(crate) fn pid(text: &str) -> Result<u32, String> {
    let pid = text.parse().ok().filter(|&pid| pid > 0);
    let form = || format!("write the number of a process, such as $(pidof {})", program::called());
    pid.ok_or_else(form)
}

/// Formatted in the shortest way.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "g"), (20, "m"), (10, "k"), (0, "")];
        let is_whole = |shift: u32| self.0 > 0 && self.0.trailing_zeros() >= shift;
        let (shift, unit) =
            units.into_iter().find(|&(shift, _)| is_whole(shift)).unwrap_or((0, ""));
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

/// The leading digits of a text, and the rest.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

/// `None` if it is not a number, or too large.
fn times(number: &str, factor: u64) -> Option<u64> {
    number.parse().ok().and_then(|number: u64| number.checked_mul(factor))
}

/// Parses the name of a message, as after `spoe-message` in HAProxy's configuration.
///
/// # Errors
///
/// For any other text: the correct format.
pub(crate) fn message_name(text: &str) -> Result<String, String> {
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
            ("tcp://127.0.0.1:12345", "write 127.0.0.1:12345"),
            ("unix:/run/spoa.sock", "write --unix /run/spoa.sock"),
            ("/run/spoa.sock", "write --unix /run/spoa.sock"),
            // HAProxy's own format.
            ("unix@/run/spoa.sock", "write --unix /run/spoa.sock"),
            ("*:12345", "write 0.0.0.0:12345, or [::]:12345 for IPv6 as well"),
            ("", "it is empty: write 127.0.0.1:12345"),
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
    fn only_a_duration_that_may_be_none_is_zero() {
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
        assert_eq!(duration_or_zero("0ms"), Ok(Duration::ZERO));
        for bad in ["0", "25h", "s", ""] {
            let error = duration_or_zero(bad).unwrap_err();
            assert!(error.contains(EXAMPLES), "{error}");
        }
    }

    #[test]
    fn a_count_may_have_a_unit() {
        let count = count::<u32>(1..=2_000_000, "16 or 1k");
        for (text, number) in [("1", 1), ("1k", 1000), ("20K", 20_000), ("2m", 2_000_000)] {
            assert_eq!(count(text), Ok(number));
        }
        for bad in ["", "0", "k", "-1", "1.5k", "1 k", "1e3", "3m", "1kk", "99999999999999999999m"]
        {
            let error = count(bad).unwrap_err();
            assert_eq!(error, "write a whole number from 1 to 2000000, such as 16 or 1k", "{bad}");
        }
    }

    #[test]
    fn a_size_is_bytes_or_has_a_unit_as_in_haproxy() {
        let size = size::<usize>(1..=1 << 40, "16k");
        for (text, bytes) in [
            ("512", 512),
            ("1b", 1),
            ("16k", 16 << 10),
            ("1KiB", 1 << 10),
            ("256MiB", 256 << 20),
            ("256m", 256 << 20),
            ("2G", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes));
        }
        for bad in ["", "0", "MiB", "1MB", "1.5g", "-1", "1 MiB", "1025g", "99999999999999999999g"]
        {
            let error = size(bad).unwrap_err();
            assert!(error.contains("write a size from 1 to 1024g bytes, such as 16k"), "{error}");
        }
    }

    #[test]
    fn a_forgotten_message_name_is_noticed() {
        assert_eq!(message_name("hello").as_deref(), Ok("hello"));
        assert!(message_name("ip=127.0.0.1").is_err());
        assert!(message_name("").is_err());
    }
}
