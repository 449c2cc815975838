//! Transport: requests of OTLP to a collector by gRPC or HTTP, and again where that may help.
//!
//! The crate opentelemetry-otlp does not do: it has no way to send metrics that it has not counted
//! itself, lets variables win over what it is given, and keeps the cause of a failure to itself.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_client::MetricsServiceClient,
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_client::TraceServiceClient,
    },
};
use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::rustls::crypto::ring;
use tonic::{
    Request, Response, Status,
    codec::CompressionEncoding,
    metadata::MetadataMap,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::telemetry::{
    environment::SettingError,
    otlp::{Otlp, Protocol},
    transport_error::TransportError,
};

/// How long the first pause is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const TRIES: u32 = 5;
/// Tries at the end of the process, which does not wait for a collector to recover.
const LAST_TRIES: u32 = 2;
/// How long the last requests of the process may take.
const FLUSH: Duration = Duration::from_secs(5);
/// The same if the request before them has failed.
const SHORT_FLUSH: Duration = Duration::from_secs(1);
/// The largest answer that is read, in bytes. A good one has a few, or some lines about what was
/// rejected.
const LARGEST_ANSWER: usize = 64 * 1024;
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A way to a collector.
#[derive(Debug)]
pub(crate) struct Transport {
    way: Way,
    /// How long a request may take, its repetitions included.
    patience: Duration,
    is_gzip: bool,
    /// Whether the last request has failed.
    is_failing: AtomicBool,
    /// Whether the process ends.
    closing: watch::Sender<bool>,
}

#[derive(Debug)]
enum Way {
    Grpc { channel: Channel, metadata: MetadataMap },
    Http { client: reqwest::Client, url: reqwest::Url },
}

/// A request of OTLP.
pub(crate) trait OtlpRequest: Message + Clone + Default + 'static {
    type Response: Message + Default;

    async fn over_grpc(
        request: Request<Self>,
        channel: Channel,
        is_gzip: bool,
    ) -> Result<Response<Self::Response>, Status>;

    /// How many items the collector took no part of, and why.
    fn rejected(response: Self::Response) -> (u64, String);
}

impl Transport {
    /// A way that is opened when it is needed. It belongs to the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// If a certificate cannot be used.
    pub(crate) fn new(otlp: &Otlp) -> Result<Self, SettingError> {
        // The first who installs one wins; it is the same one.
        let _ = ring::default_provider().install_default();
        let way = match otlp.protocol {
            Protocol::Grpc => Way::Grpc {
                channel: channel(otlp)?,
                metadata: MetadataMap::from_headers(otlp.headers.clone()),
            },
            Protocol::HttpProtobuf => Way::Http { client: client(otlp)?, url: otlp.url.clone() },
        };
        let (closing, _) = watch::channel(false);
        let is_failing = AtomicBool::new(false);
        Ok(Self { way, patience: otlp.timeout, is_gzip: otlp.gzip, is_failing, closing })
    }

    /// From now on a failure is tried again once, and soon. Returns how long the last requests may take.
    pub(crate) fn close(&self) -> Duration {
        self.closing.send_replace(true);
        if self.is_failing.load(Relaxed) { SHORT_FLUSH } else { FLUSH }
    }

    /// Sends it, again if that may help, and tells how many items were rejected.
    ///
    /// # Errors
    ///
    /// If the collector has not taken it in time.
    pub(crate) async fn send<R: OtlpRequest>(
        &self,
        request: R,
    ) -> Result<Rejected, TransportError> {
        let sent = timeout(self.patience, self.try_to_send(request));
        let sent = sent.await.unwrap_or(Err(TransportError::Late(self.patience)));
        self.is_failing.store(sent.is_err(), Relaxed);
        let response = sent?;
        let (items, why) = R::rejected(response);
        Ok(Rejected { items, why })
    }

    async fn try_to_send<R: OtlpRequest>(&self, request: R) -> Result<R::Response, TransportError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let failure = match self.send_once(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let is_last = *self.closing.borrow();
            match failure.retry_after() {
                Some(_) if is_last && tries < LAST_TRIES => sleep(FIRST_PAUSE).await,
                Some(wanted) if !is_last && tries < TRIES => self.pause(pause.max(wanted)).await,
                _ => return Err(failure),
            }
            tries += 1;
            pause *= 2;
        }
    }

    /// Waits for `time`, or until the process ends.
    async fn pause(&self, time: Duration) {
        // It is not dropped before this returns: an error is none.
        let mut closing = self.closing.subscribe();
        let _ = timeout(time, closing.wait_for(|is_closing| *is_closing)).await;
    }

    async fn send_once<R: OtlpRequest>(&self, request: R) -> Result<R::Response, TransportError> {
        match &self.way {
            Way::Grpc { channel, metadata } => {
                let mut request = Request::new(request);
                *request.metadata_mut() = metadata.clone();
                let sent = R::over_grpc(request, channel.clone(), self.is_gzip);
                Ok(sent.await?.into_inner())
            }
            Way::Http { client, url } => {
                let mut post = client.post(url.clone());
                let mut body = request.encode_to_vec();
                if self.is_gzip {
                    body = gzip(&body);
                    post = post.header(CONTENT_ENCODING, "gzip");
                }
                let mut response = post.body(body).send().await?;
                let status = response.status();
                if !status.is_success() {
                    let after = response.headers().get(RETRY_AFTER).and_then(seconds);
                    return Err(TransportError::Refused { status, after });
                }
                let mut answer = Vec::new();
                while let Some(piece) = response.chunk().await? {
                    if answer.len() + piece.len() > LARGEST_ANSWER {
                        return Err(TransportError::Endless(LARGEST_ANSWER));
                    }
                    answer.extend_from_slice(&piece);
                }
                Ok(R::Response::decode(&*answer)?)
            }
        }
    }
}

