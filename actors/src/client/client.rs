//! Client: one connection to an agent, shared by any number of tasks.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{
    connection::Connection,
    driver::{Answer, Driver, Request},
    endpoint::Endpoint,
    error::ClientError,
    options::ClientOptions,
};
use crate::spop::{Actions, AgentHello, Messages};

/// Sends NOTIFYs to an agent from any number of tasks, on one connection. Clones share the
/// connection.
///
/// NOTIFYs leave in the order of the calls, and ACKs can arrive in any order. When you drop the
/// last clone, the client sends a DISCONNECT. If the connection ends for another reason, all
/// pending and later calls return that reason: connect again.
///
/// ```
/// use spoa_actors::{Actions, Limits, Message, Registry, Var};
/// use spoa_actors::client::{Client, ClientError, ClientOptions};
/// use spoa_actors::testing::InMemoryAgent;
///
/// const DOUBLED: Var = Var::transaction("doubled");
///
/// #[derive(serde::Deserialize)]
/// struct Number {
///     n: i64,
/// }
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), ClientError> {
///     let registry = Registry::new().on("double", |Number { n }: Number| {
///         Actions::new().set(DOUBLED, 2 * n)
///     });
///     let agent = InMemoryAgent::start(registry, Limits::default()).await?;
///     let client = Client::over(agent.open_stream(), ClientOptions::default()).await?;
///     let double = async |n: i64| client.notify(Message::new("double").arg("n", n)).await;
///     let (one, two) = tokio::try_join!(double(21), double(4))?;
///     assert_eq!(one.to_string(), "set-var txn.doubled 42");
///     assert_eq!(two.to_string(), "set-var txn.doubled 8");
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    places: Arc<Semaphore>,
    hello: Arc<AgentHello>,
    timeout: Duration,
}

impl Client {
    /// Connects, exchanges HELLO, and serves the connection in a task of the current runtime.
    ///
    /// # Errors
    ///
    /// If the agent cannot be reached, refuses the HELLO, or does not answer in time.
    pub async fn connect(endpoint: &Endpoint, options: ClientOptions) -> Result<Self, ClientError> {
        Self::over(endpoint.connect().await?, options).await
    }

    /// Exchanges HELLO over this stream, and serves it in a task of the current runtime.
    ///
    /// # Errors
    ///
    /// If the agent refuses the HELLO, or does not answer in time.
    pub async fn over<S>(stream: S, options: ClientOptions) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let ClientOptions { hello, timeout, in_flight } = options;
        let mut connection = Connection::new(stream).patience(timeout);
        let hello = connection.hello(hello).await?;
        let (requests, asked) = mpsc::channel(in_flight);
        let driver = Driver::new(connection.into_frames(), asked, in_flight, hello.max_frame_size);
        tokio::spawn(driver.run());
        let places = Arc::new(Semaphore::new(in_flight));
        Ok(Self { requests, places, hello: Arc::new(hello), timeout })
    }

    /// The agent's HELLO.
    #[must_use]
    pub fn hello(&self) -> &AgentHello {
        &self.hello
    }

    /// Sends a NOTIFY of a new stream, and waits for its ACK.
    ///
    /// If you drop the future, the connection stays usable: the late ACK is dropped.
    ///
    /// # Errors
    ///
    /// If no ACK arrives in time, the NOTIFY is too large, or the connection has ended.
    pub async fn notify(&self, messages: impl Into<Messages>) -> Result<Actions, ClientError> {
        timeout(self.timeout, self.exchange(messages.into())).await?
    }

    async fn exchange(&self, messages: Messages) -> Answer {
        let _place = self.places.acquire().await.map_err(|_| ClientError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { messages, answer };
        self.requests.send(request).await.map_err(|_| ClientError::Closed)?;
        answered.await.unwrap_or(Err(ClientError::Closed))
    }
}
