//! `[log]`, `[trace]` and `[admin]`: what is seen of the agent.

words! {
    /// How a line of the log is written.
    pub enum LogFormat, "a format of the log" {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

settings! {
    /// What is logged, and how.
    pub struct LogSettings, "`[log]`" {
        /// The level, or levels by module, as in `RUST_LOG`.
        filter: String = "info".to_owned(),
        /// How a line is written.
        format: LogFormat = LogFormat::Text,
    }
}

settings! {
    /// Where traces go.
    pub struct TraceSettings, "`[trace]`" {
        /// The collector's address, for OTLP.
        otlp: String,
        /// Which part of the NOTIFYs without a sampled parent is traced, from 0 to 1.
        ratio: f64 = 0.01,
    }
}

settings! {
    /// The admin endpoint: metrics, health, the status page.
    pub struct AdminSettings, "`[admin]`" {
        /// Its address.
        tcp: String,
        /// The secret that requests to change something have to send.
        token: Option<crate::file::SecretName>,
    }
}
