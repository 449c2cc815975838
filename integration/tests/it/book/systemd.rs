//! The systemd unit that a page shows, run as it stands by systemd, behind an HAProxy in Debian's chroot.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use spoa_integration::{Scratch, built, on_every_haproxy};
use tokio::process::Command;

use super::commands;
use super::page::{Page, page, repository};

/// The exit code of a script that cannot be run here.
const UNABLE: i32 = 77;

/// What Debian's package does, and how its configuration begins.
const DEBIAN: &str = r#"
groupadd --system haproxy
useradd --system --gid haproxy --home-dir /var/lib/haproxy --no-create-home haproxy
install -d /var/lib/haproxy/dev
printf 'global\n    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n' >debian.cfg
"#;

const PRELUDE: &str = r#"set -eu
export PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin
sudo() { "$@"; }
fail() { echo "$1"; tail -n 5 *.out; systemctl status --full --no-pager spoa-agent || true; exit 1; }
until_true() {
    local what=$1 until=$((SECONDS + 30))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || fail "this does not come true: $what"
        sleep 0.1
    done
}
# A command of the page: what was started before may need its time.
typed() { eval "$2" >"$1.out" 2>&1 && shown "$1"; }
shown() {
    local line
    while IFS= read -r line; do grep -qF -e "$line" "$1.out" || return 1; done <"$1.expected"
}
# Starts HAProxy with these agents behind it.
haproxy() {
    sed '/^backend agents/,$d' hello.cfg | cat - "$1" >main.cfg
    "$haproxy" -f debian.cfg -f main.cfg &
    haproxy_pid=$!
    until_true "HAProxy answers with the agent's score" score
    [ "$(readlink /proc/$haproxy_pid/root)" = /var/lib/haproxy ] || fail "HAProxy has no chroot"
    grep -q "^Uid:.$(id -u haproxy)" /proc/$haproxy_pid/status || fail "HAProxy is root"
}
score() { [ "$(curl -s --max-time 25 127.0.0.1:8080)" = "score 20" ]; }
property() { systemctl show -P "$1" spoa-agent; }
"#;

const CHECKS: &str = r#"
systemd-analyze verify /etc/systemd/system/spoa-agent.service || fail "systemd-analyze verify"
systemd-analyze security --offline=yes --threshold=20 /etc/systemd/system/spoa-agent.service >exposure 2>&1 ||
    { cat exposure; fail "exposed more than 2.0"; }

agent=$(property MainPID)
for line in CapEff:.0000000000000000 CapBnd:.0000000000000000 NoNewPrivs:.1 Seccomp:.2; do
    grep -q "^$line" /proc/$agent/status || fail "the process has not: $line"
done
grep -q "^Uid:.$(id -u spoa-agent).*" /proc/$agent/status || fail "another user"
! setpriv --reuid nobody --clear-groups ls /var/lib/haproxy/spoa-agent 2>/dev/null || fail "others see the socket"
setpriv --reuid haproxy --regid haproxy --clear-groups \
    spoa-agent healthcheck --unix /var/lib/haproxy/spoa-agent/agent.sock || fail "HAProxy's user is refused"
curl -sf 127.0.0.1:9901/readyz || fail "no admin endpoint"

haproxy unix.cfg
kill -KILL $agent
restarted() { local now=$(property MainPID); [ "$now" != 0 ] && [ "$now" != $agent ] && score; }
until_true "the agent is restarted" restarted
systemctl stop spoa-agent
[ "$(property Result)" = success ] || fail "it did not stop in good order: $(property Result)"
[ -z "$(ls -A /var/lib/haproxy/spoa-agent)" ] || fail "the socket is left"
kill $haproxy_pid
wait $haproxy_pid || true

install -D -m 644 tcp.conf /etc/systemd/system/spoa-agent.service.d/tcp.conf
systemctl daemon-reload
systemctl start spoa-agent
haproxy tcp.cfg
spoa-agent healthcheck | grep -qx 'healthy: 127.0.0.1:12345, SPOP 2.0, max-frame-size 16380' || fail "not on TCP"
kill $haproxy_pid
wait $haproxy_pid || true
systemctl stop spoa-agent

rm /etc/systemd/system/spoa-agent.service.d/tcp.conf
install -m 644 socket.conf /etc/systemd/system/spoa-agent.service.d/socket.conf
install -m 644 socket /etc/systemd/system/spoa-agent.socket
systemd-analyze verify /etc/systemd/system/spoa-agent.socket || fail "systemd-analyze verify of the socket"
systemctl daemon-reload
systemctl start spoa-agent.socket
# A restart takes longer on a busy machine.
sed -i 's/timeout processing.*/timeout processing 20s/' hello.spoe.conf
haproxy socket.cfg
while [ ! -e enough ]; do score || echo lost >>lost; done &
asking=$!
for restart in 1 2 3; do
    before=$(property MainPID)
    systemctl restart spoa-agent
    [ "$(property MainPID)" != $before ] || fail "it did not restart"
    score || fail "no score after a restart"
