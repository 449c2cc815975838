//! Quantities are written as they are read, and secrets are where their names say.

use std::{fs, path::PathBuf, time::Duration};

use proptest::prelude::*;
use spoa_handlers::value::{Percentage, Quantity, Rate, SecretError, SecretSource, Size};

fn read<Q: Quantity>(text: &str) -> Option<Q> {
    Q::read(text)
}

#[test]
fn units_are_read() {
    assert_eq!(read("150ms"), Some(Duration::from_millis(150)));
    assert_eq!(read("2 min"), Some(Duration::from_secs(120)));
    assert_eq!(read("0s"), Some(Duration::ZERO));
    assert_eq!(read("256MiB"), Some(Size(256 << 20)));
    assert_eq!(read("16k"), Some(Size(16 << 10)));
    assert_eq!(read("10/min"), Some(Rate { count: 10, per: Duration::from_secs(60) }));
    assert_eq!(read("5 / 10s"), Some(Rate { count: 5, per: Duration::from_secs(10) }));
    assert_eq!(read("12.5%").map(Percentage::share), Some(0.125));
    for text in ["", "150", "ms", "-1s", "1.5s", "1 s 2 ms", "99999999999999999999s", "1S", "367d"]
    {
        assert_eq!(read::<Duration>(text), None, "{text}");
    }
    for text in ["", "1MB", "17179869184GiB", "1.5k"] {
        assert_eq!(read::<Size>(text), None, "{text}");
    }
    for text in ["", "1", "1/", "/s", "0/s", "1/0s", "1/fortnight"] {
        assert_eq!(read::<Rate>(text), None, "{text}");
    }
    for text in ["", "%", "1", "100.01%", "-1%", "1.%", ".5%", "1.234%", "1e1%"] {
        assert_eq!(read::<Percentage>(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn quantities_are_written_as_they_are_read(number in 0..1_u64 << 40, part in 0..=10_000_u32) {
        let duration = Duration::from_micros(number);
        prop_assert_eq!(read::<Duration>(&duration.write()), Some(duration));
        prop_assert_eq!(read::<Size>(&Size(number).write()), Some(Size(number)));
        let rate = Rate { count: number + 1, per: Duration::from_micros(u64::from(part) + 1) };
        prop_assert_eq!(read::<Rate>(&rate.write()), Some(rate));
        let text = format!("{}.{:02}%", part / 100, part % 100);
        let percentage = read::<Percentage>(&text).unwrap();
        prop_assert_eq!(read::<Percentage>(&percentage.write()), Some(percentage));
    }
}

#[test]
fn a_secret_is_read_from_its_file_without_the_line_feed() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("secret");
    let file = SecretSource::File(path.clone());
    for (content, secret) in
        [("hunter2\n", "hunter2"), ("a\r\n", "a"), (" a\n\n", " a\n"), ("a", "a")]
    {
        fs::write(&path, content).unwrap();
        assert_eq!(file.read().ok().unwrap().expose(), secret.as_bytes());
    }
    fs::write(&path, "\n").unwrap();
    assert!(matches!(file.read(), Err(SecretError::Empty)));
    fs::write(&path, vec![b'a'; (64 << 10) + 1]).unwrap();
    assert!(matches!(file.read(), Err(SecretError::TooLong(_))));
    let missing = SecretSource::File(folder.join("no-secret")).read();
    assert!(missing.err().unwrap().to_string().starts_with("cannot read /"));
    let unset = SecretSource::Env("SPOA_NO_SUCH_VARIABLE".to_owned()).read().err().unwrap();
    assert_eq!(unset.to_string(), "the environment variable SPOA_NO_SUCH_VARIABLE is not set");
}
