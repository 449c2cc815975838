//! Announcement: the one line with the served messages, the addresses and a command to try.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use crate::{
    admin::ServedAt,
    ask::endpoint_options::DEFAULT_ADDRESS,
    program::{self, Program},
    telemetry::line_queue::LineQueue,
};

/// What is served, and where.
pub(crate) struct Announcement<'a> {
    pub(crate) program: &'a Program,
    pub(crate) addresses: &'a [SocketAddr],
    pub(crate) paths: &'a [PathBuf],
    /// The messages that are answered.
    pub(crate) names: &'a [String],
    pub(crate) admin: Option<&'a ServedAt>,
    /// The options that `call` needs over TCP, and over UNIX.
    pub(crate) options: [String; 2],
}

impl Announcement<'_> {
    /// Prints the line.
    pub(crate) fn print(&self) {
        let line = self.line(&program::called());
        // The agent serves even if stdout is closed.
        if let Ok(stdout) = LineQueue::start(io::stdout()) {
            stdout.push(format!("{line}\n").as_bytes());
        }
    }

    fn line(&self, called: &str) -> String {
        let Self { program, addresses, paths, names, .. } = self;
        let tcp = addresses.iter().map(SocketAddr::to_string);
        let unix = paths.iter().map(|path| format!("unix {}", path.display()));
        let places: Vec<_> = tcp.chain(unix).collect();
        let page = self.admin.map(|place| match place {
            ServedAt::Tcp(address) => {
                format!("; what it does is shown at http://{}/", reachable(*address))
            }
            ServedAt::Unix(path) => format!("; what it does is shown at unix:{}", path.display()),
        });
        let (places, call) = if places.is_empty() {
            // In the abstract namespace, where `call` does not go.
            ("a UNIX socket without a path".to_owned(), String::new())
        } else {
            let options = &self.options[usize::from(addresses.is_empty())];
            let (place, example) = (self.place(), self.example());
            (places.join(", "), format!("; try: {called} call{place}{options} {example}"))
        };
        format!(
            "{title} listens on {places} and answers {names}{page}{call}",
            title = program.title(),
            names = names.join(", "),
            page = page.unwrap_or_default(),
        )
    }

    /// How `call` is told where to ask.
    fn place(&self) -> String {
        match (self.addresses.first(), self.paths.first()) {
            (Some(address), _) if reachable(*address).to_string() == DEFAULT_ADDRESS => {
                String::new()
            }
            (Some(address), _) => format!(" --addr {}", reachable(*address)),
            (None, Some(path)) => format!(" --unix {}", path.display()),
            (None, None) => String::new(),
        }
    }

    /// A message that the agent answers; without an example, with placeholders as arguments.
    fn example(&self) -> String {
        let first = || self.names.first().map(|name| format!("{name} NAME=VALUE"));
        let is_served = |example: &String| {
            example.split(' ').next().is_some_and(|name| self.names.iter().any(|own| own == name))
        };
        let example = self.program.example.clone().filter(is_served).or_else(first);
        example.unwrap_or_else(|| "MESSAGE NAME=VALUE".to_owned())
    }
}

/// The address at which this machine reaches what listens on `address`.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(addresses: &[&str], paths: &[&str]) -> String {
        line_with(None, addresses, paths)
    }

    fn line_with(admin: Option<&str>, addresses: &[&str], paths: &[&str]) -> String {
        let admin = admin.map(|text| match text.strip_prefix("unix:") {
            Some(path) => ServedAt::Unix(path.into()),
            None => ServedAt::Tcp(text.parse().unwrap()),
        });
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
        let options = [" --tls-ca CA.pem".to_owned(), String::new()];
        Announcement {
            program: &Program { version: Some("V".to_owned()), ..Program::default() },
            addresses: &addresses,
            paths: &paths,
            names: &["check-client-ip".to_owned(), "b".to_owned()],
            admin: admin.as_ref(),
            options,
        }
        .line("spoa-agent")
    }

    #[test]
    fn the_line_tells_where_it_listens_and_how_to_try_it() {
        assert_eq!(
            line(&["127.0.0.1:12345"], &["/run/spoa.sock"]),
            "spoa-agent V listens on 127.0.0.1:12345, unix /run/spoa.sock and answers check-client-ip, b; \
             try: spoa-agent call --tls-ca CA.pem check-client-ip ip=127.0.0.1"
        );
        assert!(line(&["0.0.0.0:12345"], &[]).contains("try: spoa-agent call --tls-ca"));
        assert!(line(&["[::]:1"], &[]).contains("call --addr [::1]:1 --tls-ca CA.pem check"));
        assert!(line(&[], &["/s"]).contains("try: spoa-agent call --unix /s check"));
        let nowhere = line(&[], &[]);
        assert_eq!(
            nowhere,
            "spoa-agent V listens on a UNIX socket without a path and answers check-client-ip, b"
        );
    }

    #[test]
    fn the_line_tells_where_the_page_is() {
        assert_eq!(
            line_with(Some("0.0.0.0:9901"), &["127.0.0.1:12345"], &[]),
            "spoa-agent V listens on 127.0.0.1:12345 and answers check-client-ip, b; what it does is shown at \
             http://127.0.0.1:9901/; try: spoa-agent call --tls-ca CA.pem check-client-ip \
             ip=127.0.0.1"
        );
        let unix = line_with(Some("unix:/run/a"), &["127.0.0.1:12345"], &[]);
        assert!(unix.contains("; what it does is shown at unix:/run/a; try: "), "{unix}");
    }

    #[test]
    fn a_program_without_an_example_names_its_first_message() {
        let line = Announcement {
            program: &Program::new("mine"),
            addresses: &["127.0.0.1:12345".parse().unwrap()],
            paths: &[],
            names: &["a".to_owned(), "b".to_owned()],
            admin: None,
            options: [String::new(), String::new()],
        }
        .line("./mine");
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "mine (spoa-agent {version}) listens on 127.0.0.1:12345 and answers a, b; \
             try: ./mine call a NAME=VALUE"
        );
        assert_eq!(line, expected);
    }
}
