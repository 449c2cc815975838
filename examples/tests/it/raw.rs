//! Requests as they are written here: an HTTP client would tidy up their targets first.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::scene::SOON;

/// What is answered to a client that comes from there and sends this.
pub(crate) async fn raw(from: [u8; 4], to: SocketAddr, request: &[u8]) -> String {
    let mut answer = Vec::new();
    let exchange = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let mut stream = socket.connect(to).await?;
        stream.write_all(request).await?;
        stream.read_to_end(&mut answer).await
    };
    timeout(SOON, exchange).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// What is answered to a GET of this target, which is on `any.example` if it names a host.
pub(crate) async fn raw_get(from: [u8; 4], to: SocketAddr, target: &str) -> String {
    let head = format!("GET {target} HTTP/1.1\r\nhost: any.example\r\nconnection: close\r\n\r\n");
    raw(from, to, head.as_bytes()).await
}

/// What is answered to a GET of this target whose client closes its sending side at once.
pub(crate) async fn half_closed(to: SocketAddr, target: &str) -> String {
    let head = format!("GET {target} HTTP/1.1\r\nhost: any.example\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchange = async {
        let mut stream = TcpStream::connect(to).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.shutdown().await?;
        stream.read_to_end(&mut answer).await
    };
    timeout(SOON, exchange).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a raw answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
