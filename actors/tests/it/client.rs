//! A client asks an agent from any number of tasks, and an agent that misbehaves costs it nothing else.

use std::{future::pending, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use proptest::{collection::vec, prelude::*};
use spoa_actors::{
    Actions, Limits, Message, Registry, Route, Scope, TypedData,
    client::{Client, ClientError, ClientOptions},
    spop::{Ack, AgentHello, Disconnect, Frame, FrameCodec, FrameId, Notify, StatusCode, StreamId},
    testing::InMemoryAgent,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{sleep, timeout},
};
use tokio_util::codec::Framed;

/// An agent that does as it is told.
struct Agent(Framed<DuplexStream, FrameCodec>);

impl Agent {
    /// A client, and the agent at the other end, which has said HELLO.
    async fn greeted(options: ClientOptions) -> (Client, Self) {
        let (ours, theirs) = duplex(64 * 1024);
        let mut agent = Self(Framed::new(theirs, FrameCodec::default()));
        let greet = async {
            let Frame::HaproxyHello(hello) = agent.receive().await else { panic!("no HELLO") };
            let hello = AgentHello {
                version: "2.0".into(),
                max_frame_size: hello.max_frame_size,
                capabilities: hello.capabilities,
            };
            agent.send(Frame::AgentHello(hello)).await;
            agent.0.codec_mut().set_max_frame_size(1 << 20);
            agent
        };
        let (client, agent) = tokio::join!(Client::over(ours, options), greet);
        (client.unwrap(), agent)
    }

    async fn receive(&mut self) -> Frame {
        let next = timeout(Duration::from_secs(20), futures_util::StreamExt::next(&mut self.0));
        next.await.unwrap().unwrap().unwrap()
    }

    async fn notify(&mut self) -> Notify {
        match self.receive().await {
            Frame::Notify(notify) => notify,
            other => panic!("no NOTIFY, but {other:?}"),
        }
    }

    async fn send(&mut self, frame: Frame) {
        futures_util::SinkExt::send(&mut self.0, frame).await.unwrap();
    }

    async fn answer(&mut self, stream_id: StreamId, value: i64) {
        let actions = Actions::new().set_var(Scope::Session, "v", value).unwrap();
        self.send(Frame::Ack(Ack { stream_id, frame_id: FrameId(1), actions })).await;
    }
}

fn message(number: i64) -> Message {
    Message::new("m").arg("n", number)
}

fn shown(answer: Result<Actions, ClientError>) -> String {
    answer.map_or_else(|error| error.to_string(), |actions| actions.to_string())
}

#[actix_rt::test]
async fn many_tasks_ask_one_agent_and_each_gets_its_own_answer() {
    #[derive(serde::Deserialize)]
    struct Number {
        n: i64,
    }
    let later = Route::new(async |Number { n }: Number| {
        sleep(Duration::from_millis((n % 7) as u64)).await;
        Actions::new().set_var(Scope::Session, "v", n)
    });
    let agent =
        InMemoryAgent::start(Registry::new().on("m", later), Limits::default()).await.unwrap();
    let options = ClientOptions::default().in_flight(50);
    let client = Client::over(agent.open_stream(), options).await.unwrap();
    assert_eq!(client.hello().max_frame_size, 16380);
    let asked = (0..1000).map(|number| {
        let client = client.clone();
        actix_rt::spawn(async move { shown(client.notify(message(number)).await) })
    });
    for (number, answer) in join_all(asked).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), format!("set-var sess.v {number}"));
    }
}

