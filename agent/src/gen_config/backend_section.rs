//! The backend of the agent, and what stands between it and an agent that takes PROXY headers.

use super::{
    haproxy_side::{HaproxySide, ServerSide, written},
    lines::Lines,
};

/// Writes the backend, with a server for each listener of the agent.
pub(super) fn write_backend(side: &HaproxySide, lines: &mut Lines) {
    lines.head_comment("[listen]: the agent");
    lines.head(&format!("backend {}", side.backend()));
    if side.version.has_mode_spop() {
        lines.line("mode spop");
    } else {
        lines.line("mode tcp");
    }
    lines.comment("health checks that know when the agent is about to stop");
    lines.line("option spop-check");
    lines.comment("a connection that fails goes to another server");
    lines.line("option redispatch 1");
    lines.comment("not longer than HAProxy waits for an answer");
    lines.line(&format!("timeout connect {}", written(side.connect())));
    lines.comment("longer than `timeout idle` and `timeout processing` of the SPOE file");
    lines.line("timeout server 3m");
    for server in &side.servers {
        write_server(side, server, lines);
    }
    for server in side.servers.iter().filter(|server| needs_relay(side, server)) {
        lines.gap();
        write_relay(side, server, lines);
    }
}

fn write_server(side: &HaproxySide, server: &ServerSide, lines: &mut Lines) {
    let check = format!("check inter {} fall 2", written(side.check_every()));
    let name = &server.name;
    lines.comment(&format!("{}; [agent] notice_period: how often checks come", server.from));
    if needs_relay(side, server) {
        lines.line(&format!("server {name} {} {check}", relay(side, server)));
        return;
    }
    write_notes(server, lines);
    let mut words = format!("server {name} {}{}", server.address, tls(side, server));
    if server.has_proxy_header {
        words.push_str(" send-proxy-v2 check-send-proxy");
    }
    lines.line(&format!("{words} {check}"));
}

/// What an operator has to know of a server line.
fn write_notes(server: &ServerSide, lines: &mut Lines) {
    if let Some(written) = &server.placeholder {
        lines.comment(&format!("the file has {written}: write the address of the agent's machine"));
    }
    if server.address.starts_with("unix@") {
        lines.comment("with `chroot` in `global`, the path begins there");
    }
    if let Some(tls) = &server.tls {
        lines.comment(&format!("ca-file: who has signed {}", tls.cert));
        if let Some(ca) = &tls.client_ca {
            lines.comment(&format!("crt: HAProxy's own certificate with its key, signed by {ca}"));
        }
    }
}

fn tls(side: &HaproxySide, server: &ServerSide) -> String {
    let Some(tls) = &server.tls else { return String::new() };
    let prefix = &side.prefix;
    let mut words = format!(" ssl verify required ca-file {prefix}-ca.pem");
    if tls.client_ca.is_some() {
        words.push_str(&format!(" crt {prefix}-haproxy.pem"));
    }
    words
}

fn needs_relay(side: &HaproxySide, server: &ServerSide) -> bool {
    server.has_proxy_header && side.version.ignores_proxy_headers()
}

/// The address of the relay: a name that needs neither a file nor a port.
fn relay(side: &HaproxySide, server: &ServerSide) -> String {
    format!("abns@{}-{}", side.prefix, server.name)
}

fn write_relay(side: &HaproxySide, server: &ServerSide, lines: &mut Lines) {
    let name = &server.name;
    lines.head_comment(&format!(
        "{} proxy_protocol: HAProxy 3.3 and newer send no PROXY header to agents themselves",
        server.from
    ));
    lines.head(&format!("listen {}_{name}", side.prefix));
    lines.line("mode tcp");
    lines.line("option tcplog");
    lines.line(&format!("bind {}", relay(side, server)));
    lines.line("timeout client 3m");
    lines.line(&format!("timeout connect {}", written(side.connect())));
    lines.line("timeout server 3m");
    write_notes(server, lines);
    lines.line(&format!("server {name} {}{} send-proxy-v2", server.address, tls(side, server)));
}
