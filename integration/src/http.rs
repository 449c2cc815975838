//! Requests through HAProxy.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use tokio_rustls::rustls::crypto::ring;

use crate::Failure;

const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A client of one frontend: no proxy, no redirects, connections kept.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    address: SocketAddr,
}

impl HttpClient {
    /// Makes a client with a connection pool of its own.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn new(address: SocketAddr) -> Result<Self, Failure> {
        Self::make(address, None)
    }

    /// Makes a client that comes from this address of the machine, such as 127.0.0.2.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn from(source: IpAddr, address: SocketAddr) -> Result<Self, Failure> {
        Self::make(address, Some(source))
    }

    fn make(address: SocketAddr, source: Option<IpAddr>) -> Result<Self, Failure> {
        // The workspace's reqwest speaks TLS, and comes without a provider of cryptography.
        let _ = ring::default_provider().install_default();
        let client = Client::builder()
            .tls_certs_only([])
            .local_address(source)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_LIMIT)
            .build()
            .map_err(Failure::during("cannot make an HTTP client"))?;
        Ok(Self { client, address })
    }

    /// Makes another client of the same frontend, with other connections.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn another(&self) -> Result<Self, Failure> {
        Self::new(self.address)
    }

    /// The address of the frontend.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a GET.
    ///
    /// # Errors
    /// No answer; a bad status is an answer.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, |request| request).await
    }

    /// Sends a GET with one header more.
    ///
    /// # Errors
    /// No answer; a bad status is an answer.
    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, |request| request.header(name, value)).await
    }

    /// Sends a POST with a body.
    ///
    /// # Errors
    /// No answer; a bad status is an answer.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Result<Answer, Failure> {
        let body = body.into();
        self.send(Method::POST, path, |request| request.body(body)).await
    }

    /// Sends a request finished by `build`: headers, body, version.
    ///
    /// # Errors
    /// No answer; a bad status is an answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        build: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Failure> {
        let url = format!("http://{}{path}", self.address);
        let failed = |error: reqwest::Error| Failure::new(format!("{url}: {error:?}"));
        let request = build(self.client.request(method, &url));
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(failed)?.to_vec();
        Ok(Answer { status, headers, body })
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
