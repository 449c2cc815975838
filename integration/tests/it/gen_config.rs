//! `gen-config`: HAProxy's side of a file loads without a warning, and does what the agent decides.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use reqwest::Method;
use spoa_integration::{
    Answer, App, Config, Haproxy, Scratch, SpoaAgent, SpoaAgentOptions, Version, built, free_port,
    on_every_haproxy,
};
use tokio::process::Command;

use crate::{http2, scene::SOON};

/// Every verdict there is; what a client sends becomes a part of headers, cookies and bodies.
const EVERYTHING: &str = r#"
[handler.client]
kind = "set"
values = { note = "{q}", place = "here" }
set = ["note", "place"]

[handler.rules]
kind = "rules"
rules = [
    { if = "path == '/401'", then = "deny", status = 401, reason = "login", authenticate = "Basic realm=\"{q}\"" },
    { if = "path == '/403'", then = "deny", reason = "refused" },
    { if = "path == '/204'", then = "deny", status = 204 },
    { if = "path == '/451'", then = "deny", status = 451 },
    { if = "path == '/429'", then = "deny", status = 429, reason = "over_limit", retry_after = "30" },
    { if = "body_size > 10", then = "deny", status = 413, reason = "too_large" },
    { if = "path == '/away'", then = "redirect", location = "https://example.com/{q}", cookie = "sid={q}" },
    { if = "path == '/moved'", then = "redirect", status = 308, location = "/there" },
    { if = "path == '/drop'", then = "drop" },
    { if = "path == '/tarpit'", then = "tarpit", status = 429 },
    { if = "path == '/challenge'", then = "challenge", level = 2 },
    { if = "path == '/json'", then = "respond", body = "{{\"q\":\"{q}\",\"share\":\"5%\"}}" },
    { if = "path == '/teapot'", then = "respond", status = 418, body = "{{}}" },
    { if = "path == '/cookies'", then = "allow", cookie = "a=1", cookie2 = "b=2" },
]

[message.check-request]
run = ["client", "rules"]
args = { q = { from = "query", field = "q" } }
deadline = "8s"
unanswered = "deny"
"#;

/// What a client would like to be a header.
const HOSTILE: &str = "q=a%22%25%0d%0ax-evil:%201%0d%0a%0d%0a";

struct Scene {
    haproxy: Haproxy,
    app: App,
    /// Where HAProxy takes HTTP/2 without TLS.
    http2: SocketAddr,
    _files: Scratch,
}

impl Scene {
    /// An HAProxy whose side of the file `gen-config` has written, in front of an agent at this address.
    async fn start(version: Version, file: &str, agent: SocketAddr) -> Self {
        let files = Scratch::new().unwrap();
        let text = format!("[listen.local]\ntcp = \"{agent}\"\n{file}");
        let config = files.write("spoa-agent.toml", &text).unwrap();
        let program = built("spoa-agent", "spoa-agent").await.unwrap();
        let mut command = Command::new(program);
        command.args(["gen-config", "--haproxy", version.branch(), "--config"]).arg(config);
        let output = command.arg("--write").arg(files.path()).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let app = App::start().await.unwrap();
        let generated = std::fs::read_to_string(files.join("haproxy.spoa.cfg")).unwrap();
        let main = format!(
            "defaults\n    mode http\n    log global\n    option httplog\n    timeout connect 1s\n    \
             timeout client 30s\n    timeout server 30s\n\
             backend servers\n    server app {}\n\
             frontend web\n    bind 127.0.0.1:8080\n    bind 127.0.0.1:8081 proto h2\n    \
             default_backend servers\n{}",
            app.address(),
            generated.replace("timeout tarpit 10s", "timeout tarpit 300ms"),
        );
        let main = files.write("haproxy.cfg", &main).unwrap();
        let http2 = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = Config::file(version, main, "127.0.0.1:8080")
            .replace("127.0.0.1:8081", http2.to_string());
        let haproxy = config.start().await.unwrap();
        // An agent that is not there is none of the configuration's faults.
        let is_about_it =
            |line: &String| !line.contains("is DOWN") && !line.contains("no server available");
        let complaints: Vec<_> = haproxy.complaints().into_iter().filter(is_about_it).collect();
        assert_eq!(complaints, Vec::<String>::new());
        Self { haproxy, app, http2, _files: files }
    }

