//! A burst of connections, as a reload of HAProxy makes it.

use std::{net::TcpStream, num::NonZero, time::Duration};

use spoa_actors::{Agent, Limits};
use tokio::time::timeout;

use crate::support::{Result, registry};

const BURST: u64 = 1100;

#[actix_rt::test]
async fn checklist_43_more_than_a_thousand_connections_wait_to_be_accepted_and_all_are() -> Result {
    let limits = Limits::default();
    let agent = Agent::bind("127.0.0.1:0")?.limits(limits).arbiters(NonZero::<usize>::MIN);
    let agent = agent.start(registry()).await?;
    let address = agent.local_addresses()[0];
    // This thread is the one that accepts. A connection that its peer has closed waits like any
    // other, and this process needs no descriptor for it.
    for number in 0..BURST {
        let connection = TcpStream::connect_timeout(&address, Duration::from_secs(2));
        connection.unwrap_or_else(|error| panic!("connection {number}: {error}"));
    }
    assert_eq!(agent.statistics().await.connections_accepted, 0, "they are to wait");
    let all_are_seen = async {
        loop {
            let seen = agent.statistics().await;
            if (seen.connections_accepted, seen.connections_open) == (BURST, 0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), all_are_seen).await?;
    agent.stop().await;
    Ok(())
}
