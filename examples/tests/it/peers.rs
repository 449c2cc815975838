//! Agents in the place of those of other frameworks, behind the HAProxy files of these.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use spoa_actors::spop::FrameType;
use spoa_integration::{App, Config, HttpClient, Scratch, Tap, Version, on_every_haproxy, until};

use crate::{
    program::free_address,
    raw::raw,
    scene::{SOON, example, file},
};

/// Where HAProxy knows it, their `mode spop`.
pub(crate) fn with_their_mode(version: Version, config: Config) -> Config {
    let is_known = version.has_new_engine();
    if is_known { config.replace("    mode tcp\n", "    mode spop\n") } else { config }
}

/// The files of a peer.
pub(crate) fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// spoe-forge: HAProxy sends the user agent, and the application sees what the agent made of it.
fn spoe_forge(version: Version, app: &App) -> Config {
    let config = file(version, "peers/spoe_forge/haproxy.cfg", "127.0.0.1:8080")
        .replace("server test 127.0.0.1:8000", format!("server test {}", app.address()));
    with_their_mode(version, config)
}

const SPOE_FORGE: &str = "127.0.0.1:8500";

on_every_haproxy! {
    #[actix_rt::test]
    async fn spoe_forge_s_ping_is_answered(version: Version) {
        let app = App::start().await.unwrap();
        let config = spoe_forge(version, &app);
        let scene = example!("like_spoe_forge").start_behind(config, SPOE_FORGE).await;
        let answer = scene.http().get_with("/", "user-agent", "curl/8").await.unwrap();
        assert!(answer.text().contains("\nx-test-arg: ua was: curl/8\n"), "{}", answer.text());
        // Their condition: not for an icon.
        let icon = scene.http().get_with("/favicon.ico", "user-agent", "curl/8").await.unwrap();
        assert!(!icon.text().contains("ua was:"), "{}", icon.text());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn spoe_forge_s_ping_gives_back_a_name_that_is_no_utf_8(version: Version) {
        let app = App::start().await.unwrap();
        let show = "http-request return status 200 content-type text/plain lf-string %[req.hdr(x-test-arg),hex]";
        let config = spoe_forge(version, &app)
            .replace(format!("server test {}", app.address()), show);
        let scene = example!("like_spoe_forge").start_behind(config, SPOE_FORGE).await;
        let request = b"GET / HTTP/1.0\r\nuser-agent: caf\xe9\r\n\r\n";
        let answer = raw([127, 0, 0, 1], scene.haproxy.address(), request).await;
        // `ua was: caf` and the byte.
        assert!(answer.ends_with("\r\n\r\n7561207761733A20636166E9"), "{answer}");
    }
}

/// What clients named `slow` and `fast` asked and were answered since then, in the order in which it
/// passed; if all of it was on one connection.
fn order(tap: &Tap, since: usize) -> Option<Vec<&'static str>> {
    let frames = tap.frames().split_off(since);
    let is_one = frames.windows(2).all(|pair| pair[0].connection == pair[1].connection);
    let name = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        ["slow", "fast"].into_iter().find(|name| text.contains(name))
    };
    is_one.then(|| frames.iter().filter_map(|frame| name(&frame.bytes)).collect())
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn spoe_forge_s_slow_client_delays_nobody_else(version: Version) {
        let app = App::start().await.unwrap();
        // One connection for all: in old versions `maxconn` bounds connections, in new ones requests.
        let config = spoe_forge(version, &app).replace("maxconn 600", "maxconn 600\n    nbthread 1");
        let one = format!("{SPOE_FORGE} maxconn 1");
        let is_new = version.has_new_engine();
        let config = if is_new { config } else { config.replace(SPOE_FORGE, one) };
        let (scene, tap) =
            example!("like_spoe_forge").start_behind_tap(config, SPOE_FORGE).await;
        let ping = async |http: HttpClient, name: &'static str| {
            let answer = http.get_with("/", "user-agent", name).await.unwrap();
            answer.text().contains(&format!("ua was: {name}"))
        };
        assert!(ping(scene.http().clone(), "first").await);
        // Again if a busy machine had no answer for HAProxy's one second.
        let overtaken = async || {
            let since = tap.frames().len();
            let slow = actix_rt::spawn(ping(scene.http().another().unwrap(), "slow"));
            let is_asked = async || order(&tap, since)?.first().copied();
            assert_eq!(until("the agent is asked", SOON, is_asked).await.unwrap(), "slow");
            let is_answered = [ping(scene.http().clone(), "fast").await, slow.await.unwrap()];
            let order = order(&tap, since)?;
            (is_answered == [true; 2] && order == ["slow", "fast", "fast", "slow"]).then_some(())
        };
        until("the last to ask is answered first", SOON, overtaken).await.unwrap();
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_dotnet_framework_s_score_reaches_the_application(version: Version) {
        let app = App::start().await.unwrap();
        let config = file(version, "peers/dotnet/haproxy.cfg", "127.0.0.1:8000")
            .replace("127.0.0.1:8081", app.address().to_string());
        let scene = example!("like_dotnet").start_behind(config, "127.0.0.1:12345").await;
        let text = scene.text("/").await;
        assert!(text.contains("\nip_score: 20\n"), "{text}");
        // Their condition: `/` alone.
        let other = scene.http_from([127, 0, 0, 3]).get("/other").await.unwrap();
        assert!(!other.text().contains("ip_score: 20"), "{}", other.text());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_dotnet_framework_s_fragments_are_taken_where_haproxy_sends_them(version: Version) {
        let app = App::start().await.unwrap();
        let files = Scratch::new().unwrap();
        let theirs = |name| fs::read_to_string(peer("dotnet").join(name)).unwrap();
        let main = files.write("haproxy.cfg", &theirs("haproxy.cfg")).unwrap();
        // More than a frame of 16 KiB, and what they ask for behind it.
        let large = theirs("spoa.conf").replace("args ip=src", "args req.hdr(x) req.hdr(x) ip=src");
        assert!(large.contains("option send-frag-payload"));
        files.write("spoa.conf", &large).unwrap();
        let config = Config::file(version, main, "127.0.0.1:8000")
            .replace("127.0.0.1:8081", app.address().to_string());
        let (scene, tap) =
            example!("like_dotnet").start_behind_tap(config, "127.0.0.1:12345").await;
        let answer = scene.http().get_with("/", "x", &"x".repeat(9_000)).await.unwrap();
        let is_scored = answer.text().contains("\nip_score: 20\n");
        let has_fragments = !tap.ids(FrameType::UNSET).is_empty();
        let does_haproxy = !version.has_new_engine();
        assert_eq!((has_fragments, is_scored), (does_haproxy, does_haproxy));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn haproxy_spoe_go_s_score_rejects_the_blacklisted(version: Version) {
        let folder = peer("haproxy_spoe_go");
        let config = file(version, "peers/haproxy_spoe_go/haproxy.cfg", "127.0.0.1:8080")
            .replace("examples/peers/haproxy_spoe_go", folder.display().to_string());
        let scene = example!("like_haproxy_spoe_go").start_behind(config, "127.0.0.1:3000").await;
        let text = async |http: HttpClient| Some(http.get("/").await.ok()?.text());
        let rejections = async || {
            let status = scene.haproxy.stats().status("my-front", "FRONTEND").await.unwrap();
            status.number("dreq")
        };
        // They wait for ten milliseconds only, which a busy machine may need: then there is no score.
        // It is one of the session, so that each try needs another connection.
        let safe = async || {
            let text = text(scene.http().another().unwrap()).await.unwrap();
            (text == "score 100\n").then_some(())
        };
        until("a safe address has its score", SOON, safe).await.unwrap();
        assert_eq!(rejections().await, Some(0));
        let rejected = async || match text(scene.http_from([127, 0, 0, 66])).await {
            Some(text) => {
                assert_eq!(text, "score \n");
                None
            }
            None => Some(()),
        };
        until("a blacklisted one is rejected", SOON, rejected).await.unwrap();
        assert_eq!(rejections().await, Some(1));
        // Their condition: HAProxy does not ask about whom its list has.
        let listed = text(scene.http_from([127, 0, 0, 77])).await;
        assert_eq!(listed.as_deref(), Some("score \n"));
        until("a safe address still has its score", SOON, safe).await.unwrap();
    }
}

/// How the arguments of their engine `args` arrive.
pub(crate) const ECHO: &str = "answer=42 country=de lossy=lossy unnamed=first,127.0.0.1,second \
    all=answer:42,:first,:127.0.0.1,country:de,country:shadowed,:second,bad\\u{fffd}:lossy";

/// What their file rejects by, but does not show.
const SCORES: &str = "    \
    http-after-response set-header x-score-socket %[var(sess.spoe_test_socket.ip_score)]
    http-after-response set-header x-score-tcp %[var(sess.spoe_test.ip_score)]
";

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_engines_of_spop_are_answered(version: Version) {
        let files = Scratch::new().unwrap();
        let socket = files.join("spoa.sock");
        let config = file(version, "peers/spop/haproxy.cfg", "127.0.0.1:5000")
            .replace("unix@/tmp/spoa.sock", format!("unix@{}", socket.display()))
            .replace("    default_backend app\n", format!("{SCORES}    default_backend app\n"));
        let config = with_their_mode(version, config);
        let other = free_address().to_string();
        let config = config.replace("127.0.0.1:12346", &other);
        let example = example!("like_spop").argument(&socket).argument(other);
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o666);
        // They wait for ten milliseconds only, and go on without an answer then: for a whole connection
        // without a score.
        let answered = async || {
            let http = scene.http().another().unwrap();
            let answer = http.get_with("/", "cf-ipcountry", "de").await.unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, "Hello"));
            let headers = ["x-spoe-var_socket", "x-spoe_var_tcp", "x-score-socket", "x-score-tcp"];
            let values = headers.map(|name| answer.header(name));
            let is_echoed = answer.header("x-spoe-args") == Some(ECHO);
            (is_echoed && values == ["tequila", "tequila", "99", "99"].map(Some)).then_some(())
        };
        until("the engines have answered", SOON, answered).await.unwrap();
        let log = scene.log();
        let told = "Some(127.0.0.1) from Some(\"de\") with None; source and destination: [127.0.0.1, 127.0.0.1]";
        assert!(log.contains(told), "{log}");

        let other = b"GET / HTTP/1.0\r\ncf-ipcountry: d\xff\r\n\r\n";
        let answered = async || {
            let answer = raw([127, 0, 0, 1], scene.haproxy.address(), other).await.to_lowercase();
            let headers = ["\r\nx-spoe-var_socket: tequila\r\n", "\r\nx-spoe_var_tcp: tequila\r\n"];
            headers.iter().all(|header| answer.contains(header)).then_some(())
        };
        until("both have for what is no UTF-8", SOON, answered).await.unwrap();
        assert!(scene.log().contains("Some(127.0.0.1) from Some(\"d\u{fffd}\")"), "{}", scene.log());
    }
}
