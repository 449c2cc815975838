//! Reputation: what several sets of lists say together of an address.

use std::{net::IpAddr, sync::Arc};

use crate::{data::Followed, table::IpSet};

/// What all lists that name an address say of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reputation {
    /// The highest score.
    pub(crate) score: Option<u8>,
    /// In the order of the alphabet.
    pub(crate) tags: Vec<Arc<str>>,
    /// In the order of the sets.
    pub(crate) lists: Vec<Arc<str>>,
}

/// What is known of an address: of one that is in no list, only if no set is missing.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// It is in a list.
    Listed(Reputation),
    /// It is in none.
    Clean,
    /// It is in none that there are, and one is missing.
    NoData,
}

/// Looks an address up in each of the sets. It allocates nothing for one that is in none.
pub(crate) fn known(sets: &[Followed<IpSet>], address: IpAddr) -> Known {
    let mut reputation: Option<Reputation> = None;
    let mut is_whole = true;
    for set in sets {
        let current = set.current();
        let Some(table) = current.table() else {
            is_whole = false;
            continue;
        };
        let Some(listed) = table.get(address) else { continue };
        let all = reputation.get_or_insert_default();
        all.score = all.score.max(listed.score);
        all.tags.extend(listed.tags.iter().cloned());
        all.lists.extend(listed.lists.iter().cloned());
    }
    match reputation {
        Some(mut reputation) => {
            reputation.tags.sort_unstable();
            reputation.tags.dedup();
            Known::Listed(reputation)
        }
        None if is_whole => Known::Clean,
        None => Known::NoData,
    }
}