    /// The same with an agent that serves the file.
    async fn with_agent(version: Version, file: &str) -> (SpoaAgent, Self) {
        let files = Scratch::new().unwrap();
        let path = files.write("spoa-agent.toml", file).unwrap();
        let options = format!("--config {}", path.display());
        let agent = SpoaAgentOptions::default().options(&options).start().await.unwrap();
        let scene = Self::start(version, file, agent.address()).await;
        (agent, scene)
    }

    async fn get(&self, path: &str) -> Answer {
        self.haproxy.http().get(path).await.unwrap()
    }

    /// Asks over HTTP/2.
    async fn ask2(&self, request: http::request::Builder, body: &'static [u8]) -> Answer {
        http2::ask(self.http2, request.body(body).unwrap()).await.unwrap()
    }

    /// The answers to both versions of HTTP.
    async fn both(&self, path: &str) -> [Answer; 2] {
        let uri = format!("http://{}{path}", self.http2);
        [self.get(path).await, self.ask2(Request::get(uri), b"").await]
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_denial_has_its_status_its_headers_and_its_page(version: Version) {
        let (_agent, scene) = Scene::with_agent(version, EVERYTHING).await;
        for (path, status, header) in [
            ("/401?q=a", 401, Some(("www-authenticate", "Basic realm=\"a\""))),
            ("/403", 403, None),
            ("/429", 429, Some(("retry-after", "30"))),
            ("/451", 451, None),
            ("/tarpit", 429, None),
        ] {
            for answer in scene.both(path).await {
                assert_eq!(answer.status, status, "{path}");
                assert!(answer.text().contains("<h1>Request refused</h1>"), "{}", answer.text());
                assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
                if let Some((name, value)) = header {
                    assert_eq!(answer.header(name), Some(value), "{path}");
                }
            }
        }
        for answer in scene.both("/204").await {
            assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        }
        assert_eq!(scene.app.requests(), 0);
        let verdict = "action=deny reason=login by=rules error=-";
        scene.haproxy.logs().line(SOON, |line| line.contains(verdict)).await.unwrap();
        let large = scene.haproxy.http().post("/", "eleven bytes").await.unwrap();
        assert_eq!(large.status, 413);
        let uri = format!("http://{}/", scene.http2);
        let large = scene.ask2(Request::post(uri), b"eleven bytes").await;
        assert_eq!(large.status, 413);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn other_verdicts_are_done_as_well(version: Version) {
        let (_agent, scene) = Scene::with_agent(version, EVERYTHING).await;
        for answer in scene.both("/away?q=b").await {
            assert_eq!(answer.status, 302);
            assert_eq!(answer.header("location"), Some("https://example.com/b"));
            assert_eq!(answer.header("set-cookie"), Some("sid=b"));
        }
        for answer in scene.both("/moved").await {
            assert_eq!((answer.status, answer.header("location")), (308, Some("/there")));
        }
        for answer in scene.both("/challenge").await {
            assert_eq!(answer.status, 403);
            assert!(answer.text().contains("<h1>Check needed</h1>"), "{}", answer.text());
        }
        for answer in scene.both("/json?q=c").await {
            assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"q":"c","share":"5%"}"#));
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
        for answer in scene.both("/teapot").await {
            assert_eq!((answer.status, answer.text().as_str()), (418, "{}"));
        }
        assert_eq!(scene.app.requests(), 0);
        scene.haproxy.http().get("/drop").await.unwrap_err();
        let uri = format!("http://{}/drop", scene.http2);
// The client of HTTP/2 may never hear that its connection has gone.
        let dropped = http2::ask(scene.http2, Request::get(uri).body(&b""[..]).unwrap());
        if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), dropped).await {
            answer.unwrap_err();
        }
        for answer in scene.both("/cookies").await {
            assert_eq!(answer.status, 200);
            let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["a=1", "b=2"]);
        }
        assert_eq!(scene.app.requests(), 2);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn what_is_allowed_reaches_the_server_with_the_headers_of_set(version: Version) {
        let (_agent, scene) = Scene::with_agent(version, EVERYTHING).await;
        let forged = |name: &'static str| {
            scene.haproxy.http().send(Method::GET, "/?q=d", move |request| request.header(name, "forged"))
        };
        for name in ["x-spoa-client-place", "X_Spoa_Client_Place", "x-spoa-other", "X.SPOA.user"] {
            let answer = forged(name).await.unwrap();
            assert_eq!(answer.status, 200);
            let seen = scene.app.last_request();
            assert!(seen.contains("x-spoa-client-place: here\n"), "{seen}");
            assert!(seen.contains("x-spoa-client-note: d\n"), "{seen}");
            assert!(!seen.contains("forged"), "{seen}");
        }
        let uri = format!("http://{}/?q=e", scene.http2);
        let request = Request::get(uri).header("x-spoa-client-place", "forged");
        assert_eq!(scene.ask2(request, b"").await.status, 200);
        let seen = scene.app.last_request();
        assert!(seen.contains("x-spoa-client-note: e\n") && !seen.contains("forged"), "{seen}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn what_a_client_sends_becomes_no_header(version: Version) {
        let (_agent, scene) = Scene::with_agent(version, EVERYTHING).await;
        for path in ["/401", "/away", "/json", "/"] {
            for answer in scene.both(&format!("{path}?{HOSTILE}")).await {
                assert!(answer.status < 500, "{path} {}", answer.status);
                assert_eq!(answer.header("x-evil"), None, "{path}");
            }
        }
        let seen = scene.app.last_request();
        assert!(!seen.contains("\nx-evil"), "{seen}");
        assert!(seen.contains("x-spoa-client-note: a\"%"), "{seen}");
    }
}

