//! A collector of OTLP for tests: takes traces and metrics, and keeps what came.

use std::{
    fs,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tonic::{
    Request, Response, Status,
    codec::CompressionEncoding,
    codegen::tokio_stream::wrappers::TcpListenerStream,
    transport::{Identity, Server, ServerTlsConfig},
};

/// A collector at work until it is dropped.
pub(crate) struct Collector {
    /// Its URL.
    pub(crate) url: String,
    /// What `--otlp-protocol` calls it.
    pub(crate) protocol: &'static str,
    kept: Kept,
    _runtime: Runtime,
}

/// What came, in its order.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) spans: Vec<Span>,
    /// Every push of metrics by itself.
    pub(crate) metrics: Vec<Vec<Metric>>,
    pub(crate) resource: Vec<KeyValue>,
    /// The value of `x-token` of each request.
    pub(crate) tokens: Vec<String>,
    /// Whether a request was compressed.
    pub(crate) is_compressed: bool,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Received>>);

/// The certificate and key of a collector that speaks TLS, in files.
type Files<'a> = Option<(&'a str, &'a str)>;

impl Collector {
    pub(crate) fn grpc(tls: Files<'_>) -> Self {
        Self::start("grpc", tls, |listener, kept, tls| {
            let mut server = Server::builder();
            if let Some((certificate, key)) = tls {
                let identity = Identity::from_pem(certificate, key);
                let tls = ServerTlsConfig::new().identity(identity);
                server = server.tls_config(tls).expect("the certificate is good");
            }
            let traces = TraceServiceServer::new(kept.clone());
            let metrics = MetricsServiceServer::new(kept);
            let server = server
                .add_service(traces.accept_compressed(CompressionEncoding::Gzip))
                .add_service(metrics.accept_compressed(CompressionEncoding::Gzip));
            tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        })
    }

    pub(crate) fn http(tls: Files<'_>) -> Self {
        Self::start("http/protobuf", tls, |listener, kept, tls| {
            let tls = tls.map(acceptor);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (kept, tls) = (kept.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => answer(stream, kept).await,
                                Err(_) => None,
                            },
                            None => answer(stream, kept).await,
                        }
                    });
                }
            });
        })
    }

    fn start(
        protocol: &'static str,
        tls: Files<'_>,
        serve: impl FnOnce(TcpListener, Kept, Option<(Vec<u8>, Vec<u8>)>),
    ) -> Self {
        let read = |path| fs::read(path).expect("the file is there");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let tls = tls.map(|(certificate, key)| (read(certificate), read(key)));
        let runtime = Runtime::new().expect("threads can be started");
        let kept = Kept::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("{scheme}://{}", listener.local_addr().expect("it is bound"));
        let _entered = runtime.enter();
        serve(listener, kept.clone(), tls);
        drop(_entered);
        Self { url, protocol, kept, _runtime: runtime }
    }

    /// What came until now.
    pub(crate) fn received(&self) -> MutexGuard<'_, Received> {
        self.kept.lock()
    }
}

impl Received {
    pub(crate) fn named(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// The value of an attribute of the resource.
    pub(crate) fn resource(&self, key: &str) -> String {
        text(&self.resource, key)
    }
}

/// The value of an attribute; empty if there is none.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_traces(&self, request: ExportTraceServiceRequest, token: String) {
        let mut received = self.lock();
        received.tokens.push(token);
        for of_resource in request.resource_spans {
            received.resource = of_resource.resource.unwrap_or_default().attributes;
            let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            received.spans.extend(spans);
        }
    }

    fn keep_metrics(&self, request: ExportMetricsServiceRequest, token: String) {
        let mut received = self.lock();
        received.tokens.push(token);
        for of_resource in request.resource_metrics {
            received.resource = of_resource.resource.unwrap_or_default().attributes;
            let metrics = of_resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
            received.metrics.push(metrics.collect());
        }
    }
}

fn token<T>(kept: &Kept, request: &Request<T>) -> String {
    kept.lock().is_compressed |= request.metadata().contains_key("grpc-encoding");
    let token = request.metadata().get("x-token").and_then(|token| token.to_str().ok());
    token.unwrap_or_default().to_owned()
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let token = token(self, &request);
        self.keep_traces(request.into_inner(), token);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Kept {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let token = token(self, &request);
        self.keep_metrics(request.into_inner(), token);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn acceptor((certificate, key): (Vec<u8>, Vec<u8>)) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(&certificate).expect("it is PEM");
    let key = PrivateKeyDer::from_pem_slice(&key).expect("it is PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

/// Answers requests of HTTP/1.1, one after the other; nothing at the end of the stream.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, kept: Kept) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut head).await.ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(head).ok()?;
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.trim().to_owned())
        };
        let mut body = vec![0; header("content-length")?.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        if header("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(&*body).read_to_end(&mut plain).ok()?;
            kept.lock().is_compressed = true;
            body = plain;
        }
        let token = header("x-token").unwrap_or_default();
        let status = match head.split(' ').nth(1)? {
            _ if header("content-type")? != "application/x-protobuf" => "415 Unsupported",
            "/v1/traces" => {
                kept.keep_traces(ExportTraceServiceRequest::decode(&*body).ok()?, token);
                "200 OK"
            }
            "/v1/metrics" => {
                kept.keep_metrics(ExportMetricsServiceRequest::decode(&*body).ok()?, token);
                "200 OK"
            }
            _ => "404 Not Found",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
