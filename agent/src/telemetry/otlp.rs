//! OTLP: where the collector of a signal is, and how it is spoken to.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use spoa_actors::{pem_file, regular_file};

use crate::telemetry::environment::{Environment, SettingError};

const TIMEOUT: Duration = Duration::from_secs(10);
const GRPC_PORT: u16 = 4317;
/// A bundle of all CAs has 0.25 MiB.
const LONGEST_FILE: u64 = 1 << 20;

/// Where the collector of one signal is, and how it is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Otlp {
    /// Of the signal: with its path for HTTP.
    pub(crate) url: Url,
    pub(crate) protocol: Protocol,
    pub(crate) headers: HeaderMap,
    /// The CA in PEM that is trusted instead of those of the system.
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) timeout: Duration,
    pub(crate) gzip: bool,
}

/// The certificate that the agent shows, and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// How OTLP travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Protocol {
    /// gRPC over HTTP/2, most often on port 4317
    Grpc,
    /// Protobuf over HTTP, most often on port 4318
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
        })
    }
}

/// What the options say; they win over the variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtlpFlags {
    pub(crate) url: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ca: Option<PathBuf>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Otlp {
    /// The settings of a signal, if there is a place to send it to.
    ///
    /// # Errors
    ///
    /// If a variable, an option or a file cannot be used.
    pub(crate) fn read(
        signal: Signal,
        flags: &OtlpFlags,
        environment: &Environment,
    ) -> Result<Option<Self>, SettingError> {
        let variables = Variables { signal, environment };
        let Some((source, url)) = variables.endpoint(flags) else { return Ok(None) };
        let is_whole = source != "--otlp" && source != "OTEL_EXPORTER_OTLP_ENDPOINT";
        let mut url = parse_url(&source, &url)?;
        let protocol = match flags.protocol {
            Some(protocol) => protocol,
            None => variables.protocol()?.unwrap_or_else(|| Protocol::usual(&url)),
        };
        if protocol == Protocol::HttpProtobuf && !is_whole {
            let path = format!("{}/v1/{}", url.path().trim_end_matches('/'), signal.path());
            url.set_path(&path);
        }
        let ca = match &flags.ca {
            Some(path) => Some(read_file("--otlp-ca", path, false)?),
            None => variables.file("CERTIFICATE")?,
        };
        let timeout = variables.name("TIMEOUT");
        Ok(Some(Self {
            url,
            protocol,
            headers: variables.headers(flags)?,
            ca,
            identity: variables.identity()?,
            timeout: environment.milliseconds(&timeout)?.unwrap_or(TIMEOUT),
            gzip: variables.gzip()?,
        }))
    }
}

