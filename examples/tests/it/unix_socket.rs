//! The example `unix_socket`: HAProxy asks through a file.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use spoa_integration::{Scratch, on_every_haproxy, until};
use tokio::net::UnixStream;

use crate::{
    program::Program,
    scene::{SOON, file},
};

/// Starts it, and returns when it listens.
async fn start(socket: &Path) -> Program {
    let program = Program::start(Command::new(env!("CARGO_BIN_EXE_unix_socket")).arg(socket));
    let listens = async || UnixStream::connect(socket).await.ok();
    drop(until("it listens", SOON, listens).await.unwrap());
    program
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_agent_on_a_unix_socket_is_asked(version: Version) {
        let files = Scratch::new().unwrap();
        let socket = files.join("spoa.sock");
        let _program = start(&socket).await;
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);

        let config = file(version, "haproxy/unix_socket.cfg", "127.0.0.1:8080");
        let haproxy = config
            .replace("unix@spoa-example.sock", format!("unix@{}", socket.display()))
            .start()
            .await
            .unwrap();
        let answer = haproxy.http().get_with("/", "host", "example.com").await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, "hello to example.com\n".to_owned()));
    }
}

#[actix_rt::test]
async fn a_file_that_a_killed_agent_has_left_is_replaced_and_one_that_ends_takes_its_own_along() {
    let files = Scratch::new().unwrap();
    let socket = files.join("spoa.sock");
    start(&socket).await.kill();
    assert!(socket.exists(), "it is left");
    let mut program = start(&socket).await;
    program.terminate();
    let status = until("it ends", SOON, async || program.status()).await.unwrap();
    assert!(status.success() && !socket.exists(), "{status}");
}
