//! The example `traced`: the context of a request goes through the agent to the server behind HAProxy,
//! and to the one that the handler asks. The spans themselves are looked at in `integration`.

use reqwest::{Method, RequestBuilder};
use spoa_integration::{App, on_every_haproxy};

use crate::scene::{example, file};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A header of the last request.
fn header(app: &App, name: &str) -> Option<String> {
    let request = app.last_request();
    let mut lines = request.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(this, _)| *this == name).map(|(_, value)| value.trim().to_owned())
}

/// The `traceparent` of the last request; empty if it had none.
fn traceparent(app: &App) -> String {
    header(app, "traceparent").unwrap_or_default()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_context_of_a_request_goes_on_from_the_span_of_the_agent(version: Version) {
        let (server, asked) = (App::start().await.unwrap(), App::start().await.unwrap());
        let config = file(version, "haproxy/traced.cfg", "127.0.0.1:8080")
            .replace("127.0.0.1:8000", server.address().to_string());
        let example = example!("traced").argument(asked.address().to_string());
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let answer = scene.http().get_with("/", "traceparent", &parent).await.unwrap();
        let handed_back = answer.header("traceparent").unwrap();
        assert_eq!((answer.status, traceparent(&server).as_str()), (200, handed_back));
        // Each goes on from a span of its own, in the trace of the client.
        let parents = [parent.as_str(), handed_back, &traceparent(&asked)];
        let ids = parents.map(|parent| parent.strip_prefix(&format!("00-{TRACE}-")).unwrap().to_owned());
        let [client, notify, ask] = ids;
        assert!(client != notify && notify != ask && ask != client, "{client} {notify} {ask}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_tracestate_goes_on_with_its_traceparent_and_not_without(version: Version) {
        let (server, asked) = (App::start().await.unwrap(), App::start().await.unwrap());
        let config = file(version, "haproxy/traced.cfg", "127.0.0.1:8080")
            .replace("127.0.0.1:8000", server.address().to_string());
        let example = example!("traced").argument(asked.address().to_string());
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        let states = async |parent: Option<String>| {
            let build = |request: RequestBuilder| {
                let request = request.header("tracestate", "a=1");
                parent.into_iter().fold(request, |request, parent| request.header("traceparent", parent))
            };
            let answer = scene.http().send(Method::GET, "/", build).await.unwrap();
            assert_eq!(answer.status, 200);
            assert!(!traceparent(&server).is_empty() && !traceparent(&asked).is_empty());
            [&server, &asked].map(|app| header(app, "tracestate"))
        };
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(states(Some(parent)).await, [(); 2].map(|()| Some("a=1".to_owned())));
        assert_eq!(states(None).await, [None, None]);
    }
}
