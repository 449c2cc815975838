//! Wrong usage of the command line: each says what is wrong, and what is right.

use std::{fs, process::Command};

use crate::{
    certificates::issue,
    scene::{Folder, spoa_agent, text},
};

/// A command line, its exit code, and what its error says; `…` is anything, and words in braces are
/// files.
const TABLE: &[(&str, i32, &str)] = &[
    // Counts and sizes.
    ("--max-connections many", 2, "write a whole number from 1 to 16777216, such as 10000 or 10k"),
    ("--max-connections 0", 2, "from 1 to 16777216, such as 10000 or 10k"),
    ("--max-connections -1", 2, "'-1' for '--max-connections <N>': write a whole number from 1"),
    ("--max-connections 1.5k", 2, "write a whole number from 1 to 16777216"),
    ("--max-connections 10,000", 2, "such as 10000 or 10k"),
    ("--max-messages many", 2, "such as 16384 or 16k"),
    ("--worker-threads auto", 2, "write a whole number from 1 to 1024, such as 4"),
    ("--worker-threads 0", 2, "--worker-threads <N>…from 1 to 1024, such as 4"),
    ("--max-frame-size 100", 2, "write a size from 256 to 4294967295 bytes, such as 16k"),
    ("--max-frame-size 16kb", 2, "such as 16k (k, m and g are powers of 1024)"),
    ("--max-memory 1.5GiB", 2, "write a size from 1 to 262144g bytes, such as 256m"),
    ("--max-memory 1MB", 2, "such as 256m (k, m and g are powers of 1024)"),
    (
        "--max-memory 1m",
        2,
        "--max-memory must be at least 4194304 bytes, the larger of --max-frame",
    ),
    // Durations.
    ("--deadline 5", 2, "write a duration from 1ms to 24h, such as 500ms, 2s, 1m or 12h"),
    ("--deadline 0s", 2, "write a duration from 1ms to 24h"),
    ("--deadline 1d", 2, "1m or 12h"),
    ("--notice-period 7", 2, "write 0s or a duration from 1ms to 24h, such as 500ms, 2s"),
    ("--hello-timeout -5", 2, "'-5' for '--hello-timeout <DURATION>': write a duration from"),
    ("--write-timeout 10", 2, "--write-timeout <DURATION>…write a duration from"),
    ("healthcheck --timeout 0s", 2, "write a duration from 1ms to 24h"),
    // Addresses and paths.
    ("--listen 127.0.0.1", 2, "it has no port: write 127.0.0.1:12345"),
    ("--listen :12345", 2, "it has no host: write 127.0.0.1:12345 for this machine alone"),
    ("--listen 12345", 2, "write 127.0.0.1:12345 for this machine alone, or 0.0.0.0:12345"),
    ("--listen 127.0.0.1:http", 2, "\"http\" is not a port: write a number up to 65535"),
    ("--listen 127.0.0.1:70000", 2, "\"70000\" is not a port"),
    ("--listen tcp://127.0.0.1:12345", 2, "it is no URL: write 127.0.0.1:12345"),
    ("--listen unix:/run/spoa.sock", 2, "write --unix /run/spoa.sock"),
    ("--listen /run/spoa.sock", 2, "write --unix /run/spoa.sock"),
    ("--unix s --unix-mode rw", 2, "write permission bits in octal, such as 660"),
    ("--unix s --unix-mode 888", 2, "write permission bits in octal, such as 660"),
    ("--unix-mode 660", 2, "were not provided…--unix <PATH>"),
    ("--admin 9901", 2, "write 127.0.0.1:9901 for this machine alone"),
    ("--admin unix:", 2, "it has no path: write unix:/run/spoa/admin.sock"),
    ("--admin-host a", 2, "were not provided…--admin <HOST:PORT|unix:PATH>"),
    ("--admin 127.0.0.1:0 --admin-host http://a", 2, "without scheme and port, such as agent.exam"),
    // TLS.
    ("--tls-cert {cert}", 2, "were not provided…--tls-key <FILE>"),
    ("--tls-client-ca {ca}", 2, "were not provided…--tls-key <FILE>"),
    ("--unix s --tls-cert {cert} --tls-key {key}", 2, "TLS needs a TCP address…with --listen"),
    (
        "--tls-cert {key} --tls-key {cert}",
        1,
        "holds a private key and no cert…swapped, exchange them",
    ),
    (
        "--tls-cert {cert} --tls-key {cert}",
        1,
        "it holds a certificate and no private key; name the f",
    ),
    ("--tls-cert {cert} --tls-key {other}", 1, "it is not the key of the certificate in"),
    (
        "--tls-cert {der} --tls-key {key}",
        1,
        "binary (DER or PKCS #12), not PEM; convert it: `openssl",
    ),
    ("--tls-cert {request} --tls-key {key}", 1, "request and no certificate; name the certificate"),
    ("--tls-cert {cert} --tls-key {encrypted}", 1, "is encrypted; decrypt it: `openssl pkey -in"),
    (
        "--tls-cert {cert} --tls-key {public}",
        1,
        "\"PUBLIC KEY\" and no private key; name a file with",
    ),
    (
        "--tls-cert {empty} --tls-key {key}",
        1,
        "it is empty; name a file with -----BEGIN CERTIFICATE",
    ),
    ("--tls-cert / --tls-key {key}", 1, "it is not a regular file; check that it is a file in PEM"),
    (
        "--tls-cert /missing --tls-key {key}",
        1,
        "No such file or directory (os error 2); check the path",
    ),
    (
        "--tls-cert {cert} --tls-key {key} --tls-client-ca {key}",
        1,
        "holds a private key and no certi",
    ),
    // Log and telemetry.
    ("--log a=b=c", 2, "write for example info,spoa_actors=debug"),
    ("--log-format xml", 2, "[possible values: auto, human, json]"),
    ("--otlp localhost:4317", 2, "write a URL such as http://localhost:4317"),
    ("--otlp-header x", 2, "write NAME=VALUE, such as x-api-key=secret"),
    (
        "--otlp https://localhost:1 --otlp-ca {key}",
        2,
        "--otlp-ca=…it holds a private key and no cert",
    ),
    ("--trace-ratio 1%", 2, "write a number from 0 to 1, such as 0.01"),
    ("--trace-ratio -1", 2, "write a number from 0 to 1, such as 0.01"),
    ("--trace-message check", 2, "write NAME=RATIO, such as check=0.1"),
    ("--trace-argument foo=bar", 2, "such as traceparent=tp; KIND is traceparent, tracestate, b3"),
    ("--trace-hand-back session", 2, "a similar value exists: 'sess'"),
    // What is not there.
    ("--max-conections 5", 2, "a similar argument exists: '--max-connections'"),
    ("serve", 2, "unrecognized subcommand 'serve'…Usage: spoa-agent"),
    ("man nosuch", 2, "unknown command \"nosuch\": use one of run, call, "),
    ("completions csh", 2, "[possible values: bash, elvish, fish"),
    // Those who ask.
    ("call", 2, "were not provided…<MESSAGE>"),
    ("call ip=127.0.0.1", 2, "the name of a message comes first: MESSAGE name=value"),
    ("call m ip", 2, "write ip=VALUE, or ip:null if it has none"),
    ("call m ip:ip=::1", 2, "unknown type \"ip\": use null, bool, int32"),
    ("call m ip:ipv4=1.2.3", 2, "write an IPv4 address, such as 192.0.2.1"),
    ("call m n:int32=abc", 2, "write a whole number from -2147483648 to 2147483647"),
    ("call m b:bin=xyz", 2, "two hexadecimal digits for every byte, such as 0xcafe"),
    ("call m --addr localhost", 2, "it has no port: write localhost:12345"),
    ("call m --tls-ca {ca} --unix s", 2, "cannot be used with '--unix <PATH>'"),
    ("call m --tls-cert {cert} --tls-key {key}", 2, "were not provided…--tls-ca <FILE>"),
    (
        "call m --unix /missing",
        1,
        concat!(
            "start one with `",
            env!("CARGO_BIN_EXE_spoa-agent"),
            " run`, or say where it is with --addr"
        ),
    ),
    ("load m -c 0", 2, "write a whole number from 1 to 100000, such as 16 or 1k"),
    ("load m -w -1", 2, "'-1' for '--window <N>': write a whole number from 0 to 100000"),
    ("load m -d 10", 2, "write a duration from 1ms to 24h, such as 500ms, 2s"),
    ("load m -n 0", 2, "write a whole number from 1 on, such as 10000 or 10k"),
    ("load m -n 10 -d 5s", 2, "'--frames <N>' cannot be used with '--duration <DURATION>'"),
    ("load m -n 5 -w 0", 2, "remove --frames or --window 0"),
    ("load m --rate 0", 2, "write a whole number from 1 to 10000000, such as 10k"),
    ("load m --expect x", 2, "write a whole number from 0 on, such as 1"),
    ("load m --fill 10", 2, "write how many and their size, such as 10:100 or 10:1k"),
    ("load m --fill 300:1", 2, "before the colon, write a whole number from 1 to 255"),
    ("load m --fill 1:17m", 2, "after the colon, write a size from 0 to 16m bytes"),
    ("load m --binary body", 2, "write a name and a size, such as body:8000 or body:8k"),
    ("load m --pid self", 2, "write the number of a process, such as $(pidof "),
    ("load m --max-frame-size 17m", 2, "write a size from 256 to 16m bytes, such as 16k"),
];

