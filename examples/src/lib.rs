//! The examples are the programs in `src/bin`; what is here compiles the Rust code of the README and of the pages in `docs/`.

#[cfg(doctest)]
#[doc = include_str!("../../docs/arguments.md")]
mod arguments {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/deadlines.md")]
mod deadlines {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/first-handler.md")]
mod first_handler {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/layers.md")]
mod layers {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
mod testing {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/request-response.md")]
mod request_response {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/own-agent.md")]
mod own_agent {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/reload.md")]
mod reload {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/state.md")]
mod state {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/supervision.md")]
mod supervision {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/tokio.md")]
mod tokio {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/tracing.md")]
mod tracing {}
