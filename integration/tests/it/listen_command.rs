//! `spoa-agent listen` behind real HAProxy: it shows what comes, answers it, and writes a file that serves the same.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use spoa_integration::{Config, Scratch, built, on_every_haproxy, until};

use crate::scene::{self, REQUEST, SOON, engine, error, shown};

const ARGS: &str = "src-ip=src method path=path cookie=req.hdr(cookie) body=req.body";

/// A `spoa-agent` that prints into a file; dropping it kills it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a file has this in it.
async fn comes(file: &Path, part: &str) {
    let probe = async || fs::read_to_string(file).ok().filter(|text| text.contains(part));
    until(part, SOON, probe).await.unwrap();
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn listen_shows_what_haproxy_sends_and_writes_a_file_that_serves_it(version: Version) {
        let folder = Scratch::new().unwrap();
        let (out, first) = (folder.join("out"), folder.join("first.toml"));
        let program = built("spoa-agent", "spoa-agent").await.unwrap();
        let start = |args: &[&str]| {
            let mut command = Command::new(&program);
            command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
            command.stdout(File::create(&out).unwrap()).stderr(Stdio::null());
            Running(command.spawn().unwrap())
        };
        let printed = || fs::read_to_string(&out).unwrap_or_default();
        let address = async || {
            comes(&out, "\n").await;
            let printed = printed();
            let place = printed.split_once(" listens on ").unwrap().1;
            place.split([',', ' ']).next().unwrap().to_owned()
        };
        let listen = ["listen", "--listen", "127.0.0.1:0", "--set", "txn.allowed=true"];
        let first_path = first.to_str().unwrap();
        let listening = start(&[&listen[..], &["--write", first_path]].concat());
        let ask = async |address: String| {
            let agent: std::net::SocketAddr = address.parse().unwrap();
            let engine = engine(agent).message("check-request", ARGS, REQUEST);
            let config = Config::new(version).engine(engine).frontend(scene::ANSWER);
            let haproxy = scene::start(scene::showing(config, &["var(txn.t.allowed)"])).await;
            let answer = haproxy.http().get("/a?b").await.unwrap();
            (shown(&answer)[0].to_owned(), error(&answer).to_owned())
        };
        assert_eq!(ask(address().await).await, ("1".to_owned(), String::new()));
        comes(&out, "  body").await;
        let printed_all = printed();
        for line in [
            "check-request\n",
            "  src-ip  ipv4         127.0.0.1\n",
            "  $1      string (3)   \"GET\"\n",
            "  path    string (2)   \"/a\"\n",
            "  cookie  null         null\n",
            "  body    binary (0)   0x\n",
        ] {
            assert!(printed_all.contains(line), "{line:?} is not in {printed_all}");
        }
        comes(&first, "src_ip").await;
        drop(listening);
        let serving = start(&["--listen", "127.0.0.1:0", "--config", first_path]);
        assert_eq!(ask(address().await).await, ("1".to_owned(), String::new()));
        drop(serving);
    }
}