impl Otlp {
    /// The URL as it may be shown: without name, password and query, which may be secrets.
    pub(crate) fn shown_url(&self) -> Url {
        let mut url = self.url.clone();
        // What has a host has room for both.
        let _ = url.set_username("").and(url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        url
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key is not for logs.
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Protocol {
    /// What most likely listens there.
    fn usual(url: &Url) -> Self {
        if url.port() == Some(GRPC_PORT) { Self::Grpc } else { Self::HttpProtobuf }
    }
}

impl Signal {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// The variables of a signal: its own win over those of all.
struct Variables<'a> {
    signal: Signal,
    environment: &'a Environment,
}

impl Variables<'_> {
    /// Which variable counts.
    fn name(&self, what: &str) -> String {
        let signal = self.signal.path().to_uppercase();
        let own = format!("OTEL_EXPORTER_OTLP_{signal}_{what}");
        match self.environment.text(&own) {
            Some(_) => own,
            None => format!("OTEL_EXPORTER_OTLP_{what}"),
        }
    }

    /// The option or variable that names it, and what it says.
    fn endpoint(&self, flags: &OtlpFlags) -> Option<(String, String)> {
        if let Some(url) = &flags.url {
            return Some(("--otlp".to_owned(), url.clone()));
        }
        let name = self.name("ENDPOINT");
        let url = self.environment.text(&name)?.to_owned();
        Some((name, url))
    }

    fn protocol(&self) -> Result<Option<Protocol>, SettingError> {
        let name = self.name("PROTOCOL");
        self.environment.read(&name, "write grpc or http/protobuf", |value| match value {
            "grpc" => Some(Protocol::Grpc),
            "http/protobuf" => Some(Protocol::HttpProtobuf),
            _ => None,
        })
    }

    fn gzip(&self) -> Result<bool, SettingError> {
        let name = self.name("COMPRESSION");
        let gzip = self.environment.read(&name, "write gzip or none", |value| match value {
            "gzip" => Some(true),
            "none" => Some(false),
            _ => None,
        });
        Ok(gzip?.unwrap_or(false))
    }

    fn headers(&self, flags: &OtlpFlags) -> Result<HeaderMap, SettingError> {
        let name = self.name("HEADERS");
        let of_variable = self.environment.pairs(&name)?;
        let of_variable = of_variable.iter().map(|pair| (name.as_str(), pair));
        let of_flags = flags.headers.iter().map(|pair| ("--otlp-header", pair));
        let mut headers = HeaderMap::new();
        for (source, (name, value)) in of_variable.chain(of_flags) {
            let (name, mut value) = header(source, name, value)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn identity(&self) -> Result<Option<Identity>, SettingError> {
        let names = ["CLIENT_CERTIFICATE", "CLIENT_KEY"];
        let is_named = |what| self.environment.path(&self.name(what)).is_some();
        let missing = |there: &str, missing: &str| {
            let (there, missing) = (self.name(there), self.name(missing));
            let value = self.environment.text(&there).unwrap_or_default().to_owned();
            Err(SettingError::new(&there, value, format!("name the other file with {missing}")))
        };
        let [certificate, key] = names;
        match names.map(is_named) {
            [false, false] => Ok(None),
            [true, false] => missing(certificate, key),
            [false, true] => missing(key, certificate),
            [true, true] => match (self.file(certificate)?, self.file(key)?) {
                (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
                _ => Ok(None),
            },
        }
    }

    fn file(&self, what: &str) -> Result<Option<Vec<u8>>, SettingError> {
        let name = self.name(what);
        let is_key = what == "CLIENT_KEY";
        self.environment.path(&name).map(|path| read_file(&name, &path, is_key)).transpose()
    }
}

fn parse_url(source: &str, text: &str) -> Result<Url, SettingError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.filter(Url::has_host).ok_or_else(|| {
        let fix = "write a URL such as http://localhost:4317, with https:// for TLS";
        SettingError::new(source, shown(text), fix)
    })
}

/// What is no URL, without what would be secret in one.
fn shown(text: &str) -> String {
    let is_scheme =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let split = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme));
    let (scheme, rest) = split.map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let place = match place.rsplit_once('@') {
        // A ? or # may be part of a password, an @ part of a query.
        _ if query.contains('@') => "…",
        Some((_, place)) => place,
        None => place,
    };
    scheme.map_or_else(|| place.to_owned(), |scheme| format!("{scheme}://{place}"))
}

fn header(
    source: &str,
    name: &str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), SettingError> {
    let wrong = |fix| SettingError::new(source, format_args!("{name}…"), fix);
    let header = name.to_lowercase().parse().map_err(|_| wrong("this is no name of a header"))?;
    let value = value.parse().map_err(|_| wrong("this value cannot stand in a header"))?;
    Ok((header, value))
}

/// The bytes of a file in PEM with certificates, or with a private key.
fn read_file(source: &str, path: &Path, is_key: bool) -> Result<Vec<u8>, SettingError> {
    let refused =
        |error: &dyn fmt::Display| SettingError::new(source, path.display(), error.to_string());
    let read =
        if is_key { pem_file::check_private_key(path) } else { pem_file::check_certificates(path) };
    read.map_err(|error| refused(&error))?;
    regular_file::read(path, LONGEST_FILE).map(|(bytes, _)| bytes).map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    fn read<const N: usize>(flags: &OtlpFlags, variables: [(&str, &str); N]) -> Otlp {
        let environment = Environment::from(variables);
        Otlp::read(Signal::Traces, flags, &environment).unwrap().unwrap()
    }

    fn url(url: &str) -> OtlpFlags {
        OtlpFlags { url: Some(url.to_owned()), ..OtlpFlags::default() }
    }

    #[test]
    fn the_url_of_a_signal_gets_its_path_and_one_of_its_own_does_not() {
        for (name, value, expected) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "http://c:4318/v1/traces"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c/otlp/", "https://c/otlp/v1/traces"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", "http://c:4317/"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/x", "http://c:4318/x"),
        ] {
            assert_eq!(read(&OtlpFlags::default(), [(name, value)]).url.as_str(), expected);
        }
    }

    #[test]
    fn the_port_tells_the_protocol_unless_it_is_told() {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        assert_eq!(read(&url("http://c:4317"), []).protocol, Protocol::Grpc);
        assert_eq!(read(&url("http://c:4318"), []).protocol, Protocol::HttpProtobuf);
        assert_eq!(read(&url("http://c:4317"), [protocol]).protocol, Protocol::HttpProtobuf);
        let flags = OtlpFlags { protocol: Some(Protocol::Grpc), ..url("http://c:4318") };
        assert_eq!(read(&flags, [protocol]).protocol, Protocol::Grpc);
    }

    #[test]
    fn variables_of_the_signal_win_and_options_over_all() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=two%20words"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let otlp = read(&OtlpFlags::default(), variables);
        assert_eq!((otlp.url.host_str(), otlp.timeout.as_millis()), (Some("traces"), 2));
        assert!(otlp.gzip && otlp.headers["b"] == "two words");

        let headers = vec![("A".to_owned(), "3".to_owned())];
        let otlp = read(&OtlpFlags { headers, ..url("http://flag:4318") }, variables);
        assert_eq!(otlp.url.host_str(), Some("flag"));
        assert!(otlp.headers["a"] == "3" && otlp.headers.len() == 2);
    }

