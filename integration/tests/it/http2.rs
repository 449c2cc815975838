//! HTTP/2 without TLS, as a client that knows the server: one connection for each request.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use spoa_integration::Answer;
use tokio::net::TcpStream;

/// Asks once; an error if the connection ends without an answer.
pub(crate) async fn ask(
    address: SocketAddr,
    request: Request<&'static [u8]>,
) -> Result<Answer, h2::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await?;
    let (head, body) = request.into_parts();
    let (response, mut stream) =
        client.send_request(Request::from_parts(head, ()), body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(Bytes::from_static(body), true)?;
    }
    let response = response.await?;
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    connection.abort();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