/// Has every file in the folder that the table names.
fn make_files(folder: &Folder) {
    let [ca, cert, key] = issue(folder, "localhost");
    let [_, _, other] = issue(folder, "other");
    for (file, name) in [(ca, "ca"), (cert, "cert"), (key, "key"), (other, "other")] {
        fs::copy(file, folder.file(name)).expect("the folder is ours");
    }
    fs::write(folder.file("empty"), "").expect("the folder is ours");
    for words in [
        "x509 -in cert -outform DER -out der",
        "req -new -key key -subj /CN=localhost -out request",
        "pkey -in key -aes256 -passout pass:secret -out encrypted",
        "pkey -in key -pubout -out public",
    ] {
        let mut openssl = Command::new("openssl");
        openssl.args(words.split(' ')).current_dir(folder.file(""));
        let output = openssl.output().expect("openssl is there");
        assert!(output.status.success(), "{words}: {output:?}");
    }
}

#[test]
fn wrong_usage_says_what_is_right() {
    let folder = Folder::new();
    make_files(&folder);
    let mut wrong = Vec::new();
    for (line, code, said) in TABLE {
        let word = |word: &str| match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
            Some(name) => text(&folder.file(name)).to_owned(),
            None => word.to_owned(),
        };
        let mut words: Vec<_> = line.split(' ').map(word).collect();
        if line.starts_with("--tls-cert") {
            // Where files are looked at, the address is right.
            words.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        }
        let outcome = spoa_agent(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let mut rest = outcome.stderr.as_str();
        let is_said = said.split('…').all(|part| match rest.split_once(part) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        });
        let is_an_error = outcome.stderr.starts_with("error: ") && outcome.stdout.is_empty();
        if outcome.code != Some(*code) || !is_said || !is_an_error {
            wrong.push(format!("{line}: {said:?} in {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
