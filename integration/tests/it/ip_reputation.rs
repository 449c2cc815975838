//! The first example of SPOE: an address goes to the agent, a score comes back.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{Actions, BoxError, HandlerActor, Origin, Registry, Scope};
use spoa_integration::{Config, Engine, on_every_haproxy};

use crate::scene::{self, SOON};

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

struct IpReputation;

#[async_trait(?Send)]
impl HandlerActor for IpReputation {
    type Args = Client;

    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        let score = if client.ip.is_loopback() { 20 } else { 10 };
        Ok(Actions::new().set_var(Scope::Session, "ip_score", score)?)
    }
}

/// As the documentation of HAProxy has it, with all timeouts that 2.6 and 3.0 want.
const SPOE: &str = "\
[iprep]
spoe-agent iprep-agent
    messages get-ip-reputation
    option var-prefix iprep
    timeout hello 2s
    timeout idle 2m
    timeout processing 5s
    use-backend iprep-agents
    log global
spoe-message get-ip-reputation
    args ip=src
    event on-client-session
";

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_46_the_example_loads_without_complaint_and_loopback_scores_20(
        version: Version
    ) {
        let registry = Registry::new().on("get-ip-reputation", || IpReputation);
        let agent = scene::agent(registry).await;
        let engine = Engine::new("iprep").agent(scene::endpoint(&agent)).spop_check().text(SPOE);
        let config = Config::new(version).engine(engine).frontend(
            "http-request return status 200 hdr x-score \"%[var(sess.iprep.ip_score)]\"",
        );
        let haproxy = scene::start(config).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-score")), (200, Some("20")));
        let line = haproxy.logs().spoe_line(SOON, |line| line.agent == "iprep-agent").await;
        assert_eq!(line.unwrap().status, 0);
    }
}
