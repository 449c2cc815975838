//! Request: what a client of the admin endpoint asks, read with a bound for everything.
//!
//! One request a connection: nothing that is sent behind it is read. A library with keep-alive and
//! pipelining would hold answers for clients that do not read them, and both of actix-web and hyper
//! panic or stand still with a wall clock before 1970.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::admin::response::{Response, Status};

/// How long a head may be. Those of browsers and scrapers have less than 1 KiB.
const LONGEST_HEAD: usize = 8 * 1024;
const MOST_HEADERS: usize = 64;
/// How long a body may be; the only one that is taken is a filter of logs.
pub(super) const LONGEST_BODY: usize = 4096;

/// A request, as far as the endpoint looks at it.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without a query.
    pub(super) path: String,
    /// Everything that names the host that is asked: HOST:PORT.
    pub(super) hosts: Vec<String>,
    /// Whether a page in a browser asks.
    pub(super) has_origin: bool,
    pub(super) authorization: Option<Vec<u8>>,
    /// Nothing if it is longer than it may be.
    pub(super) body: Option<Vec<u8>>,
}

/// The head of a request, and how many bytes it has.
struct Head {
    request: Request,
    length: usize,
    body_length: u64,
    is_chunked: bool,
    expects_continue: bool,
}

impl Request {
    /// Reads one; nothing if the client closes before it has asked.
    ///
    /// # Errors
    ///
    /// What to answer if it cannot be read.
    pub(super) async fn read<S>(stream: &mut S) -> Result<Option<Self>, Response>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut bytes = Vec::new();
        let head = loop {
            let room = (LONGEST_HEAD - bytes.len()).min(1024) as u64;
            let had = bytes.len();
            let read = (&mut *stream).take(room).read_buf(&mut bytes).await;
            match read {
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
            if Head::may_be_whole(&bytes, had)
                && let Some(head) = Head::parse(&bytes)?
            {
                break head;
            }
            if bytes.len() >= LONGEST_HEAD {
                return Err(too_long());
            }
        };
        if head.is_chunked {
            let text = "send the body with a Content-Length";
            return Err(Response::line(Status::LENGTH_REQUIRED, text));
        }
        let Head { mut request, body_length, .. } = head;
        if let Ok(length) = usize::try_from(body_length)
            && length <= LONGEST_BODY
        {
            let mut body = bytes.split_off(head.length);
            if head.expects_continue && body.is_empty() {
                // Whether it arrives shows whether the body does.
                let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            if read_to(stream, &mut body, length).await.is_err() {
                return Ok(None);
            }
            request.body = Some(body);
        }
        Ok(Some(request))
    }
}

async fn read_to(
    stream: &mut (impl AsyncRead + Unpin),
    body: &mut Vec<u8>,
    length: usize,
) -> io::Result<()> {
    let had = body.len().min(length);
    body.resize(length, 0);
    stream.read_exact(&mut body[had..]).await.map(drop)
}

impl Head {
    /// Whether what came after the first `had` bytes may have made it whole, or a wrong one: to parse it
    /// after each byte would take the square of its length. TLS and the like show in the first bytes.
    fn may_be_whole(bytes: &[u8], had: usize) -> bool {
        had == 0 || bytes.len() >= LONGEST_HEAD || bytes[had..].contains(&b'\n')
    }

