//! NOTIFY and ACK: every NOTIFY has exactly one ACK, whatever becomes of its messages.

use std::{collections::HashSet, net::IpAddr};

use actix::{Actor, Context, Handler};
use spoa_actors::{
    ActionError, Actions, Agent, AgentError, BoxError, Limits, MailboxCall, Message, Registry,
    Route, Scope,
    spop::{Capabilities, Frame, FrameId, HaproxyHello, Messages, Notify, StreamId},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::support::{
    Result, agent, ask_big, ask_big_later, ask_score, ask_sleep, exchange, registry, variable,
};

async fn notify_as(
    haproxy: &mut FakeHaproxy,
    ids: (u64, u64),
    messages: impl Into<Messages>,
) -> Result {
    let (stream_id, frame_id) = (StreamId(ids.0), FrameId(ids.1));
    haproxy.send(Frame::Notify(Notify { stream_id, frame_id, messages: messages.into() })).await
}

#[actix_rt::test]
async fn checklist_12_stream_0_is_a_stream_like_any_other() -> Result {
    let mut haproxy = agent().await.connect().await?;
    notify_as(&mut haproxy, (0, 1), ask_score()).await?;
    let ack = haproxy.ack().await?;
    assert_eq!((ack.stream_id, ack.frame_id), (StreamId(0), FrameId(1)));
    assert_eq!(ack.actions.to_string(), "set-var sess.ip_score 20");
    Ok(())
}

#[actix_rt::test]
async fn checklist_13_the_same_ids_on_two_connections_are_two_jobs() -> Result {
    let agent = agent().await;
    let (mut one, mut other) = (agent.connect().await?, agent.connect().await?);
    let score = |ip: [u8; 4]| Message::new("score").arg("ip", IpAddr::from(ip));
    notify_as(&mut one, (1, 1), score([127, 0, 0, 1])).await?;
    notify_as(&mut other, (1, 1), score([10, 0, 0, 1])).await?;
    assert_eq!(one.ack().await?.actions.to_string(), "set-var sess.ip_score 20");
    assert_eq!(other.ack().await?.actions.to_string(), "set-var sess.ip_score 10");
    Ok(())
}

#[actix_rt::test]
async fn checklist_14_frame_2_of_a_stream_is_answered_as_such() -> Result {
    let mut haproxy = agent().await.connect().await?;
    for frame in 1..=3 {
        notify_as(&mut haproxy, (7, frame), ask_score()).await?;
        assert_eq!(haproxy.ack().await?.frame_id, FrameId(frame));
    }
    notify_as(&mut haproxy, (u64::MAX, u64::MAX), ask_score()).await?;
    assert_eq!(haproxy.ack().await?.stream_id, StreamId(u64::MAX));
    Ok(())
}

#[actix_rt::test]
async fn checklist_15_an_ack_leaves_on_the_connection_of_its_notify() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(agent.connect().await?);
    }
    for (index, haproxy) in connections.iter_mut().enumerate() {
        notify_as(haproxy, (index as u64, 9), ask_sleep(400 - 100 * index as u64)).await?;
    }
    for (index, haproxy) in connections.iter_mut().enumerate() {
        assert_eq!(haproxy.ack().await?.stream_id, StreamId(index as u64));
    }
    assert_eq!(agent.statistics().await.acks, 4);
    Ok(())
}

#[actix_rt::test]
async fn checklist_16_acks_leave_as_soon_as_they_are_ready_in_any_order() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.connect().await?;
    let delays = [400, 100, 300, 200];
    let notifies = delays.into_iter().map(|ms| ask_sleep(ms).into()).chain([ask_score().into()]);
    let acks = exchange(&mut haproxy, notifies).await?;
    let order: Vec<_> = acks.iter().map(|ack| ack.stream_id.0).collect();
    assert_eq!(order, [9, 3, 7, 5, 1]);
    Ok(())
}

#[actix_rt::test]
async fn checklist_17_without_pipelining_several_notifies_in_flight_are_answered() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.open();
    let capabilities = Capabilities::default();
    let answer = haproxy.hello(HaproxyHello { capabilities, ..hello() }).await?;
    assert!(!answer.capabilities.pipelining);
    let notifies = (0..10).map(|_| Messages::from([ask_sleep(50), ask_score()]));
    let acks = exchange(&mut haproxy, notifies).await?;
    assert_eq!(acks.iter().map(|ack| ack.stream_id).collect::<HashSet<_>>().len(), 10);
    Ok(())
}

