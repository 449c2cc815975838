//! Door: how a client comes in to the admin endpoint, for how long, and how it leaves.

use std::{
    future::poll_fn,
    io, net,
    os::unix,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::{AbortHandle, yield_now},
    time::{sleep, timeout},
};

use crate::{
    admin::{
        endpoint::Endpoint,
        places::{Peer, Places},
        request::Request,
        response::{Response, Status},
    },
    open_files,
    telemetry::admin_counters::Outcome,
};

/// How long a request may take to come, its head and its body.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long all of it may take: the request, the answer, and until it is read.
const LIFETIME: Duration = Duration::from_secs(10);
/// How long what a client has sent too much of is read away, so that no reset overtakes its answer.
const LINGER: Duration = Duration::from_secs(1);
const MOST_LINGERING: u64 = 64 * 1024;
/// How long accepting pauses when the system has no descriptor or memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener in a runtime.
#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A client.
enum Client {
    Tcp(TcpStream, Peer),
    Unix(UnixStream),
}

impl Door {
    pub(super) fn tcp(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self::Tcp)
    }

    pub(super) fn unix(listener: unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener).map(Self::Unix)
    }

    /// Serves without end.
    pub(super) async fn serve(self, endpoint: Endpoint) {
        let endpoint = Arc::new(endpoint);
        let counters = Arc::clone(endpoint.view().counters());
        let mut places = Places::default();
        loop {
            match self.accept().await {
                Ok(client) => {
                    if places.make_room() {
                        counters.count(Outcome::Displaced);
                    }
                    client.take_place(&mut places, &endpoint);
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Most likely EMFILE, and the reserve is used up as well.
                Err(_) if places.displace() => counters.count(Outcome::Displaced),
                Err(_) => sleep(PAUSE).await,
            }
            // Those who have come in have their turn, however many wait outside.
            yield_now().await;
        }
    }

    /// The next client; when there are no descriptors left, out of the reserve.
    async fn accept(&self) -> io::Result<Client> {
        let accept = |context: &mut Context<'_>| match self.poll_accept(context) {
            // It fails with and without a waiting client: the kernel needs a descriptor first.
            Poll::Ready(Err(_)) => open_files::with_reserve(|| self.poll_accept(context)),
            accepted => accepted,
        };
        poll_fn(accept).await
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Client>> {
        match self {
            Self::Tcp(listener) => {
                let accepted = listener.poll_accept(context);
                accepted.map_ok(|(stream, address)| Client::Tcp(stream, Peer::at(address.ip())))
            }
            Self::Unix(listener) => {
                listener.poll_accept(context).map_ok(|(stream, _)| Client::Unix(stream))
            }
        }
    }
}

impl Client {
    fn take_place(self, places: &mut Places, endpoint: &Arc<Endpoint>) {
        let endpoint = Arc::clone(endpoint);
        let (peer, task): (Peer, AbortHandle) = match self {
            Self::Tcp(stream, peer) => (peer, tokio::spawn(host(stream, endpoint)).abort_handle()),
            Self::Unix(stream) => (Peer::UNIX, tokio::spawn(host(stream, endpoint)).abort_handle()),
        };
        places.take(peer, task);
    }
}

/// A client from its first byte to its last.
async fn host(stream: impl AsyncRead + AsyncWrite + Unpin, endpoint: Arc<Endpoint>) {
    let served = timeout(LIFETIME, converse(stream, &endpoint)).await;
    endpoint.view().counters().count(served.unwrap_or(Outcome::Late));
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, endpoint: &Endpoint) -> Outcome {
    let request = timeout(PATIENCE, Request::read(&mut stream)).await;
    let (outcome, response, is_head) = match request {
        Ok(Ok(Some(request))) => {
            let (outcome, response) = endpoint.answer(&request).await;
            (outcome, response, request.method == "HEAD")
        }
        Ok(Ok(None)) => return Outcome::Gone,
        Ok(Err(response)) => (Outcome::Answered, response, false),
        Err(_) => {
            let text = format!("the request did not come within {PATIENCE:?}; send it again");
            (Outcome::Late, Response::line(Status::TIMEOUT, &text), false)
        }
    };
    if response.write(&mut stream, is_head).await.is_err() || stream.shutdown().await.is_err() {
        return Outcome::Gone;
    }
    let mut rest = stream.take(MOST_LINGERING);
    // However that ends, the answer has been sent.
    let _ = timeout(LINGER, copy(&mut rest, &mut sink())).await;
    outcome
}
