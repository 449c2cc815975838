//! Agents in the place of those of other frameworks, behind the HAProxy files of these.

use std::time::{Duration, Instant};

use spoa_integration::{App, Config, HttpClient, Scratch, Version, on_every_haproxy, until};

use crate::scene::{SOON, Scene, example, file};

/// Where HAProxy knows it, their `mode spop`.
fn with_their_mode(version: Version, config: Config) -> Config {
    let is_known = version.has_new_engine();
    if is_known { config.replace("    mode tcp\n", "    mode spop\n") } else { config }
}

/// spoe-forge: HAProxy sends the user agent, and the application sees what the agent made of it.
async fn spoe_forge(version: Version, app: &App) -> Scene {
    let config = file(version, "peers/spoe_forge/haproxy.cfg", "127.0.0.1:8080")
        .replace("server test 127.0.0.1:8000", format!("server test {}", app.address()));
    let config = with_their_mode(version, config);
    example!("like_spoe_forge").start_behind(config, "127.0.0.1:8500").await
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn spoe_forge_s_ping_is_answered(version: Version) {
        let app = App::start().await.unwrap();
        let scene = spoe_forge(version, &app).await;
        let answer = scene.http().get_with("/", "user-agent", "curl/8").await.unwrap();
        assert!(answer.text().contains("\nx-test-arg: ua was: curl/8\n"), "{}", answer.text());
        // Their condition: not for an icon.
        let icon = scene.http().get_with("/favicon.ico", "user-agent", "curl/8").await.unwrap();
        assert!(!icon.text().contains("ua was:"), "{}", icon.text());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn spoe_forge_s_slow_client_delays_nobody_else(version: Version) {
        let app = App::start().await.unwrap();
        let scene = spoe_forge(version, &app).await;
        let other = scene.http().another().unwrap();
        let ping = async |http: &HttpClient, name: &'static str| {
            let started = Instant::now();
            let answer = http.get_with("/", "user-agent", name).await.unwrap();
            let is_answered = answer.text().contains(&format!("ua was: {name}"));
            is_answered.then(|| started.elapsed())
        };
        // Again if a busy machine had no answer for HAProxy's one second.
        let both = async || {
            let (slow, fast) = tokio::join!(ping(scene.http(), "slow"), ping(&other, "fast"));
            slow.zip(fast)
        };
        let (slow, fast) = until("both are answered", SOON, both).await.unwrap();
        assert!(slow >= Duration::from_millis(500), "{slow:?}");
        assert!(fast < slow, "{fast:?} {slow:?}");
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
    async fn haproxy_spoe_go_s_score_rejects_the_blacklisted(version: Version) {
        let config = file(version, "peers/haproxy_spoe_go/haproxy.cfg", "127.0.0.1:8080");
        let scene = example!("like_haproxy_spoe_go").start_behind(config, "127.0.0.1:3000").await;
        // They wait for ten milliseconds only, which a busy machine may need: then there is no score.
        let safe = async || (scene.text("/").await == "score 100").then_some(());
        until("a safe address has its score", SOON, safe).await.unwrap();
        let rejected = async || {
            // Another connection each time: the score is one of the session.
            scene.http_from([127, 0, 0, 66]).get("/").await.err()
        };
        until("a blacklisted one is rejected", SOON, rejected).await.unwrap();
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn both_engines_of_spop_are_answered(version: Version) {
        let files = Scratch::new().unwrap();
        let socket = files.join("spoa.sock");
        let config = file(version, "peers/spop/haproxy.cfg", "127.0.0.1:5000")
            .replace("unix@/tmp/spoa.sock", format!("unix@{}", socket.display()));
        let config = with_their_mode(version, config);
        let example = example!("like_spop").argument(&socket);
        let scene = example.start_behind(config, "127.0.0.1:12345").await;
        // They wait for ten milliseconds only, and go on without an answer then.
        let answered = async || {
            let answer = scene.http().get_with("/", "cf-ipcountry", "de").await.unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, "Hello"));
            let headers = ["x-spoe-var_socket", "x-spoe_var_tcp"];
            let values = headers.map(|name| answer.header(name));
            (values == [Some("tequila"); 2]).then_some(())
        };
        until("both engines have answered", SOON, answered).await.unwrap();
        let log = scene.log();
        let told = "127.0.0.1 from Some(\"de\") with None; source and destination: [127.0.0.1, 127.0.0.1]";
        assert!(log.contains(told), "{log}");
    }
}
