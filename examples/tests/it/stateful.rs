//! The example `stateful`: its list follows a file.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    net::{IpAddr, Ipv4Addr},
    process::Command,
    time::Duration,
};

use spoa_actors::Message;
use spoa_integration::{Scratch, on_every_haproxy, until};
use tokio::time::sleep;

use crate::{
    program::{Program, free_address, greet},
    scene::{SOON, Scene, dual_stack, example},
};

async fn answers(scene: &Scene, status: u16) {
    let answers = async || {
        let answer = scene.http().get("/").await.unwrap();
        (answer.status == status).then_some(())
    };
    until(&format!("the answer is {status}"), SOON, answers).await.unwrap();
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_blocklist_follows_its_file(version: Version) {
        let files = Scratch::new().unwrap();
        let list = files.write("blocklist", "192.0.2.1 # not us\n\n# nor this\n").unwrap();
        let mut scene = example!("stateful").argument(list).start(version).await;
        assert_eq!(scene.text("/").await, "welcome");

        files.write("blocklist", "127.0.0.1\n").unwrap();
        answers(&scene, 403).await;
        assert_eq!(scene.http_from([127, 0, 0, 2]).get("/").await.unwrap().status, 200);

        files.write("blocklist", "192.0.2.1\nno address\n").unwrap();
        let line = "/blocklist:2: \"no address\" is neither an address nor a range";
        let told = async || scene.log().contains(line).then_some(());
        until("it tells", SOON, told).await.unwrap();
        answers(&scene, 403).await;
        // While it looks at it twice more.
        sleep(Duration::from_millis(2500)).await;
        let log = scene.log();
        assert_eq!(log.matches("the last list stays in use").count(), 1, "{log}");

        files.write("blocklist", "").unwrap();
        answers(&scene, 200).await;

        files.write("blocklist", "127.0.0.0/31\n").unwrap();
        answers(&scene, 403).await;
        assert_eq!(scene.http_from([127, 0, 0, 2]).get("/").await.unwrap().status, 200);
        scene.program.kill();
        assert_eq!(scene.text("/").await, "welcome", "it fails open");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn behind_a_dual_stack_bind_who_is_listed_is_denied(version: Version) {
        let files = Scratch::new().unwrap();
        let list = files.write("blocklist", "127.0.0.1\n::ffff:127.0.0.2\n").unwrap();
        let config = dual_stack(version, "stateful");
        let example = example!("stateful").argument(list);
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        for (client, expected) in [(1, 403), (2, 403), (3, 200)] {
            let answer = scene.http_from([127, 0, 0, client]).get("/").await.unwrap();
            assert_eq!(answer.status, expected, "127.0.0.{client}");
        }
    }
}

/// How many bytes a process has read so far.
fn bytes_read(id: u32) -> u64 {
    let counts = fs::read_to_string(format!("/proc/{id}/io")).unwrap();
    let line = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

/// How long each thread of a process has had a CPU, in ticks of its clock, by the name of the thread.
fn ticks(id: u32) -> BTreeMap<String, u64> {
    let mut ticks = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let task = task.unwrap().path();
        // One may end meanwhile.
        let Ok(line) = fs::read_to_string(task.join("stat")) else { continue };
        let (head, rest) = line.rsplit_once(')').unwrap();
        let (_, name) = head.split_once('(').unwrap();
        let fields: Vec<_> = rest.split_whitespace().collect();
        let [user, system] = [11, 12].map(|index| fields[index].parse::<u64>().unwrap());
        *ticks.entry(name.to_owned()).or_default() += user + system;
    }
    ticks
}

#[actix_rt::test]
async fn a_large_list_is_read_once_beside_the_requests() {
    let files = Scratch::new().unwrap();
    let mut large = String::new();
    for number in 0..300_000_u32 {
        writeln!(large, "{}", Ipv4Addr::from(0x0a00_0000 + 2 * number)).unwrap();
    }
    let list = files.write("blocklist", "").unwrap();
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stateful"));
    let program = Program::start(command.arg(address.to_string()).arg(list));
    let mut haproxy = greet(address).await;
    let mut is_listed = async |ip: [u8; 4]| {
        let message = Message::new("check-blocklist").arg("ip", IpAddr::from(ip));
        let actions = haproxy.notify(message).await.unwrap().to_string();
        actions == "set-var txn.is_listed true"
    };
    assert!(!is_listed([10, 0, 0, 2]).await);

    files.write("blocklist", &large).unwrap();
    let asked = async || is_listed([10, 0, 0, 2]).await.then_some(());
    until("the list is in use", SOON, asked).await.unwrap();
    assert!(!is_listed([10, 0, 0, 3]).await);
    let mut ticks = ticks(program.id());
    let reader = ticks.remove("blocklist").unwrap();
    let others: u64 = ticks.values().sum();
    assert!(others < reader, "{reader}, {ticks:?}");

    let before = bytes_read(program.id());
    // While it looks at it twice.
    sleep(Duration::from_millis(2500)).await;
    assert!(bytes_read(program.id()) - before < large.len() as u64 / 2);
}
