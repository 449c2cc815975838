//! A test as its section describes it.

use super::{arguments::Arguments, expected::Expectations, test_data::TestData};
use crate::{
    file::{List, Text},
    kind::{Setting, Settings},
};

settings! {
    /// A test.
    pub(super) struct TestSettings, "`[[test]]`" {
        /// What it shows.
        name: String,
        /// The name of the message, or of its section.
        message: Text,
        /// Data sets for this test in place of those of the file: what each has by key.
        data: TestData = TestData::default(),
        /// The cases, in order: all of them run over the same handlers, which remember those before.
        cases: List<Case>,
    }
}

settings! {
    /// A case.
    pub(super) struct Case, "a case" {
        /// The arguments of the message.
        args: Arguments = Arguments::default(),
        /// Variables, and what each of them is: of the verdict, of handlers as `handler.variable`, or of HAProxy as `txn.name`; `"unset"` for none.
        expect: Expectations,
    }
}

/// The settings of a test.
pub const TEST_SETTINGS: &[Setting] = TestSettings::SETTINGS;