    #[test]
    fn what_is_secret_is_not_in_an_error() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_HEADERS", "token=se\ncret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "to ken=secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "=secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "token=secret%ff"),
        ] {
            let environment = Environment::from([(name, value)]);
            let error = Otlp::read(Signal::Traces, &url("http://c"), &environment).unwrap_err();
            assert!(error.name == name && !error.to_string().contains("cret"), "{error}");
        }
    }

    #[test]
    fn what_is_secret_in_a_url_is_not_shown() {
        let otlp = read(&url("http://name:secret@c:4318/otlp"), []);
        assert_eq!(otlp.shown_url().as_str(), "http://c:4318/otlp/v1/traces");
        assert_eq!(otlp.url.password(), Some("secret"));
        let otlp = read(&url("http://c:4318/otlp?token=secret#secret"), []);
        assert_eq!(otlp.shown_url().as_str(), "http://c:4318/otlp/v1/traces");
        assert_eq!(otlp.url.query(), Some("token=secret"));
        for text in [
            "htp://name:secret@c/?secret",
            "name:secret@c",
            "http://?secret",
            "c#secret",
            "htp://name:secret#more@c",
            "htp://name:secret?more@c",
            "htp://c/?token=more@secret",
            "name:secret://more@c",
        ] {
            let error = Otlp::read(Signal::Traces, &url(text), &Environment::from([])).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_certificate_is_read_if_it_is_one() {
        let large = env::temp_dir().join(format!("spoa-large-{}", process::id()));
        fs::write(&large, vec![b'x'; LONGEST_FILE as usize + 1]).unwrap();
        for (ca, part) in [
            (Path::new("/dev/zero"), "it is not a regular file"),
            (Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), "-----BEGIN CERTIFI"),
            (&large, "it has more than 1024 KiB"),
        ] {
            let flags = OtlpFlags { ca: Some(ca.into()), ..url("https://c") };
            let error = Otlp::read(Signal::Traces, &flags, &Environment::from([])).unwrap_err();
            assert!(error.fix.contains(part), "{error}");
        }
        fs::remove_file(&large).unwrap();
    }

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        let variable =
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let environment = Environment::from([variable]);
        let error = Otlp::read(Signal::Traces, &url("https://c"), &environment).unwrap_err();
        assert!(error.fix.contains("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"), "{error}");
    }
}
