//! A suggestion: the name that was probably meant.

use strsim::osa_distance;

/// The longest name that is compared: the time that it takes grows with its square.
const LONGEST: usize = 64;
/// How many names are listed when none of them is near.
const LISTED: usize = 16;

/// The known name that is nearest to `name`, if at most a third of its letters differ.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let tolerance = (name.chars().count() / 3).max(1);
    let distances = known.into_iter().filter(|known| known.len() <= LONGEST).map(|known| {
        let distance = osa_distance(&lower, &known.to_lowercase());
        (distance, known)
    });
    let near = distances
        .filter(|(distance, known)| *distance <= tolerance && *distance < known.chars().count());
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// What is to be written instead of `name`: the nearest name, or which names there are.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<_> = known.into_iter().collect();
    if let Some(nearest) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let listed: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    match listed.split_last() {
        Some((only, [])) => Some(format!("only {only} is known here")),
        Some((last, rest)) if rest.len() < LISTED => {
            Some(format!("known here: {} and {last}", rest.join(", ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_understood() {
        let kinds = ["geoip", "jwt", "rules", "rate-limit", "ip-reputation"];
        for (typed, meant) in [
            ("jtw", "jwt"),
            ("ratelimit", "rate-limit"),
            ("rate_limit", "rate-limit"),
            ("GeoIP", "geoip"),
            ("ip-reputaton", "ip-reputation"),
        ] {
            assert_eq!(nearest(typed, kinds), Some(meant), "{typed}");
        }
        for typed in ["", "x", "lookup", "a".repeat(1_000_000).as_str()] {
            assert_eq!(nearest(typed, kinds), None, "{typed}");
        }
    }

    #[test]
    fn names_are_listed_where_none_is_near() {
        assert_eq!(suggestion("x", []), None);
        assert_eq!(suggestion("xyz", ["geo"]).unwrap(), "only `geo` is known here");
        assert_eq!(suggestion("xyz", ["geo", "who"]).unwrap(), "known here: `geo` and `who`");
        assert_eq!(suggestion("xyz", ["abcdef"; 18]), None);
    }
}