#[actix_rt::test]
async fn checklist_18_every_notify_is_answered_once_whatever_its_handler_does() -> Result {
    tokio::time::pause();
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let table = [
        (Messages::default(), ""),
        (Message::new("nobody").into(), ""),
        (Message::new("fail").into(), "set-var txn.fail -1"),
        (Message::new("panic").into(), "set-var txn.panic -1"),
        (Message::new("panic-later").into(), "set-var txn.panic_later -1"),
        (Message::new("never").into(), "set-var txn.never -1"),
        (Message::new("score").into(), ""),
        (Message::new("score").arg("ip", "nobody").into(), ""),
        (ask_sleep(2000).into(), ""),
        (ask_score().into(), "set-var sess.ip_score 20"),
    ];
    let (notifies, expected): (Vec<_>, Vec<_>) = table.into_iter().unzip();
    let mut acks = exchange(&mut haproxy, notifies).await?;
    acks.sort_by_key(|ack| ack.stream_id);
    let answers: Vec<_> = acks.iter().map(|ack| ack.actions.to_string()).collect();
    assert_eq!(answers, expected);

    // Nothing comes twice: the next ACK is that of the next NOTIFY.
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    let statistics = agent.statistics().await;
    assert_eq!((statistics.notifies, statistics.acks), (11, 11));
    Ok(())
}

#[actix_rt::test]
async fn messages_of_one_notify_are_answered_in_their_order() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.connect().await?;
    let messages = [
        ask_score(),
        ask_sleep(300),
        Message::new("fail"),
        Message::new("nobody"),
        ask_sleep(100),
        Message::new("never"),
        ask_score(),
    ];
    let actions = haproxy.notify(messages).await?;
    let expected = "set-var sess.ip_score 20, set-var txn.slept 300, set-var txn.fail -1, \
                    set-var txn.slept 100, set-var txn.never -1, set-var sess.ip_score 20";
    assert_eq!(actions.to_string(), expected);
    Ok(())
}

#[actix_rt::test]
async fn checklist_20_no_ack_is_larger_than_negotiated_and_actions_are_left_out_from_the_end()
-> Result {
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    // The fake HAProxy itself refuses a frame above the agreed 16380 bytes.
    let fitting = 16380 - 7 - 3 - 1 - "big".len() as u64 - 4;
    let actions = haproxy.notify(ask_big(fitting)).await?;
    assert_eq!(actions.iter().count(), 1);
    assert!(haproxy.notify(ask_big(fitting + 1)).await?.is_empty());
    assert!(haproxy.notify(ask_big(16 << 20)).await?.is_empty());
    // From the first that does not fit on, none is kept, however small.
    let four = [ask_score(), ask_big(16_300), ask_big(100), ask_score()];
    let actions = haproxy.notify(four).await?;
    assert_eq!(actions.iter().count(), 2, "{actions:.80}");
    assert_eq!(agent.statistics().await.actions_dropped, 4);
    Ok(())
}

#[actix_rt::test]
async fn a_large_answer_leaves_out_itself_and_what_is_behind_it_whenever_it_comes() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.connect().await?;
    let kept = "set-var txn.slept 5";
    for large in [ask_big(20_000), ask_big_later(20_000, 1), ask_big_later(20_000, 9)] {
        let actions = haproxy.notify([ask_sleep(5), large, ask_score(), ask_sleep(7)]).await?;
        assert_eq!(actions.to_string(), kept);
    }
    Ok(())
}

#[test]
fn many_large_answers_in_one_ack_are_not_kept() {
    let allocated = allocation_counter::measure(|| {
        actix_rt::System::new().block_on(async {
            let mut haproxy = agent().await.connect().await.unwrap();
            let messages: Messages = (0..600).map(|_| ask_big(1 << 20)).collect();
            assert!(haproxy.notify(messages).await.unwrap().is_empty());
        });
    });
    // One is made at a time: 600 would be 600 MiB.
    assert!(allocated.bytes_max < 8 << 20, "{} bytes", allocated.bytes_max);
}