const CLOSED: &str = r#"
[handler.rules]
kind = "rules"
rules = [{ if = "path == '/no'", then = "deny" }]

[message.check-request]
run = ["rules"]
deadline = "300ms"
unanswered = "deny"
"#;

on_every_haproxy! {
    #[actix_rt::test]
    async fn without_an_agent_a_request_is_refused_or_passes_as_the_file_says(version: Version) {
        let nobody = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let closed = Scene::start(version, CLOSED, nobody()).await;
        for answer in closed.both("/").await {
            assert_eq!(answer.status, 503);
            assert!(answer.text().contains("<h1>Request refused</h1>"), "{}", answer.text());
        }
        assert_eq!(closed.app.requests(), 0);
        let with_error = |line: &str| line.contains("action=- reason=- by=- error=") && !line.contains("error=-");
        closed.haproxy.logs().line(SOON, with_error).await.unwrap();
        let open = CLOSED.replace("unanswered = \"deny\"", "unanswered = \"allow\"");
        let open = Scene::start(version, &open, nobody()).await;
        for answer in open.both("/no").await {
            assert_eq!(answer.status, 200);
        }
        assert_eq!(open.app.requests(), 2);
    }
}

/// A message for the request, and a slower one for its response.
const RESPONSES: &str = r#"
[handler.rules]
kind = "rules"
rules = [{ if = "path == '/no'", then = "deny" }]

[handler.answers]
kind = "rules"
rules = [
    { if = "status >= 500 && path.startsWith('/status/')", then = "deny", status = 502, reason = "broken" },
    { if = "status == 404", then = "redirect", location = "/search" },
]

[message.check-request]
run = ["rules"]
deadline = "8s"
unanswered = "allow"

[message.see-response]
run = ["answers"]
at = "response"
deadline = "9s"
unanswered = "allow"
"#;

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_message_of_the_response_knows_its_request(version: Version) {
        let (_agent, scene) = Scene::with_agent(version, RESPONSES).await;
        for (path, status) in
            [("/", 200), ("/no", 403), ("/status/500", 502), ("/status/201", 201), ("/status/404", 302)]
        {
            for answer in scene.both(path).await {
                assert_eq!(answer.status, status, "{path}");
            }
        }
    }
}
