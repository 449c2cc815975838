//! `ip-reputation`: what lists say of the address of a client.

use std::{net::IpAddr, sync::Arc};

use super::{
    data_names::DataNames,
    judgement::{Judgement, OnStale},
};
use crate::{
    chain::{Decision, Found, Kind, Made, Making, OwnVariable, OwnView, Step, View},
    configuration::{Action, Status},
    data::Followed,
    expression::{Fault, List, Slot, Value},
    file::Text,
    handler::{Known, Reputation, known},
    kind::{Argument, Description, Reason, Settings, Type, Variable},
    resource::Score,
    table::IpSet,
};

settings! {
    /// What `ip-reputation` is set to.
    struct IpReputationSettings, "`ip-reputation`" {
        /// The lists: one or more data sets of the kind `ip-list`.
        data: DataNames,
        /// Lists of addresses that are always allowed.
        allow_data: Option<DataNames>,
        /// A condition over the handler's own variables, such as `"score >= 80"`. If it holds, the request is denied.
        deny: Option<Text>,
        /// A condition of the same kind. If it holds, the request is allowed, and the chain ends.
        allow: Option<Text>,
        /// The status of the answer to a request that is denied.
        status: Option<Status>,
        /// The score of an address that is in no list, or in lists without scores.
        default_score: Score = Score::NONE,
        /// What happens while data is stale.
        on_stale: OnStale = OnStale::Use,
    }
}

/// The kind `ip-reputation`.
pub(super) struct IpReputation;

const LISTED: usize = 0;
const SCORE: usize = 1;
const TAGS: usize = 2;
const LIST: usize = 3;
const LISTS: usize = 4;
const STALE: usize = 5;
const ERROR: usize = 6;

const VARIABLES: &[Variable] = &[
    Variable::new("listed", Type::Bool, "whether a list has the address"),
    Variable::new("score", Type::Int, "the highest score of the address, from 0 to 100"),
    Variable::new("tags", Type::Text, "the tags of the address; unset if it has none").list(),
    Variable::new("list", Type::Text, "the first list that has the address"),
    Variable::new("lists", Type::Text, "all lists that have the address").list(),
    Variable::new("stale", Type::Bool, "whether the data is older than its files, or too old"),
    Variable::new("error", Type::Text, "why nothing is known:").one_of(&["no_address", "no_data"]),
];

const DESCRIPTION: Description = Description {
    name: "ip-reputation",
    summary: "Looks the client's address up in block lists, and denies by score, tags or list.",
    arguments: &[Argument::new("ip", Type::Ip, "src", "address of the client")],
    variables: VARIABLES,
    reasons: &[
        Reason::new("listed", "`deny` holds"),
        Reason::new("allowed", "`allow` holds, or a list of `allow_data` has the address"),
        Reason::new("stale", "the data is stale, and `on_stale` decides"),
    ],
    settings: IpReputationSettings::SETTINGS,
    example: r#"
[handler.reputation]
kind = "ip-reputation"
data = "blocklists"
deny = "score >= 80 || 'ban' in tags"

[data.blocklists]
kind = "ip-list"
files = ["lists/*.netset", "lists/own.csv"]
"#,
};

impl Kind for IpReputation {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: IpReputationSettings = making.settings()?;
        let ip = making.argument("ip");
        let lists = settings.data.ip_lists(making);
        let allowed = match &settings.allow_data {
            Some(names) => names.ip_lists(making),
            None => Some(Vec::new()),
        };
        let variables: Vec<_> = VARIABLES.iter().map(OwnVariable::of).collect();
        let conditions = (settings.allow.as_ref(), settings.deny.as_ref());
        let common = (settings.on_stale, settings.status.map(u16::from));
        let judgement = Judgement::read(conditions, common, &variables, making)?;
        let (lists, allowed) = (lists?, allowed?);
        let mut decides = judgement.decides();
        if !allowed.is_empty() {
            decides.add(Action::Allow, None);
        }
        let default_score = i64::from(settings.default_score.value());
        let step = Lookup { ip: ip?, lists, allowed, default_score, judgement };
        Some(Made { step: Box::new(step), variables, decides })
    }
}

struct Lookup {
    ip: Slot,
    lists: Vec<Followed<IpSet>>,
    allowed: Vec<Followed<IpSet>>,
    default_score: i64,
    judgement: Judgement,
}

impl Step for Lookup {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let Some(ip) = view.ip(self.ip) else {
            found.set(ERROR, Value::text("no_address"));
            return Err(Fault::Absent);
        };
        let (is_whole, is_stale) = self.look_up(ip, found);
        if !self.allowed.is_empty() && matches!(known(&self.allowed, ip), Known::Listed(_)) {
            return Ok(Some(Decision::new(Action::Allow, "allowed")));
        }
        if !is_whole {
            return Err(Fault::NoData);
        }
        self.judgement.decide(&OwnView::new(found, view), (true, is_stale), "listed")
    }
}

impl Lookup {
    /// Sets the variables; whether enough data is there, and whether it is stale.
    fn look_up(&self, ip: IpAddr, found: &mut Found<'_>) -> (bool, bool) {
        let listed = match known(&self.lists, ip) {
            Known::NoData => {
                found.set(ERROR, Value::text("no_data"));
                return (false, false);
            }
            Known::Clean => None,
            Known::Listed(listed) => Some(listed),
        };
        let is_stale = self.lists.iter().any(Followed::is_stale);
        found.set(LISTED, Value::Bool(listed.is_some()));
        found.set(STALE, Value::Bool(is_stale));
        let Reputation { score, tags, lists } = listed.unwrap_or_default();
        found.set(SCORE, Value::Int(score.map_or(self.default_score, i64::from)));
        if let [first, ..] = &lists[..] {
            found.set(LIST, text(first));
            found.set(LISTS, texts(&lists));
        }
        if !tags.is_empty() {
            found.set(TAGS, texts(&tags));
        }
        (true, is_stale)
    }
}

fn text(text: &Arc<str>) -> Value<'static> {
    Value::Text(text.to_string().into())
}

fn texts(all: &[Arc<str>]) -> Value<'static> {
    Value::List(List::Owned(all.iter().map(text).collect()))
}