#[actix_rt::test]
async fn checklist_39_unknown_messages_and_arguments_are_skipped() -> Result {
    let mut haproxy = agent().await.connect().await?;
    let unknown = Message::new("nobody").arg("", true).arg("a", &[1, 2][..]).arg("a", "b");
    let known = ask_score().arg("", 1).arg("other", "x").arg("other", "y");
    let actions = haproxy.notify([unknown.clone(), known, unknown]).await?;
    assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
    Ok(())
}

#[actix_rt::test]
async fn a_catch_all_route_takes_the_messages_without_a_handler() -> Result {
    let registry = registry().catch_all(Route::new(|message: Message| {
        let name = String::from_utf8_lossy(message.name()).into_owned();
        Actions::new().set_var(Scope::Transaction, "caught", &name)
    }));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let actions = haproxy.notify([Message::new("nobody"), ask_score()]).await?;
    let expected = "set-var txn.caught \"nobody\", set-var sess.ip_score 20";
    assert_eq!(actions.to_string(), expected);
    Ok(())
}

#[actix_rt::test]
async fn the_same_name_twice_is_an_error_at_start() {
    let twice = || {
        let route = || Route::new(|(): ()| Ok::<_, ActionError>(Actions::new()));
        Registry::new().on("a", route()).on("b", route()).on("a", route())
    };
    let error = InMemoryAgent::start(twice(), Limits::default()).await.unwrap_err();
    assert!(matches!(&error, AgentError::DuplicateRoute { name, .. } if name == "a"), "{error}");
    let error = Agent::bind("127.0.0.1:0").unwrap().start(twice()).await.unwrap_err();
    assert!(matches!(error, AgentError::DuplicateRoute { .. }), "{error}");
}

/// Panics over `panic`, answers anything else with how many calls it had.
#[derive(Default)]
struct Counting(i64);

impl Actor for Counting {
    type Context = Context<Self>;
}

impl Handler<MailboxCall> for Counting {
    type Result = std::result::Result<Actions, BoxError>;

    fn handle(&mut self, call: MailboxCall, _: &mut Self::Context) -> Self::Result {
        self.0 += 1;
        assert!(call.message().get("panic").is_none(), "as asked");
        match call.message().get("fail") {
            Some(_) => Err("as asked".into()),
            None => Ok(variable("calls", self.0)),
        }
    }
}

#[actix_rt::test]
async fn a_raw_actor_answers_in_the_order_of_its_mailbox_and_leaves_its_fallback() -> Result {
    let route = Route::actor(|| Counting::default().start()).fallback(variable("calls", -1));
    let mut haproxy = FakeHaproxy::start(Registry::new().on("count", route)).await?;
    let count = Message::new("count");
    let all = [count.clone(), count.clone().arg("fail", true), count.clone()];
    let expected = "set-var txn.calls 1, set-var txn.calls -1, set-var txn.calls 3";
    assert_eq!(haproxy.notify(all).await?.to_string(), expected);
    // An actor that is gone is no reason to leave a stream without its answer.
    for _ in 0..2 {
        let actions = haproxy.notify(count.clone().arg("panic", true)).await?;
        assert_eq!(actions.to_string(), "set-var txn.calls -1");
    }
    Ok(())
}

#[actix_rt::test]
async fn an_ack_without_actions_gets_one_that_does_nothing_where_that_is_asked_for() -> Result {
    let agent = Agent::bind("127.0.0.1:0")?.fill_empty_acks(true).start(registry()).await?;
    let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
    let mut haproxy = FakeHaproxy::over(stream).await?;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    // A message that nobody knows, and a NOTIFY without one.
    for messages in [Messages::from(Message::new("nobody")), Messages::default()] {
        let (stream_id, _) = haproxy.send_notify(messages).await?;
        let mut bytes = [0; 24];
        haproxy.stream_mut().read_exact(&mut bytes).await?;
        let mut expected = *b"\0\0\0\x14\x67\0\0\0\x01\0\x01\x02\x02\x02\x09spoa_none";
        expected[9] = u8::try_from(stream_id.0).unwrap();
        assert_eq!(bytes, expected, "{}", bytes.escape_ascii());
    }
    Ok(())
}
