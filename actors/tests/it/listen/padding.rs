//! A TLS 1.3 client that pads its Finished, and says `close_notify` at once.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, Error, RootCertStore,
    SupportedCipherSuite, Tls13CipherSuite,
    crypto::{
        cipher::{
            AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
            OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
        },
        ring,
    },
    version::TLS13,
};

use crate::support::{
    Result,
    certificates::{Authority, Files},
};

struct Padding(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Padding {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Padder(self.0.encrypter(key, iv)))
    }
    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }
    fn key_len(&self) -> usize {
        self.0.key_len()
    }
    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> std::result::Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct Padder(Box<dyn MessageEncrypter>);

impl MessageEncrypter for Padder {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> std::result::Result<OutboundOpaqueMessage, Error> {
        if message.typ != ContentType::Handshake {
            return self.0.encrypt(message, seq);
        }
        let mut padded = message.payload.to_vec();
        padded.push(message.typ.into());
        padded.resize(16384, 0);
        let payload = OutboundChunks::Single(&padded);
        self.0.encrypt(
            OutboundPlainMessage {
                typ: ContentType::Unknown(0),
                version: message.version,
                payload,
            },
            seq,
        )
    }
    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.0.encrypted_payload_len(length)
    }
}

fn config(authority: &Authority) -> Arc<ClientConfig> {
    let mut provider = ring::default_provider();
    let SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
        panic!()
    };
    let suite: &'static Tls13CipherSuite = Box::leak(Box::new(Tls13CipherSuite {
        common: tokio_rustls::rustls::crypto::CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: suite.common.confidentiality_limit,
        },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: Box::leak(Box::new(Padding(suite.aead_alg))),
        quic: None,
    }));
    provider.cipher_suites = vec![SupportedCipherSuite::Tls13(suite)];
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    Arc::new(
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

#[actix_rt::test]
async fn a_client_that_says_goodbye_behind_a_padded_handshake_stops_no_arbiter() -> Result {
    let authority = Authority::new();
    let files = Files::new(&authority.issue("agent.test"));
    let agent = crate::listen::tls::start(&files.tls()).await?;
    let mut session =
        ClientConnection::new(config(&authority), "agent.test".try_into().unwrap()).unwrap();
    let mut stream = TcpStream::connect(agent.local_addresses()[0]).await?;
    let mut buffer = [0; 16384];
    let mut bytes = Vec::new();
    session.write_tls(&mut bytes).unwrap();
    stream.write_all(&bytes).await?;
    while session.is_handshaking() {
        let size = stream.read(&mut buffer).await?;
        let mut read = &buffer[..size];
        while !read.is_empty() {
            session.read_tls(&mut read).unwrap();
            session.process_new_packets().unwrap();
        }
    }
    session.send_close_notify();
    bytes.clear();
    while session.wants_write() {
        session.write_tls(&mut bytes).unwrap();
    }
    bytes.extend([0; 8192]);
    stream.write_all(&bytes).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = timeout(Duration::from_secs(3), agent.statistics()).await;
    assert!(answer.is_ok(), "the arbiter does not answer any more");
    Ok(())
}
