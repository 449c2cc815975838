//! `ban`: who has done something too often, and is out for a time.
//!
//! One section serves both messages: the one of the response counts, the one of the request is denied. That a
//! message counts is a condition, which the other message does not meet.

use std::{
    collections::hash_map::RandomState,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::key::{self, Key, OnMissing};
use crate::{
    chain::{Decides, Decision, Detail, Found, Kind, Made, Making, OwnVariable, Step, View},
    configuration::{Action, Status},
    expression::{Fault, Program, Value},
    file::{List, Text},
    finding::Finding,
    kind::{Description, Reason, Settings, Type, Variable, WELL_KNOWN},
    table::{BanRule, Bans, Standing},
};

settings! {
    /// What `ban` is set to.
    struct BanSettings, "`ban`" {
        /// Who is counted: an expression, or several that are one key together.
        key: List<Text>,
        /// Which messages count, such as `status == 401`; all others only look.
        count: Text,
        /// Which messages forgive what was counted, such as `path == '/login' && status == 302`.
        forgive: Option<Text>,
        /// How many within the window are too many: up to 4095.
        threshold: u32,
        /// The time in which they are counted.
        window: Duration,
        /// How long a ban lasts.
        lasts: Duration,
        /// How many keys are remembered, of 16 bytes each; a new key replaces the one that was counted least.
        max_keys: u32 = 100_000,
        /// What happens to a message that lacks a part of the key: it is not counted, or all such messages are one key.
        on_missing: OnMissing = OnMissing::Skip,
        /// How many bits of an IPv6 address count: a client has a whole network.
        ipv6_prefix: u16 = 64,
        /// The status of the answer to a request that is denied.
        status: Status = Status(403),
    }
}

/// The kind `ban`.
pub(super) struct Ban;

const BANNED: usize = 0;
const COUNT: usize = 1;
const REMAINING: usize = 2;
const UNTIL: usize = 3;

const VARIABLES: &[Variable] = &[
    Variable::new("banned", Type::Bool, "whether the key is banned"),
    Variable::new("count", Type::Int, "not banned: how many were counted within the window"),
    Variable::new("remaining", Type::Int, "banned: for how many seconds still"),
    Variable::new("until", Type::Int, "banned: until when, in seconds since 1970"),
];

const DESCRIPTION: Description = Description {
    name: "ban",
    summary: "Counts what a key does, such as failed logins, and denies the key for a time once it is too much.",
    arguments: WELL_KNOWN,
    variables: VARIABLES,
    reasons: &[Reason::new("banned", "the key is banned")],
    settings: BanSettings::SETTINGS,
    example: r#"
[handler.bad_logins]
kind = "ban"
key = "ip"
count = "status == 401"
threshold = 5
window = "1m"
lasts = "10m"
"#,
};

impl Kind for Ban {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: BanSettings = making.settings()?;
        let key = Key::read(&settings.key, settings.ipv6_prefix, settings.on_missing, making);
        let keys = key::most(settings.max_keys, making);
        let count = making.condition(&settings.count);
        let forgive = match &settings.forgive {
            Some(forgive) => making.condition(forgive).map(Some),
            None => Some(None),
        };
        let rule = BanRule::new(settings.threshold, settings.window, settings.lasts);
        if rule.is_none() {
            let finding = Finding::error("this ban cannot be kept")
                .at(making.place("threshold"), "not from 1 to 4095, or a time of 0")
                .help("write a threshold from 1 to 4095, and `window` and `lasts` of 1ms or more");
            making.add(finding);
        }
        let (key, keys, window) = (key?, keys?, settings.window);
        let (count, forgive, rule) = (count?, forgive?, rule?);
        let identity = Key::identity(&settings.key, settings.ipv6_prefix);
        // What was counted in windows of another length means nothing in these.
        let shared = making.shared(&format!("ban {identity} {keys} {window:?}"), || Counted {
            hasher: RandomState::new(),
            bans: Bans::new(keys, Instant::now()),
        });
        let mut decides = Decides::nothing();
        decides.add(Action::Deny, Some(settings.status.into()));
        decides.add_text(Detail::RetryAfter);
        let step = Banning { shared, key, count, forgive, rule, status: settings.status.into() };
        let variables = VARIABLES.iter().map(OwnVariable::of).collect();
        Some(Made { step: Box::new(step), variables, decides })
    }
}

/// What all chains that run the handler count in.
struct Counted {
    hasher: RandomState,
    bans: Bans,
}

struct Banning {
    shared: Arc<Counted>,
    key: Key,
    count: Program,
    forgive: Option<Program>,
    rule: BanRule,
    status: u16,
}

impl Step for Banning {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let Some(key) = self.key.of(view, &self.shared.hasher) else { return Err(Fault::Absent) };
        let (bans, rule, now) = (&self.shared.bans, &self.rule, Instant::now());
        let is_forgiven = self.forgive.as_ref().map_or(Ok(false), |forgive| forgive.test(view))?;
        let standing = if is_forgiven {
            bans.forgive(&key, rule, now)
        } else if self.count.test(view)? {
            bans.count(&key, rule, now)
        } else {
            bans.standing(&key, rule, now)
        };
        match standing {
            Standing::Free { count } => {
                found.set(BANNED, Value::Bool(false));
                found.set(COUNT, Value::Int(count.into()));
                Ok(None)
            }
            Standing::Banned { remaining } => {
                let seconds = i64::try_from(remaining.as_millis().div_ceil(1_000));
                let seconds = seconds.unwrap_or(i64::MAX);
                found.set(BANNED, Value::Bool(true));
                found.set(REMAINING, Value::Int(seconds));
                found.set(UNTIL, Value::Int(until(remaining)));
                let denied = Decision::new(Action::Deny, "banned").status(self.status);
                Ok(Some(denied.with(Detail::RetryAfter, Value::Int(seconds))))
            }
        }
    }
}

/// When it is, in seconds since 1970.
fn until(remaining: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from((now + remaining).as_secs()).unwrap_or(i64::MAX)
}
