//! The pages that HAProxy shows: they need no second server and nothing from elsewhere.

/// A page of HAProxy's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// The answer to a request that is refused.
pub(super) const DENIED: Page = Page { name: "denied.html", text: include_str!("denied.html") };

/// The answer to a client that has to show that it is no bot.
pub(super) const CHALLENGE: Page =
    Page { name: "challenge.html", text: include_str!("challenge.html") };
