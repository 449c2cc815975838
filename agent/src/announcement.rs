//! Announcement: the one line that tells what is served, where, and how to try it.

use std::{
    env,
    ffi::OsString,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use spoa_load::DEFAULT_ADDRESS;

use crate::{admin::ServedAt, telemetry::line_queue::LineQueue};

/// Prints the line.
pub(crate) fn print(
    addresses: &[SocketAddr],
    paths: &[PathBuf],
    names: &str,
    admin: Option<&ServedAt>,
    options: &[String; 2],
) {
    let program = env::args_os().next();
    let line = announcement(addresses, paths, names, admin, options, &program_name(program));
    // The agent serves even if nobody reads what it prints.
    if let Ok(stdout) = LineQueue::start(io::stdout()) {
        stdout.push(format!("{line}\n").as_bytes());
    }
}

/// The `options` are those that `call` needs over TCP, and over UNIX.
fn announcement(
    addresses: &[SocketAddr],
    paths: &[PathBuf],
    names: &str,
    admin: Option<&ServedAt>,
    options: &[String; 2],
    program: &str,
) -> String {
    let tcp = addresses.iter().map(SocketAddr::to_string);
    let unix = paths.iter().map(|path| format!("unix {}", path.display()));
    let places: Vec<_> = tcp.chain(unix).collect();
    let place = match (addresses.first(), paths.first()) {
        (Some(address), _) if reachable(*address).to_string() == DEFAULT_ADDRESS => String::new(),
        (Some(address), _) => format!(" --addr {}", reachable(*address)),
        (None, Some(path)) => format!(" --unix {}", path.display()),
        (None, None) => String::new(),
    };
    let page = admin.map(|place| match place {
        ServedAt::Tcp(address) => {
            format!("; what it does is shown at http://{}/", reachable(*address))
        }
        ServedAt::Unix(path) => format!("; what it does is shown at unix:{}", path.display()),
    });
    let options = &options[usize::from(addresses.is_empty())];
    format!(
        "spoa-agent {version} listens on {places} and answers {names}{page}; \
         try: {program} call{place}{options} check-client-ip ip=127.0.0.1",
        version = env!("CARGO_PKG_VERSION"),
        places = places.join(", "),
        page = page.unwrap_or_default(),
    )
}

/// How the program was called, so that the line can be copied into a shell.
fn program_name(argument: Option<OsString>) -> String {
    argument
        .and_then(|argument| argument.into_string().ok())
        .filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
        .unwrap_or_else(|| "spoa-agent".to_owned())
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
        announcement(&addresses, &paths, "a, b", admin.as_ref(), &options, "spoa-agent")
            .replace(env!("CARGO_PKG_VERSION"), "V")
    }

    #[test]
    fn the_line_tells_where_it_listens_and_how_to_try_it() {
        assert_eq!(
            line(&["127.0.0.1:12345"], &["/run/spoa.sock"]),
            "spoa-agent V listens on 127.0.0.1:12345, unix /run/spoa.sock and answers a, b; \
             try: spoa-agent call --tls-ca CA.pem check-client-ip ip=127.0.0.1"
        );
        assert!(line(&["0.0.0.0:12345"], &[]).contains("try: spoa-agent call --tls-ca"));
        assert!(line(&["[::]:1"], &[]).contains("call --addr [::1]:1 --tls-ca CA.pem check"));
        assert!(line(&[], &["/s"]).contains("try: spoa-agent call --unix /s check"));
    }

    #[test]
    fn the_line_tells_where_the_page_is() {
        assert_eq!(
            line_with(Some("0.0.0.0:9901"), &["127.0.0.1:12345"], &[]),
            "spoa-agent V listens on 127.0.0.1:12345 and answers a, b; what it does is shown at \
             http://127.0.0.1:9901/; try: spoa-agent call --tls-ca CA.pem check-client-ip \
             ip=127.0.0.1"
        );
        let unix = line_with(Some("unix:/run/a"), &["127.0.0.1:12345"], &[]);
        assert!(unix.contains("; what it does is shown at unix:/run/a; try: "), "{unix}");
    }

    #[test]
    fn the_program_is_called_as_it_was() {
        let name = |text: &str| program_name(Some(text.into()));
        assert_eq!(name("target/release/spoa-agent"), "target/release/spoa-agent");
        assert_eq!(name("/my folder/spoa-agent"), "spoa-agent");
        assert_eq!(program_name(None), "spoa-agent");
    }
}
