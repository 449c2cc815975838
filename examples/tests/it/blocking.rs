//! The example `blocking`: what computes for long delays nobody else.

use std::time::Duration;

use spoa_integration::{on_every_haproxy, until};
use tokio::time::timeout;

use crate::scene::{SOON, example};

/// A prime that no machine finds by division within the deadline of the example.
const LARGE: u64 = 9_223_372_036_854_775_783;

on_every_haproxy! {
    #[actix_rt::test]
    async fn primes_are_found_on_threads_and_a_late_one_is_the_fallback(version: Version) {
        let scene = example!("blocking").start(version).await;
        let says = async |n: u64, answer: &str| {
            let expected = format!("{n} is a prime: {answer}");
            (scene.text(&format!("/?n={n}")).await == expected).then_some(())
        };
        // Again if it was late itself, on a busy machine.
        until("97 is a prime", SOON, async || says(97, "yes").await).await.unwrap();
        until("97abc is answered as 97", SOON, async || {
            (scene.text("/?n=97abc").await == "97 is a prime: yes").then_some(())
        })
        .await
        .unwrap();
        until("91 is none", SOON, async || says(91, "no").await).await.unwrap();

        let path = format!("/?n={LARGE}");
        let mut large = std::pin::pin!(scene.text(&path));
        let mut answered = 0_u32;
        let late = loop {
            match timeout(Duration::ZERO, large.as_mut()).await {
                Ok(late) => break late,
                Err(_) => answered += u32::from(says(97, "yes").await.is_some()),
            }
        };
        assert_eq!(late, format!("{LARGE} is a prime: unknown"));
        assert!(answered >= 1, "nobody was answered while it computed");
    }
}
