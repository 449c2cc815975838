//! A detail: a variable of the verdict that only some decisions have.

words! {
    /// A variable of the verdict that only some decisions have.
    pub enum Detail, "a variable of the verdict" {
        /// Where a redirect leads.
        Location = "location",
        /// A line `Set-Cookie`.
        Cookie = "cookie",
        /// Another one.
        Cookie2 = "cookie2",
        /// The body of the answer.
        Body = "body",
        /// How many seconds the client waits before it comes again.
        RetryAfter = "retry_after",
        /// The header `WWW-Authenticate`.
        Authenticate = "authenticate",
    }
}