/// What a collector took, but for these.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Rejected {
    pub(crate) items: u64,
    pub(crate) why: String,
}

impl OtlpRequest for ExportTraceServiceRequest {
    type Response = ExportTraceServiceResponse;

    async fn over_grpc(
        request: Request<Self>,
        channel: Channel,
        is_gzip: bool,
    ) -> Result<Response<Self::Response>, Status> {
        let client = TraceServiceClient::new(channel);
        let client = client.max_decoding_message_size(LARGEST_ANSWER);
        let mut client =
            if is_gzip { client.send_compressed(CompressionEncoding::Gzip) } else { client };
        client.export(request).await
    }

    fn rejected(response: Self::Response) -> (u64, String) {
        let partial = response.partial_success.unwrap_or_default();
        (u64::try_from(partial.rejected_spans).unwrap_or_default(), partial.error_message)
    }
}

impl OtlpRequest for ExportMetricsServiceRequest {
    type Response = ExportMetricsServiceResponse;

    async fn over_grpc(
        request: Request<Self>,
        channel: Channel,
        is_gzip: bool,
    ) -> Result<Response<Self::Response>, Status> {
        let client = MetricsServiceClient::new(channel);
        let client = client.max_decoding_message_size(LARGEST_ANSWER);
        let mut client =
            if is_gzip { client.send_compressed(CompressionEncoding::Gzip) } else { client };
        client.export(request).await
    }

    fn rejected(response: Self::Response) -> (u64, String) {
        let partial = response.partial_success.unwrap_or_default();
        (u64::try_from(partial.rejected_data_points).unwrap_or_default(), partial.error_message)
    }
}

fn channel(otlp: &Otlp) -> Result<Channel, SettingError> {
    let wrong = |why: tonic::transport::Error| certificate_error(otlp, &why);
    let endpoint = Endpoint::from_shared(otlp.url.to_string()).map_err(wrong)?;
    let endpoint = endpoint.user_agent(USER_AGENT).map_err(wrong)?;
    let endpoint = if otlp.url.scheme() == "https" {
        let tls = ClientTlsConfig::new();
        let tls = match &otlp.ca {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_enabled_roots(),
        };
        let tls = match &otlp.identity {
            Some(own) => tls.identity(Identity::from_pem(&own.certificate, &own.key)),
            None => tls,
        };
        endpoint.tls_config(tls).map_err(wrong)?
    } else {
        endpoint
    };
    // Nor does anything of an answer wait here that is larger than what is read.
    let window = u32::try_from(LARGEST_ANSWER).ok();
    let endpoint = endpoint.initial_stream_window_size(window);
    let endpoint = endpoint.initial_connection_window_size(window);
    Ok(endpoint.connect_timeout(otlp.timeout).connect_lazy())
}

fn client(otlp: &Otlp) -> Result<reqwest::Client, SettingError> {
    let wrong = |why: reqwest::Error| certificate_error(otlp, &why);
    let mut headers: HeaderMap = otlp.headers.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    let client = reqwest::Client::builder().default_headers(headers).user_agent(USER_AGENT);
    let mut client = client.redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = &otlp.ca {
        client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem).map_err(wrong)?);
    } else if otlp.url.scheme() == "http" {
        // Without TLS, a system without CAs is good enough.
        client = client.tls_certs_only([]);
    }
    if let Some(own) = &otlp.identity {
        let both = [own.key.as_slice(), b"\n", &own.certificate].concat();
        client = client.identity(reqwest::Identity::from_pem(&both).map_err(wrong)?);
    }
    client.build().map_err(wrong)
}

fn certificate_error(otlp: &Otlp, why: &dyn std::error::Error) -> SettingError {
    let why = why.source().map_or_else(|| why.to_string(), |cause| format!("{why}: {cause}"));
    let fix =
        format!("no client for it can be made: {why}; look at its certificates, if it has any");
    SettingError::new("--otlp", otlp.shown_url(), fix)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::telemetry::{
        environment::Environment,
        otlp::{OtlpFlags, Signal},
    };

    #[tokio::test]
    async fn the_last_requests_wait_less_for_a_collector_that_has_not_answered_before() {
        // Its backlog takes the connection, and nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Some(format!("http://{}", silent.local_addr().unwrap()));
        let flags = OtlpFlags { url, ..OtlpFlags::default() };
        let otlp = Otlp::read(Signal::Traces, &flags, &Environment::from([])).unwrap().unwrap();
        let way = || Transport::new(&Otlp { timeout: Duration::from_millis(50), ..otlp.clone() });
        assert_eq!(way().unwrap().close(), FLUSH);
        let transport = way().unwrap();
        transport.send(ExportTraceServiceRequest::default()).await.unwrap_err();
        assert_eq!(transport.close(), SHORT_FLUSH);
    }
}
