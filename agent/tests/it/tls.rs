//! `--tls-…` and `--proxy-protocol`, of the agent and of those who ask it.

use crate::{
    certificates::issue,
    scene::{Agent, Folder, Outcome, spoa_agent, text},
};

const ANSWER: &str = "set-var sess.ip_score = 20 (int64)\n";

fn call(agent: &Agent, options: &[&str]) -> Outcome {
    let address = agent.address();
    let call = ["call", "--addr", &address];
    spoa_agent(&[&call[..], options, &["check-client-ip", "ip=::1"]].concat())
}

#[track_caller]
fn check_fails(outcome: &Outcome, code: i32, part: &str) {
    assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{outcome:?}");
    assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn checklist_41_tls_is_spoken_on_tcp_and_not_on_unix() {
    let folder = Folder::new();
    let [ca, cert, key] = issue(&folder, "127.0.0.1");
    let path = folder.file("s");
    let listen = ["--listen", "127.0.0.1:0", "--unix", text(&path)];
    let agent = Agent::start(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
    assert!(agent.line.contains(" --tls-ca CA.pem check-client-ip"), "{}", agent.line);

    assert_eq!(call(&agent, &["--tls-ca", &ca]).stdout, ANSWER);
    let healthy = spoa_agent(&["healthcheck", "--addr", &agent.address(), "--tls-ca", &ca]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    let unix = spoa_agent(&["call", "--unix", text(&path), "check-client-ip", "ip=::1"]);
    assert_eq!(unix.stdout, ANSWER, "{unix:?}");

    check_fails(&call(&agent, &[]), 1, "closed the connection; check that it is a SPOE agent, wit");
    let [other, ..] = issue(&folder, "other.test");
    check_fails(&call(&agent, &["--tls-ca", &other]), 1, "give the CA of the agent's certificate");
    let named = ["--tls-ca", &ca, "--tls-name", "agent.test"];
    check_fails(&call(&agent, &named), 1, "give the name of the certificate with --tls-name");
    check_fails(&call(&agent, &["--tls-ca", &key]), 1, "no certificate in PEM");
    let missing = text(&folder.file("missing")).to_owned();
    check_fails(&call(&agent, &["--tls-ca", &missing]), 1, "No such file");
}

#[test]
fn checklist_41_mutual_tls_wants_a_certificate() {
    let folder = Folder::new();
    let [ca, cert, key] = issue(&folder, "localhost");
    let [client_ca, client_cert, client_key] = issue(&folder, "haproxy");
    let [_, wrong_cert, wrong_key] = issue(&folder, "stranger");
    let agent = Agent::start(&[
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--tls-client-ca",
        &client_ca,
    ]);
    let with = |cert, key| {
        let trust = ["--tls-ca", &ca, "--tls-name", "localhost"];
        call(&agent, &[&trust[..], &["--tls-cert", cert, "--tls-key", key]].concat())
    };
    assert_eq!(with(&client_cert, &client_key).stdout, ANSWER);
    check_fails(&with(&wrong_cert, &wrong_key), 1, "it may ask for another certificate");
    let without = call(&agent, &["--tls-ca", &ca, "--tls-name", "localhost"]);
    check_fails(&without, 1, "give one with --tls-cert and --tls-key");
    check_fails(&with(&client_cert, &wrong_key), 1, "cannot use");
    check_fails(&with(&client_key, &client_key), 1, "no certificate in PEM");
}

#[test]
fn checklist_41_a_proxy_header_is_taken_on_tcp_and_unix_with_tls_and_without() {
    let folder = Folder::new();
    let path = folder.file("s");
    let listen = ["--listen", "127.0.0.1:0", "--unix", text(&path), "--proxy-protocol"];
    let agent = Agent::start(&listen);
    let advertised = agent.advertised();
    assert_eq!(spoa_agent(&advertised[1..]).stdout, ANSWER, "{advertised:?}");
    let unix = ["call", "--proxy-protocol", "--unix", text(&path), "check-client-ip", "ip=::1"];
    assert_eq!(spoa_agent(&unix).stdout, ANSWER);
    check_fails(&call(&agent, &[]), 1, "check that it is a SPOE agent");
    drop(agent);

    let [ca, cert, key] = issue(&folder, "127.0.0.1");
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let agent = Agent::start(&[&listen[..], &tls].concat());
    assert_eq!(call(&agent, &["--proxy-protocol", "--tls-ca", &ca]).stdout, ANSWER);
}

#[test]
fn files_that_do_not_work_are_an_error_that_says_what_to_do() {
    let folder = Folder::new();
    let [ca, cert, key] = issue(&folder, "localhost");
    let [_, _, other_key] = issue(&folder, "other");
    let missing = text(&folder.file("missing")).to_owned();
    for (args, part) in [
        ([&missing, &key, &ca], "missing for TLS: No such file or directory (os error 2); check"),
        ([&key, &key, &ca], "there is no certificate in it; a certificate begins with -----"),
        ([&cert, &cert, &ca], "there is no private key in it"),
        ([&cert, &other_key, &ca], "it is not the key of the certificate in"),
        ([&cert, &key, &key], "there is no certificate in it"),
    ] {
        let [cert, key, ca] = args;
        let outcome = spoa_agent(&[
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            cert,
            "--tls-key",
            key,
            "--tls-client-ca",
            ca,
        ]);
        check_fails(&outcome, 1, part);
        assert!(outcome.stderr.starts_with("error: cannot use "), "{outcome:?}");
    }
    let path = folder.file("s");
    let tls = ["--unix", text(&path), "--tls-cert", &cert, "--tls-key", &key];
    check_fails(&spoa_agent(&tls), 2, "name one with --listen");
}