done
touch enough
wait $asking
# One may cross the DISCONNECT of each; an outage would cost one after the other.
[ ! -e lost ] || [ "$(wc -l <lost)" -le 3 ] || fail "$(wc -l <lost) requests were lost"
[ -S /var/lib/haproxy/spoa-agent.sock ] || fail "the file of the socket is gone"
"#;

/// What stands below this title.
fn section(title: &str) -> Page {
    let Page { name, text } = page("docs/operating.md");
    let (_, text) = text.split_once(&format!("\n## {title}\n")).unwrap();
    let text = text.split_once("\n## ").unwrap().0.to_owned();
    Page { name, text }
}

/// The blocks of this kind, as files.
fn files(section: &Page, kind: &str) -> Vec<String> {
    let blocks = section.blocks().into_iter().filter(|block| block.kind == kind);
    blocks.map(|block| block.lines.join("\n") + "\n").collect()
}

fn script(section: &Page, scratch: &Scratch, haproxy: &Path) -> String {
    let write = |name: &str, text: &str| scratch.write(name, text).unwrap();
    let [unit, drop_in] = files(section, "ini").try_into().unwrap();
    let place = "# /etc/systemd/system/spoa-agent.service";
    assert!(unit.starts_with(&format!("{place}\n")), "{unit}");
    assert!(drop_in.starts_with(&format!("{place}.d/tcp.conf\n")), "{drop_in}");
    write("unit", &unit);
    write("tcp.conf", &drop_in);
    let [unix, tcp] = files(section, "haproxy").try_into().unwrap();
    write("unix.cfg", &unix);
    write("tcp.cfg", &tcp);
    let alone = self::section("Restart one agent alone");
    let [socket, drop_in] = files(&alone, "ini").try_into().unwrap();
    assert!(socket.starts_with("# /etc/systemd/system/spoa-agent.socket\n"), "{socket}");
    assert!(drop_in.starts_with(&format!("{place}.d/socket.conf\n")), "{drop_in}");
    write("socket", &socket);
    write("socket.conf", &drop_in);
    let [handed_over] = files(&alone, "haproxy").try_into().unwrap();
    write("socket.cfg", &handed_over);
    for file in ["hello.cfg", "hello.spoe.conf"] {
        let text = fs::read_to_string(repository().join("examples/haproxy").join(file)).unwrap();
        write(file, &text);
    }
    let mut script = format!("haproxy={}\n{PRELUDE}{DEBIAN}", haproxy.display());
    script +=
        "install -m 644 unit /etc/systemd/system/spoa-agent.service\nsystemctl daemon-reload\n";
    let blocks = section.blocks().into_iter().filter(|block| block.kind == "console");
    for (number, step) in blocks.flat_map(|block| commands::steps(&block)).enumerate() {
        let command = step.command();
        write(&format!("{number}.expected"), step.expected());
        assert!(!command.contains('\''), "{command}");
        writeln!(script, "until_true '{command}' typed {number} '{command}'").unwrap();
    }
    script + CHECKS
}

on_every_haproxy! {
    #[tokio::test]
    async fn the_unit_serves_a_haproxy_in_debians_chroot(version: Version) {
        let agent = built("spoa-agent", "spoa-agent").await.unwrap().canonicalize().unwrap();
        let haproxy = version.binary().await.unwrap().canonicalize().unwrap();
        let scratch = Scratch::new().unwrap();
        let script = script(&section("systemd"), &scratch, &haproxy);
        let script = scratch.write("script", &script).unwrap();
        let machine = repository().join("integration/systemd/machine");
        let mut machine = Command::new(machine);
        machine.arg(scratch.path()).arg(script).arg(agent).kill_on_drop(true);
        let output = machine.output().await.unwrap();
        let said = ["out", "systemd"].map(|name| fs::read_to_string(scratch.join(name)).unwrap_or_default());
        let said = format!("{}{}", said.concat(), String::from_utf8_lossy(&output.stderr));
        let is_ci = std::env::var("CI").as_deref() == Ok("true");
        if output.status.code() == Some(UNABLE) && !is_ci {
            eprintln!("NOT CHECKED: {said}");
            return;
        }
        assert!(output.status.success(), "{version}, {}: {said}", output.status);
    }
}
