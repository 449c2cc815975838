//! `rate-limit`: who has come too often.

use std::{collections::hash_map::RandomState, sync::Arc, time::Instant};

use super::key::{self, Key, OnMissing};
use crate::{
    chain::{Decides, Decision, Detail, Found, Kind, Made, Making, OwnVariable, Step, View},
    configuration::{Action, Status},
    expression::{Fault, Program, Scalar, Type as ExpressionType, Value},
    file::{List, Text},
    finding::Finding,
    kind::{Description, Reason, Settings, Type, Variable, WELL_KNOWN},
    table::{Allowance, Limit, Rates},
    value::Rate,
};

settings! {
    /// What `rate-limit` is set to.
    struct RateLimitSettings, "`rate-limit`" {
        /// Who is counted: an expression, or several that are one key together.
        key: List<Text>,
        /// How many pass in a time, on average.
        rate: Rate,
        /// How many pass at once; by default as many as `rate` has in its time.
        burst: Option<u32>,
        /// How many a message counts for: an expression that is a whole number.
        cost: Option<Text>,
        /// How many keys are remembered, of 16 bytes each; a new key replaces the one that is nearest to its full burst.
        max_keys: u32 = 100_000,
        /// What happens to a message that lacks a part of the key: it is not counted, or all such messages are one key.
        on_missing: OnMissing = OnMissing::Skip,
        /// How many bits of an IPv6 address count: a client has a whole network.
        ipv6_prefix: u16 = 64,
        /// The status of the answer to a request that is over the limit.
        status: Status = Status(429),
    }
}

/// The kind `rate-limit`.
pub(super) struct RateLimit;

const LIMITED: usize = 0;
const REMAINING: usize = 1;
const RETRY_AFTER: usize = 2;
const LIMIT: usize = 3;

const VARIABLES: &[Variable] = &[
    Variable::new("limited", Type::Bool, "whether the message is over the limit"),
    Variable::new("remaining", Type::Int, "how many pass at once from now on"),
    Variable::new("retry_after", Type::Int, "over the limit: after how many seconds one passes"),
    Variable::new("limit", Type::Int, "how many pass at once at most"),
];

const DESCRIPTION: Description = Description {
    name: "rate-limit",
    summary: "Counts messages by a key, and denies those that are over a rate.",
    arguments: WELL_KNOWN,
    variables: VARIABLES,
    reasons: &[Reason::new("over_limit", "the key came too often")],
    settings: RateLimitSettings::SETTINGS,
    example: r#"
[handler.login_limit]
kind = "rate-limit"
when = "path == '/login' && method == 'POST'"
key = "ip"
rate = "10/min"
burst = 5
"#,
};

impl Kind for RateLimit {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: RateLimitSettings = making.settings()?;
        let key = Key::read(&settings.key, settings.ipv6_prefix, settings.on_missing, making);
        let keys = key::most(settings.max_keys, making);
        let cost = match &settings.cost {
            Some(cost) => whole_number(cost, making).map(Some),
            None => Some(None),
        };
        let limit = limit(&settings, making);
        let (key, keys, cost, (limit, burst)) = (key?, keys?, cost?, limit?);
        let identity = Key::identity(&settings.key, settings.ipv6_prefix);
        let counted = making.shared(&format!("rate-limit {identity} {keys}"), || Counted {
            hasher: RandomState::new(),
            rates: Rates::new(keys, Instant::now()),
        });
        let mut decides = Decides::nothing();
        decides.add(Action::Deny, Some(settings.status.into()));
        decides.add_text(Detail::RetryAfter);
        let status = settings.status.into();
        let step = Limiting { counted, key, cost, limit, burst, status };
        let variables = VARIABLES.iter().map(OwnVariable::of).collect();
        Some(Made { step: Box::new(step), variables, decides })
    }
}

fn limit(settings: &RateLimitSettings, making: &mut Making<'_, '_>) -> Option<(Limit, u32)> {
    let burst = settings.burst.or_else(|| u32::try_from(settings.rate.count).ok());
    let limit = burst.and_then(|burst| Some((Limit::new(settings.rate, burst)?, burst)));
    if limit.is_none() {
        let finding = Finding::error("this rate and burst cannot be kept")
            .at(making.place("rate"), "too fast, too slow, or a burst of 0")
            .help("write up to 4000000/s, and a burst that is full again within 200 days");
        making.add(finding);
    }
    limit
}

fn whole_number(text: &Text, making: &mut Making<'_, '_>) -> Option<Program> {
    let program = making.expression(text)?;
    if program.value_type() == ExpressionType::One(Scalar::Int) {
        return Some(program);
    }
    let own = program.value_type();
    let finding = Finding::error(format!("`cost` is a whole number, and this is {own}"))
        .at(text.place(), format!("is {own}"))
        .help("write an expression such as `body_size / 1024 + 1`");
    making.add(finding);
    None
}

/// What all chains that run the handler count in.
struct Counted {
    hasher: RandomState,
    rates: Rates,
}

struct Limiting {
    counted: Arc<Counted>,
    key: Key,
    cost: Option<Program>,
    limit: Limit,
    burst: u32,
    status: u16,
}

impl Step for Limiting {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let Some(key) = self.key.of(view, &self.counted.hasher) else { return Err(Fault::Absent) };
        let cost = match self.cost.as_ref().map(|cost| cost.value(view)).transpose()? {
            Some(Value::Int(cost)) => u32::try_from(cost.max(0)).unwrap_or(u32::MAX),
            _ => 1,
        };
        let allowance = self.counted.rates.take(&key, &self.limit, cost, Instant::now());
        found.set(LIMIT, Value::Int(self.burst.into()));
        match allowance {
            Allowance::Allowed { remaining } => {
                found.set(LIMITED, Value::Bool(false));
                found.set(REMAINING, Value::Int(remaining.into()));
                Ok(None)
            }
            Allowance::Limited { retry_after } => {
                found.set(LIMITED, Value::Bool(true));
                found.set(REMAINING, Value::Int(0));
                let denied = Decision::new(Action::Deny, "over_limit").status(self.status);
                let Some(wait) = retry_after else { return Ok(Some(denied)) };
                let seconds = i64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX);
                found.set(RETRY_AFTER, Value::Int(seconds));
                Ok(Some(denied.with(Detail::RetryAfter, Value::Int(seconds))))
            }
        }
    }
}
