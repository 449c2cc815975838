//! `--tls-…` and `--proxy-protocol`, of the agent and of those who ask it.

use std::{fs, process::Command};

use crate::{
    certificates::{issue, issue_until},
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
    check_fails(
        &call(&agent, &["--tls-ca", &other]),
        1,
        "name the CA that signed the agent's certificate",
    );
    let named = ["--tls-ca", &ca, "--tls-name", "agent.test"];
    check_fails(&call(&agent, &named), 1, "give the name of the certificate with --tls-name");
    check_fails(&call(&agent, &["--tls-ca", &key]), 1, "holds a private key and no certificate");
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
    check_fails(
        &with(&client_key, &client_cert),
        1,
        "if the files of certificate and key are swapped",
    );
    check_fails(&with(&client_cert, &client_cert), 1, "holds a certificate and no private key");
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
        ([&key, &cert, &ca], "holds a private key and no certificate; name the file of the cert"),
        ([&cert, &cert, &ca], "holds a certificate and no private key; name the file of its pri"),
        ([&cert, &other_key, &ca], "it is not the key of the certificate in"),
        ([&cert, &key, &key], "holds a private key and no certificate"),
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
    check_fails(&spoa_agent(&tls), 2, "add one with --listen");
}

/// Runs openssl in this folder.
fn openssl(folder: &Folder, words: &str) {
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).current_dir(folder.file(""));
    let output = command.output().expect("openssl is there");
    assert!(output.status.success(), "{words}: {output:?}");
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost";

/// The words of an advice that begin with `-addext`, each with its value, for these names.
fn advised_extensions(line: &str) -> String {
    let (_, words) = line.split_once("unless it is given ").expect("there is an advice");
    let (words, _) = words.split_once(": ").expect("it ends");
    words.replace("DNS:NAME,IP:ADDRESS", "DNS:localhost,IP:127.0.0.1")
}

#[test]
fn a_certificate_of_openssl_req_x509_is_refused_with_an_advice_that_works() {
    let folder = Folder::new();
    let make = |extensions: &str| {
        let words =
            format!("req -x509 {NEW_KEY} -keyout key -out certificate -days 30 {extensions}");
        openssl(&folder, &words);
        let [certificate, key] = ["certificate", "key"].map(|name| folder.file(name));
        let listen = ["--listen", "127.0.0.1:0", "--tls-cert", text(&certificate)];
        let agent = Agent::start(&[&listen[..], &["--tls-key", text(&key)]].concat());
        let trust = ["--tls-ca", text(&certificate)];
        [&[][..], &["--tls-name", "other"]].map(|name| call(&agent, &[&trust, name].concat()))
    };
    let [refused, _] = make("");
    check_fails(&refused, 1, "the certificate is one of a CA (CA:TRUE), and not of a server; ");
    let [well, misnamed] = make(&advised_extensions(&refused.stderr));
    assert_eq!(well.stdout, ANSWER);
    let words = "the certificate is not valid for \"other\", but for localhost and 127.0.0.1; give the \
                 name of the certificate with --tls-name\n";
    check_fails(&misnamed, 1, words);
    let [nameless, _] = make("-addext basicConstraints=critical,CA:FALSE");
    check_fails(&nameless, 1, "have it issued again with a name, such as -addext subjectAltName=");
    for Outcome { stderr, .. } in [refused, nameless] {
        assert!(!stderr.contains("invalid peer certificate"), "the words of rustls: {stderr}");
    }
}

#[test]
fn a_certificate_of_x_509_version_1_is_refused_with_an_advice_that_works() {
    let folder = Folder::new();
    openssl(&folder, &format!("req -new {NEW_KEY} -keyout key -out request"));
    let sign = |options: &str| {
        let words = "x509 -req -in request -signkey key -days 30 -out certificate";
        openssl(&folder, &format!("{words} {options}"));
        let [certificate, key] = ["certificate", "key"].map(|name| folder.file(name));
        ["--tls-cert", text(&certificate), "--tls-key", text(&key)].map(str::to_owned)
    };
    let files = sign("");
    let listen = ["--listen", "127.0.0.1:0"];
    let refused = spoa_agent(&[&listen[..], &files.each_ref().map(|word| &**word)].concat());
    check_fails(
        &refused,
        1,
        "one of X.509 version 1 or 2, which has no names of servers; issue it",
    );
    assert!(
        refused.stderr.contains("-extfile FILE, with subjectAltName=DNS:NAME,IP:ADDRESS in FILE")
    );

    fs::write(folder.file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    let files = sign("-extfile names");
    let agent = Agent::start(&[&listen[..], &files.each_ref().map(|word| &**word)].concat());
    assert_eq!(call(&agent, &["--tls-ca", &files[1]]).stdout, ANSWER);
}

#[test]
fn an_expired_certificate_is_refused_in_plain_words() {
    let folder = Folder::new();
    let [ca, cert, key] = issue_until(&folder, "127.0.0.1", 2020);
    let listen = ["--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
    let agent = Agent::start(&listen);
    let refused = call(&agent, &["--tls-ca", &ca]);
    check_fails(&refused, 1, "the certificate expired on Jan  1 00:00:00 2020");
    assert!(refused.stderr.contains("; have the certificate issued again"), "{refused:?}");
}

#[test]
fn a_file_of_a_client_that_has_no_end_is_not_read() {
    let folder = Folder::new();
    let agent = Agent::on_tcp();
    for (name, part) in [("/dev/zero", "not a regular file"), ("long", "more than 1024 KiB")] {
        let path = if name.starts_with('/') { name.into() } else { folder.file(name) };
        if name == "long" {
            fs::write(&path, vec![b'-'; (1 << 20) + 1]).unwrap();
        }
        check_fails(&call(&agent, &["--tls-ca", text(&path)]), 1, part);
    }
}