/// The agent answers only when it has all of them, and in another order.
#[actix_rt::test]
async fn ten_thousand_notifies_in_flight_from_a_hundred_tasks_get_each_its_own_answer() {
    const TASKS: i64 = 100;
    const EACH: i64 = 100;
    const ALL: usize = (TASKS * EACH) as usize;
    let options = ClientOptions::default().in_flight(ALL).timeout(Duration::from_secs(120));
    let (client, mut agent) = Agent::greeted(options).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let client = client.clone();
            actix_rt::spawn(async move {
                let numbers = task * EACH..(task + 1) * EACH;
                let asked = numbers.clone().map(|number| client.notify(message(number)));
                let answers: Vec<_> = join_all(asked).await.into_iter().map(shown).collect();
                let expected: Vec<_> =
                    numbers.map(|number| format!("set-var sess.v {number}")).collect();
                assert_eq!(answers, expected);
            })
        })
        .collect();
    let mut asked = Vec::new();
    while asked.len() < ALL {
        let mut notify = agent.notify().await;
        let question = notify.messages.next().unwrap();
        let Some(TypedData::Int64(number)) = question.get("n") else { panic!("{question:?}") };
        asked.push((notify.stream_id, number));
    }
    for nth in 0..ALL {
        // Prime to the number of them, so that each has its turn.
        let (stream_id, number) = asked[nth * 7919 % ALL];
        agent.answer(stream_id, number).await;
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// What an agent sends instead of an answer: each call ends, with a reason of one line.
#[actix_rt::test]
async fn bytes_of_a_hostile_agent_end_the_connection_with_a_reason() {
    let endless = [0, 0, 0, 7, 103, 0, 0, 0, 1, 9, 1].repeat(100_000);
    let forged = Frame::AgentDisconnect(Disconnect {
        message: "\u{1b}[2Jok\nERROR the disk is full".into(),
        ..Disconnect::new(StatusCode::NORMAL)
    });
    let mut forging = BytesMut::new();
    forged.encode(&mut forging);
    for (bytes, reason) in [
        (&[0xff; 4][..], "4294967295"),
        (&[0, 0x0f, 0xff, 0xff], "1048575"),
        (&[0, 0, 0, 0], "frame length 0 is below 7"),
        (&[0, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0], "unexpected UNSET (0)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "1213486160"),
        (&endless, "stream-id 9, frame-id 1"),
        (&forging, r"\u{1b}[2Jok\nERROR the disk is full"),
        (&[], "closed"),
    ] {
        let (client, agent) = Agent::greeted(ClientOptions::default()).await;
        let hostile = async {
            let mut stream = agent.0.into_inner();
            // The client may have closed before all is sent.
            let _ = stream.write_all(bytes).await;
            drop(stream);
        };
        let asked = join_all((0..10).map(|number| client.notify(message(number))));
        let (answers, ()) =
            timeout(Duration::from_secs(60), async { tokio::join!(asked, hostile) })
                .await
                .expect("nobody waits for an agent that misbehaves");
        for answer in answers {
            let error = answer.unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Nothing an agent can send has a call panic or wait without an end.
    #[test]
    fn a_call_ends_whatever_the_agent_sends(bytes in vec(any::<u8>(), 0..200), is_framed: bool) {
        actix_rt::System::new().block_on(async {
            let options = ClientOptions::default().timeout(Duration::from_millis(20));
            let (client, agent) = Agent::greeted(options).await;
            let mut stream = agent.0.into_inner();
            let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            let length: &[u8] = if is_framed { &length } else { &[] };
            stream.write_all(&[length, &bytes].concat()).await.unwrap();
            let answer = timeout(Duration::from_secs(20), client.notify(message(1))).await;
            let shown = shown(answer.expect("it ends"));
            assert!(!shown.contains(char::is_control), "{shown:?}");
        });
    }
}

#[actix_rt::test]
async fn acks_are_taken_in_any_order() {
    let (client, mut agent) = Agent::greeted(ClientOptions::default()).await;
    let asked = async { tokio::join!(client.notify(message(1)), client.notify(message(2))) };
    let answered = async {
        let (one, two) = (agent.notify().await, agent.notify().await);
        agent.answer(two.stream_id, 2).await;
        agent.answer(one.stream_id, 1).await;
    };
    let ((one, two), ()) = tokio::join!(asked, answered);
    assert_eq!((shown(one), shown(two)), ("set-var sess.v 1".into(), "set-var sess.v 2".into()));
}

#[actix_rt::test]
async fn any_number_in_flight_is_one_that_a_client_can_have() {
    for number in [0, usize::MAX] {
        let (client, mut agent) = Agent::greeted(ClientOptions::default().in_flight(number)).await;
        let answered = async {
            let notify = agent.notify().await;
            agent.answer(notify.stream_id, 1).await;
        };
        let (answer, ()) = tokio::join!(client.notify(message(0)), answered);
        assert_eq!(shown(answer), "set-var sess.v 1");
    }
}

#[actix_rt::test]
async fn who_gives_up_makes_room_and_an_answer_that_is_late_is_dropped() {
    let short = ClientOptions::default().in_flight(2).timeout(Duration::from_millis(30));
    let (client, mut agent) = Agent::greeted(short).await;
    for _ in 0..20 {
        let late = client.notify(message(0)).await.unwrap_err();
        assert!(matches!(late, ClientError::Timeout(_)), "{late}");
    }
    let unanswered = agent.notify().await;
    agent.answer(unanswered.stream_id, 7).await;
    let patient = async {
        // Whether the agent's task or the client's time comes first is the machine's affair.
        loop {
            match client.notify(message(1)).await {
                Err(ClientError::Timeout(_)) => {}
                answer => return shown(answer),
            }
        }
    };
    let answering = async {
        loop {
            let stream_id = agent.notify().await.stream_id;
            agent.answer(stream_id, 1).await;
        }
    };
    tokio::select! {
        answer = patient => assert_eq!(answer, "set-var sess.v 1"),
        () = answering => {}
    }
}

#[actix_rt::test]
async fn an_ack_that_nobody_has_asked_for_ends_the_connection_with_that_reason() {
    for (stream_id, frame_id) in [(1, 1), (u64::MAX, 1), (0, 2)] {
        let (client, mut agent) = Agent::greeted(ClientOptions::default()).await;
        let ack = Ack {
            stream_id: StreamId(stream_id),
            frame_id: FrameId(frame_id),
            actions: Actions::new(),
        };
        let answered = async {
            agent.notify().await;
            agent.send(Frame::Ack(ack)).await;
        };
        let (waiting, ()) = tokio::join!(client.notify(message(0)), answered);
        let reason = format!(
            "the agent sent an ACK for stream-id {stream_id}, frame-id {frame_id}, which \
             this connection did not send"
        );
        assert_eq!(shown(waiting), reason);
        assert_eq!(shown(client.notify(message(0)).await), reason);
    }
}

#[actix_rt::test]
async fn what_ends_a_connection_is_told_to_all_that_wait_and_come_later() {
    let (client, mut agent) = Agent::greeted(ClientOptions::default()).await;
    let message = || message(0);
    let asked = async { tokio::join!(client.notify(message()), client.notify(message())) };
    let ended = async {
        agent.notify().await;
        let mut goodbye = Disconnect::new(StatusCode::NO_RESOURCE);
        goodbye.message = "full\n".into();
        agent.send(Frame::AgentDisconnect(goodbye)).await;
    };
    let ((one, two), ()) = tokio::join!(asked, ended);
    let three = client.notify(message()).await;
    for answer in [one, two, three] {
        let error = answer.unwrap_err();
        assert!(matches!(error, ClientError::Ended(_)), "{error}");
        assert_eq!(
            error.to_string(),
            r"the agent disconnects with status 13 (resource allocation error): full\n"
        );
    }
}

#[actix_rt::test]
async fn a_notify_that_fits_into_no_frame_is_refused_and_the_next_is_asked() {
    let (client, mut agent) = Agent::greeted(ClientOptions::default()).await;
    let large = Message::new("m").arg("text", "x".repeat(20_000).as_str());
    let error = client.notify(large).await.unwrap_err();
    let ClientError::NotifyTooLarge { size: 20_019, limit: 16_380 } = error else {
        panic!("{error}");
    };
    let answered = async {
        let stream_id = agent.notify().await.stream_id;
        agent.answer(stream_id, 1).await;
    };
    let (answer, ()) = tokio::join!(client.notify(message(1)), answered);
    assert_eq!(shown(answer), "set-var sess.v 1");
}

#[actix_rt::test]
async fn an_agent_that_reads_nothing_is_waited_for_no_longer_than_agreed() {
    let short = ClientOptions::default().in_flight(500).timeout(Duration::from_millis(50));
    let (client, agent) = Agent::greeted(short).await;
    let large = Message::new("m").arg("text", "x".repeat(16_000).as_str());
    for _ in 0..3 {
        let asked = (0..500).map(|_| client.notify(large.clone()));
        for answer in join_all(asked).await {
            let error = answer.unwrap_err();
            assert!(matches!(error, ClientError::Timeout(_)), "{error}");
        }
    }
    drop(agent);
    let error = client.notify(message(0)).await.unwrap_err();
    assert!(matches!(error, ClientError::Ended(_)), "{error}");
}

#[actix_rt::test]
async fn the_last_clone_ends_the_connection_by_a_disconnect() {
    let (client, mut agent) = Agent::greeted(ClientOptions::default()).await;
    let other = client.clone();
    drop(client);
    let asked = actix_rt::spawn(async move { shown(other.notify(message(1)).await) });
    let stream_id = agent.notify().await.stream_id;
    agent.answer(stream_id, 1).await;
    assert_eq!(asked.await.unwrap(), "set-var sess.v 1");
    let Frame::HaproxyDisconnect(theirs) = agent.receive().await else { panic!("no DISCONNECT") };
    assert_eq!(theirs.status_code, StatusCode::NORMAL);
    agent.send(Frame::AgentDisconnect(Disconnect::new(StatusCode::NORMAL))).await;
}

#[actix_rt::test]
async fn an_agent_that_says_no_hello_is_waited_for_no_longer_than_agreed() {
    let (ours, mut theirs) = duplex(1024);
    let options = ClientOptions::default().timeout(Duration::from_millis(20));
    let silent = async {
        let mut hello = [0; 1024];
        let _ = theirs.read(&mut hello).await;
        pending::<()>().await;
    };
    tokio::select! {
        client = Client::over(ours, options) => {
            let error = client.unwrap_err();
            assert!(matches!(error, ClientError::Timeout(_)), "{error}");
        }
        () = silent => {}
    }
    let (ours, theirs) = duplex(1024);
    let mut agent = Framed::new(theirs, FrameCodec::default());
    let unknown = Frame::Unknown(spoa_actors::spop::FrameType(Bytes::from_static(&[9])[0]));
    let (client, sent) = tokio::join!(
        Client::over(ours, ClientOptions::default()),
        futures_util::SinkExt::send(&mut agent, unknown)
    );
    sent.unwrap();
    assert!(matches!(client.unwrap_err(), ClientError::Unexpected(_)));
}