    /// Nothing if it is not whole yet.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Response> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(too_long()),
            Err(error) => {
                let text = format!("this is no request of HTTP/1: {error}");
                return Err(Response::line(Status::BAD_REQUEST, &text));
            }
        };
        let mut head = Self {
            request: Request::to(parsed.method, parsed.path),
            length,
            body_length: 0,
            is_chunked: false,
            expects_continue: false,
        };
        for header in parsed.headers.iter() {
            head.add(header)?;
        }
        Ok(Some(head))
    }

    fn add(&mut self, header: &httparse::Header<'_>) -> Result<(), Response> {
        let value = header.value;
        match header.name.to_ascii_lowercase().as_str() {
            "host" => self.request.hosts.push(String::from_utf8_lossy(value).into_owned()),
            "origin" => self.request.has_origin = true,
            "authorization" => self.request.authorization = Some(value.to_owned()),
            "transfer-encoding" => self.is_chunked = true,
            "expect" => self.expects_continue = value.eq_ignore_ascii_case(b"100-continue"),
            "content-length" => {
                let length = str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
                let text = "the Content-Length is no number";
                self.body_length =
                    length.ok_or_else(|| Response::line(Status::BAD_REQUEST, text))?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Request {
    /// A request without headers; a target with a host, as proxies are asked, names it.
    fn to(method: Option<&str>, target: Option<&str>) -> Self {
        let mut request = Self { method: method.unwrap_or_default().to_owned(), ..Self::default() };
        let target = target.unwrap_or_default();
        let path = match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                request.hosts.push(host.to_owned());
                path
            }
            _ => target,
        };
        path.split('?').next().unwrap_or_default().clone_into(&mut request.path);
        request
    }
}

fn too_long() -> Response {
    let text = format!("a head has {LONGEST_HEAD} bytes and {MOST_HEADERS} headers at most");
    Response::line(Status::HEAD_TOO_LONG, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(sent: &[u8]) -> Result<Option<Request>, String> {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
        let read = Request::read(&mut server).await;
        read.map_err(|response| format!("{:?}", response.status))
    }

    #[actix_rt::test]
    async fn a_request_is_read_to_its_end_and_no_further() {
        let sent = b"PUT /log-filter?a=b HTTP/1.1\r\nHost: a:1\r\nORIGIN: b\r\n\
            Authorization: Bearer c\r\nContent-Length: 3\r\n\r\noffGET / HTTP/1.1\r\n\r\n";
        let request = Request {
            method: "PUT".to_owned(),
            path: "/log-filter".to_owned(),
            hosts: vec!["a:1".to_owned()],
            has_origin: true,
            authorization: Some(b"Bearer c".to_vec()),
            body: Some(b"off".to_vec()),
        };
        assert_eq!(read(sent).await, Ok(Some(request)));
        let proxied = read(b"GET http://evil:9/x?y HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let proxied = proxied.unwrap().unwrap();
        assert_eq!((&*proxied.path, proxied.hosts), ("/x", vec!["evil:9".into(), "a".into()]));
        assert_eq!(read(b"GET / HTTP/1.0\r\n\r\n").await.unwrap().unwrap().path, "/");
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_parsed_once_a_line() {
        let head = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(4000));
        let bytes = head.as_bytes();
        let parsed = |end: &usize| Head::may_be_whole(&bytes[..*end], end - 1);
        let ends: Vec<_> = (1..=bytes.len()).filter(parsed).collect();
        assert_eq!(ends.len(), 4, "the first byte and three lines: {ends:?}");
        assert!(Head::parse(bytes).is_ok_and(|head| head.is_some()));
        assert!(Head::may_be_whole(&[b'a'; LONGEST_HEAD], LONGEST_HEAD - 1));
    }

    #[actix_rt::test]
    async fn who_closes_before_the_end_has_not_asked() {
        for sent in ["", "GET / HTTP/1.1\r\nHost:", "PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n1"]
        {
            assert_eq!(read(sent.as_bytes()).await, Ok(None), "{sent}");
        }
    }

    #[actix_rt::test]
    async fn what_is_no_request_or_too_long_is_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(LONGEST_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MOST_HEADERS + 1));
        for (sent, status) in [
            ("\x16\x03\x01 TLS", Status::BAD_REQUEST),
            ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", Status::BAD_REQUEST),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Status::LENGTH_REQUIRED),
            (&long, Status::HEAD_TOO_LONG),
            (&many, Status::HEAD_TOO_LONG),
        ] {
            assert_eq!(read(sent.as_bytes()).await, Err(format!("{status:?}")), "{sent:.40}");
        }
        let body = read(b"PUT / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n").await.unwrap();
        assert_eq!(body.unwrap().body, None);
    }
}
