//! Instructions per NOTIFY of layers and of further arguments, as differences to a handler without them.

use clap::ValueEnum;
use spoa_actors::{Message, Messages};
use spoa_bench::Layered;
use spoa_integration::Failure;

use crate::bench::Bench;
use crate::dialogue;
use crate::instructions;
use crate::server::Server;
use crate::table::Table;

/// Counts them all.
///
/// # Errors
/// valgrind is not there, or an answer is not as expected.
pub(crate) fn measure(notifies: u32) -> Result<Table, Failure> {
    let bench = Bench::new(&[Server::Layered])?;
    let mut table = Table::new(["handler", "instructions per NOTIFY", "more than", "difference"]);
    let mut counts: Vec<(Layered, f64)> = Vec::new();
    for layered in Layered::value_variants().iter().copied() {
        let count = count(&bench, layered, notifies)?;
        counts.push((layered, count));
        let plain = layered.plain();
        // The plain one of each group is its first.
        let base = counts.iter().find(|(of, _)| *of == plain).map_or(count, |(_, base)| *base);
        let difference = match plain == layered {
            true => [String::new(), String::new()],
            false => [plain.name(), format!("{:+.0}", count - base)],
        };
        table.row([layered.name(), format!("{count:.0}")].into_iter().chain(difference));
    }
    Ok(table)
}

fn count(bench: &Bench, layered: Layered, notifies: u32) -> Result<f64, Failure> {
    let (messages, expected) = question(layered);
    let options = [layered.name()];
    instructions::difference(notifies, |notifies| {
        instructions::under_callgrind(bench, Server::Layered, &options, |placed| {
            dialogue::ask(&placed.endpoint, &messages, expected, notifies)
        })
    })
}

/// What it is asked, and its answer.
fn question(layered: Layered) -> (Messages, &'static str) {
    let ip = std::net::IpAddr::from([10, 0, 0, 1]);
    let client = Message::new("check-client-ip").arg("ip", ip);
    match layered.plain() {
        Layered::Apart => {
            let port = Message::new("check-port").arg("port", 80_u32);
            let answer = "set-var sess.ip_score 10, set-var sess.port_score 80";
            ([client, port].into(), answer)
        }
        _ => (client.into(), "set-var sess.ip_score 10"),
    }
}
