//! Unrouted: messages without a route by name, to compare with HAProxy's configuration.

use std::{cell::RefCell, slice, time::Duration};

use tokio::time::Instant;

use super::argument_seen::ArgumentSeen;
use crate::spop::{ForeignText, MessageRef};

/// How many names are stored, per arbiter and for the agent: a peer can invent any number.
const MOST: usize = 32;
/// How many bytes of a name are stored.
const LONGEST: usize = 64;
/// A name that was not seen for this long is replaced by a new one.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// Messages of one name without a route. They add nothing to their ACK.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnroutedMessage {
    /// The name, as [`ForeignText`] shows it: up to 64 bytes.
    pub message: String,
    /// How many messages arrived since the name was stored.
    pub count: u64,
    /// The time since the last one.
    pub last_seen: Duration,
    /// The arguments of a recent message, in wire order.
    pub arguments: Vec<ArgumentSeen>,
}

/// The messages without a route on one arbiter.
///
/// The first names are stored. A further name is stored only when one of them was not seen for a
/// while. So invented names neither take memory nor displace the names that an operator looks for.
#[derive(Debug, Default)]
pub(crate) struct Unrouted(RefCell<Vec<Seen>>);

#[derive(Debug)]
struct Seen {
    name: Box<[u8]>,
    shown: String,
    count: u64,
    last: Instant,
    arguments: Vec<ArgumentSeen>,
    /// Whether to store the arguments of the next message.
    is_curious: bool,
}

impl Unrouted {
    /// Counts a message without a route.
    pub(crate) fn count(&self, message: &MessageRef<'_>) {
        let name = message.name();
        let kept = name.get(..LONGEST).unwrap_or(name);
        let now = Instant::now();
        let mut all = self.0.borrow_mut();
        if let Some(seen) = all.iter_mut().find(|seen| *seen.name == *kept) {
            seen.count += 1;
            seen.last = now;
            if std::mem::take(&mut seen.is_curious) {
                seen.arguments = ArgumentSeen::all_of(slice::from_ref(message));
            }
            return;
        }
        if all.len() == MOST {
            let Some(oldest) = (0..MOST).min_by_key(|&nth| all[nth].last) else { return };
            if now - all[oldest].last < FORGOTTEN {
                return;
            }
            all.swap_remove(oldest);
        }
        all.push(Seen {
            name: kept.into(),
            shown: ForeignText::new(name).up_to(LONGEST).to_string(),
            count: 1,
            last: now,
            arguments: ArgumentSeen::all_of(slice::from_ref(message)),
            is_curious: false,
        });
    }

    /// The messages so far. The next message's arguments are stored, for the next request.
    pub(super) fn snapshot(&self) -> Vec<UnroutedMessage> {
        let mut all = self.0.borrow_mut();
        let shown = all.iter_mut().map(|seen| {
            seen.is_curious = true;
            UnroutedMessage {
                message: seen.shown.clone(),
                count: seen.count,
                last_seen: seen.last.elapsed(),
                arguments: seen.arguments.clone(),
            }
        });
        shown.collect()
    }
}

/// Adds the messages of another arbiter; keeps the most frequent names.
pub(super) fn add_all(sum: &mut Vec<UnroutedMessage>, others: &[UnroutedMessage]) {
    for other in others {
        match sum.iter_mut().find(|one| one.message == other.message) {
            Some(one) => {
                if other.last_seen < one.last_seen {
                    one.arguments.clone_from(&other.arguments);
                    one.last_seen = other.last_seen;
                }
                one.count += other.count;
            }
            None => sum.push(other.clone()),
        }
    }
    sum.sort_by_key(|one| std::cmp::Reverse(one.count));
    sum.truncate(MOST);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::Message;

    fn names(unrouted: &Unrouted) -> Vec<String> {
        unrouted.snapshot().into_iter().map(|one| one.message).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_somebody_invents_take_no_memory_and_push_out_nothing_that_is_seen() {
        let unrouted = Unrouted::default();
        let sound = Message::new("check-client");
        unrouted.count(&sound.as_ref());
        for round in 0..3 {
            for number in 0..1000 {
                unrouted.count(&Message::new(format!("{round}-{number}")).as_ref());
            }
            tokio::time::advance(FORGOTTEN / 2).await;
            unrouted.count(&sound.as_ref());
            tokio::time::advance(FORGOTTEN / 2).await;
        }
        let seen = unrouted.snapshot();
        assert_eq!(seen.len(), MOST);
        let sound = seen.iter().find(|one| one.message == "check-client").unwrap();
        assert_eq!((sound.count, sound.last_seen), (4, FORGOTTEN / 2));
        assert!(seen.iter().any(|one| one.message == "2-0"), "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn arguments_are_looked_at_again_when_somebody_has_asked() {
        let unrouted = Unrouted::default();
        let arguments = |unrouted: &Unrouted| -> Vec<(String, &str, Option<usize>)> {
            let seen = unrouted.snapshot().remove(0).arguments;
            seen.into_iter().map(|one| (one.name, one.kind, one.length)).collect()
        };
        unrouted.count(&Message::new("m").arg("ip\n", true).as_ref());
        unrouted.count(&Message::new("m").arg("other", "x").as_ref());
        assert_eq!(arguments(&unrouted), [("ip\\n".into(), "bool", None)]);
        unrouted.count(&Message::new("m").arg("other", "xyz").as_ref());
        assert_eq!(arguments(&unrouted), [("other".into(), "string", Some(3))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hostile_name_is_one_short_line() {
        let unrouted = Unrouted::default();
        unrouted.count(&Message::new("a\n\u{1b}[2J").as_ref());
        unrouted.count(&Message::new([0xff; 9000]).as_ref());
        assert_eq!(names(&unrouted)[0], r"a\n\u{1b}[2J");
        assert_eq!(names(&unrouted)[1], format!("{}… (9000 bytes)", r"\xff".repeat(16)));
    }

    #[tokio::test(start_paused = true)]
    async fn of_all_arbiters_the_most_frequent_are_kept() {
        let one = |message: String, count, last_seen, kind| UnroutedMessage {
            message,
            count,
            last_seen: Duration::from_secs(last_seen),
            arguments: vec![ArgumentSeen { name: String::new(), kind, length: None }],
        };
        let mut sum = vec![one("m".into(), 3, 9, "bool")];
        let more = |nth| one(format!("n{nth}"), 1, 1, "bool");
        let others: Vec<_> = (0..100).map(more).chain([one("m".into(), 2, 4, "ipv4")]).collect();
        add_all(&mut sum, &others);
        assert_eq!((sum.len(), &sum[0]), (MOST, &one("m".into(), 5, 4, "ipv4")));
    }
}
