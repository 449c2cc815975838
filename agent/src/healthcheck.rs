//! `healthcheck`: does what `option spop-check` does, and prints the verdict.

use std::io::{self, Write};

use spoa_actors::{ForeignText, testing::FakeHaproxy};
use spoa_load::EndpointError;

use crate::cli::HealthcheckOptions;

/// Says HELLO with `healthcheck`; what is no error is healthy.
pub(crate) async fn healthcheck(options: HealthcheckOptions) -> Result<(), EndpointError> {
    let hello = options.endpoint.converse(options.timeout, FakeHaproxy::healthcheck).await?;
    if !options.quiet {
        // The exit code is the verdict, even if nobody reads this line.
        let _ = writeln!(
            io::stdout(),
            "healthy: SPOP {}, max-frame-size {}",
            ForeignText::new(&hello.version),
            hello.max_frame_size
        );
    }
    Ok(())
}
