//! The example `reload`: SIGHUP replaces a handler under load, and nothing is lost or left behind.

use std::{fs, time::Duration};

use spoa_integration::{Answer, Load, Scratch, on_every_haproxy, until};

use crate::scene::{SOON, Scene, example};

const RELOADS: usize = 200;

/// How many bytes of memory a process has in use.
fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    1024 * line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
}

/// Reloads, and waits until it is done.
async fn reload(scene: &Scene, done: &mut usize) {
    scene.program.hang_up();
    *done += 1;
    let is_done = async || (scene.log().matches("reload complete").count() == *done).then_some(());
    until("it is reloaded", SOON, is_done).await.unwrap();
}

/// Whether a request was answered as it should be, whatever the greeting and the number of the visit.
fn outcome(answer: &Answer) -> String {
    let text = answer.text();
    let (greeting, visit) = text.trim_end().split_once(", visit ").unwrap_or((&text, ""));
    let is_whole = greeting.starts_with("greeting ") && visit.parse::<u64>().is_ok();
    if answer.status == 200 && is_whole { "good".to_owned() } else { text.to_string() }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn sighup_replaces_one_handler_and_keeps_the_other(version: Version) {
        let files = Scratch::new().unwrap();
        let greeting = files.write("greeting", "hello\n").unwrap();
        let scene = example!("reload").argument(greeting).start(version).await;
        assert_eq!(scene.text("/").await, "hello, visit 1");
        let mut done = 0;
        files.write("greeting", "good morning\n").unwrap();
        reload(&scene, &mut done).await;
        assert_eq!(scene.text("/").await, "good morning, visit 2");

        files.write("greeting", "\n").unwrap();
        scene.program.hang_up();
        let line = "/greeting: there is no greeting in it";
        let told = async || scene.log().contains(line).then_some(());
        until("it tells", SOON, told).await.unwrap();
        assert_eq!(scene.text("/").await, "good morning, visit 3");
        assert!(!scene.log().contains("SIGHUP ignored"), "{}", scene.log());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn two_hundred_reloads_under_load_lose_no_request_and_no_memory(version: Version) {
        let files = Scratch::new().unwrap();
        let greeting = files.write("greeting", "greeting 0\n").unwrap();
        let scene = example!("reload").argument(greeting).start(version).await;
        let load = Load::lasting(8, Duration::from_secs(60)).begin(scene.http(), outcome);
        let (mut done, mut before) = (0, 0);
        for number in 1..=RELOADS {
            files.write("greeting", &format!("greeting {number}\n")).unwrap();
            reload(&scene, &mut done).await;
            load.answers(5).await.unwrap();
            if number == RELOADS / 4 {
                before = resident(scene.program.id());
            }
        }
        let after = resident(scene.program.id());
        let tally = load.end().await.unwrap();
        println!("{version}: {} requests, {before} and {after} bytes", tally.total());
        assert_eq!(tally.of("good"), tally.total(), "{tally:?}");
        assert!(after < before + (2 << 20), "{before} bytes after a quarter, {after} at the end");
        let text = scene.text("/").await;
        assert_eq!(text, format!("greeting {RELOADS}, visit {}", tally.total() + 1));
    }
}
