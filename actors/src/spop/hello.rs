//! HAPROXY-HELLO and AGENT-HELLO: the two frames that open a connection.
//!
//! ```text
//! HAPROXY-HELLO : KV-LIST of "supported-versions" (STRING), "max-frame-size" (UINT32),
//!                 "capabilities" (STRING), optional "engine-id" (STRING), "healthcheck" (BOOL)
//! AGENT-HELLO   : KV-LIST of "version" (STRING), "max-frame-size" (UINT32), "capabilities" (STRING)
//! ```

use bytes::BytesMut;

use super::{
    capabilities::Capabilities, head::MAX_FRAME_SIZE_FLOOR, ids::EngineId, kv_list,
    status_code::StatusCode, typed_data::TypedData, violation::Violation, wire::WireError,
};

/// The only version of the protocol, which HAProxy speaks since 1.8.10.
pub const VERSION: &str = "2.0";

const MAJOR_VERSION: &str = "2";

const SUPPORTED_VERSIONS: &str = "supported-versions";
const MAX_FRAME_SIZE: &str = "max-frame-size";
const CAPABILITIES: &str = "capabilities";
const ENGINE_ID: &str = "engine-id";
const HEALTHCHECK: &str = "healthcheck";
const VERSION_KEY: &str = "version";

/// The frame with which HAProxy opens a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HaproxyHello {
    /// The versions that HAProxy speaks, comma-separated. A version includes all earlier minor
    /// versions.
    pub supported_versions: String,
    /// The largest frame that HAProxy accepts, in bytes, without the 4 bytes of the length.
    pub max_frame_size: u32,
    /// The capabilities of HAProxy.
    pub capabilities: Capabilities,
    /// The engine; a health check has none.
    pub engine_id: Option<EngineId>,
    /// Whether this is a health check (`option spop-check`), which ends after the answer.
    pub healthcheck: bool,
}

/// The agent's answer to a HAPROXY-HELLO.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentHello {
    /// The version that both sides speak from now on.
    pub version: String,
    /// The largest frame that either side sends, in bytes, without the 4 bytes of the length.
    pub max_frame_size: u32,
    /// The capabilities of the agent that HAProxy can use.
    pub capabilities: Capabilities,
}

impl HaproxyHello {
    /// Reads the payload. The three mandatory keys must be present; unknown keys are skipped.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, Violation> {
        const FRAME: &str = "HAPROXY-HELLO";
        let (mut versions, mut size, mut capabilities) = (None, None, None);
        let (mut engine_id, mut healthcheck) = (None, false);
        kv_list::read(payload, |name, value| {
            match str::from_utf8(name) {
                Ok(SUPPORTED_VERSIONS) => {
                    versions = Some(kv_list::text(SUPPORTED_VERSIONS, value)?);
                }
                Ok(MAX_FRAME_SIZE) => size = Some(kv_list::number(MAX_FRAME_SIZE, value)?),
                Ok(CAPABILITIES) => capabilities = Some(kv_list::text(CAPABILITIES, value)?),
                Ok(ENGINE_ID) => engine_id = Some(kv_list::text(ENGINE_ID, value)?),
                Ok(HEALTHCHECK) => healthcheck = boolean(HEALTHCHECK, value)?,
                _ => {}
            }
            Ok(())
        })?;
        let missing = |key, status| Violation::MissingKey { frame: FRAME, key, status };
        Ok(Self {
            supported_versions: String::from_utf8_lossy(
                versions.ok_or(missing(SUPPORTED_VERSIONS, StatusCode::NO_VERSION))?,
            )
            .into_owned(),
            max_frame_size: size.ok_or(missing(MAX_FRAME_SIZE, StatusCode::NO_FRAME_SIZE))?,
            capabilities: Capabilities::parse(
                capabilities.ok_or(missing(CAPABILITIES, StatusCode::NO_CAPABILITIES))?,
            ),
            engine_id: engine_id.map(EngineId::new),
            healthcheck,
        })
    }

    pub(super) fn encode(&self, dst: &mut BytesMut) {
        let capabilities = self.capabilities.to_string();
        kv_list::write(SUPPORTED_VERSIONS, self.supported_versions.as_str().into(), dst);
        kv_list::write(MAX_FRAME_SIZE, TypedData::Uint32(self.max_frame_size), dst);
        kv_list::write(CAPABILITIES, capabilities.as_str().into(), dst);
        if let Some(engine_id) = &self.engine_id {
            kv_list::write(ENGINE_ID, TypedData::String(engine_id.as_bytes()), dst);
        }
        if self.healthcheck {
            kv_list::write(HEALTHCHECK, true.into(), dst);
        }
    }

    /// The answer to this HELLO, for an agent with this largest frame size in bytes and these
    /// capabilities.
    ///
    /// # Errors
    ///
    /// If no version 2.x is offered, or max-frame-size is below 256.
    pub fn agree(&self, max_frame_size: u32, ours: Capabilities) -> Result<AgentHello, Violation> {
        // A version includes all earlier minor versions, so any 2.x includes 2.0.
        if !self.supported_versions.split(',').any(includes_ours) {
            let offered = self.supported_versions.chars().take(64).collect();
            return Err(Violation::UnsupportedVersion { offered });
        }
        if self.max_frame_size < MAX_FRAME_SIZE_FLOOR {
            return Err(Violation::BadFrameSize {
                size: self.max_frame_size,
                floor: MAX_FRAME_SIZE_FLOOR,
                ceiling: u32::MAX,
            });
        }
        Ok(AgentHello {
            version: VERSION.to_owned(),
            // The smaller of the two, but not below the minimum of the specification: HAProxy ends
            // the connection otherwise.
            max_frame_size: self.max_frame_size.min(max_frame_size.max(MAX_FRAME_SIZE_FLOOR)),
            capabilities: Capabilities {
                pipelining: ours.pipelining && self.capabilities.pipelining,
                // Without an engine-id, its connections could not be distinguished from others.
                asynchronous: ours.asynchronous
                    && self.capabilities.asynchronous
                    && self.engine_id.as_ref().is_some_and(|id| !id.as_bytes().is_empty()),
                // Not an intersection: it means that this side reassembles, which HAProxy up to 3.0
                // requires and does not announce itself.
                fragmentation: ours.fragmentation,
            },
        })
    }
}

impl AgentHello {
    /// Reads the payload as the strictest HAProxy version does: all three keys must be present.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, Violation> {
        const FRAME: &str = "AGENT-HELLO";
        let (mut version, mut size, mut capabilities) = (None, None, None);
        kv_list::read(payload, |name, value| {
            match str::from_utf8(name) {
                Ok(VERSION_KEY) => version = Some(kv_list::text(VERSION_KEY, value)?),
                Ok(MAX_FRAME_SIZE) => size = Some(kv_list::number(MAX_FRAME_SIZE, value)?),
                Ok(CAPABILITIES) => capabilities = Some(kv_list::text(CAPABILITIES, value)?),
                _ => {}
            }
            Ok(())
        })?;
        let missing = |key, status| Violation::MissingKey { frame: FRAME, key, status };
        let version = version.ok_or(missing(VERSION_KEY, StatusCode::NO_VERSION))?;
        Ok(Self {
            version: String::from_utf8_lossy(version.trim_ascii()).into_owned(),
            max_frame_size: size.ok_or(missing(MAX_FRAME_SIZE, StatusCode::NO_FRAME_SIZE))?,
            capabilities: Capabilities::parse(
                capabilities.ok_or(missing(CAPABILITIES, StatusCode::NO_CAPABILITIES))?,
            ),
        })
    }

    pub(super) fn encode(&self, dst: &mut BytesMut) {
        let capabilities = self.capabilities.to_string();
        kv_list::write(VERSION_KEY, self.version.as_str().into(), dst);
        kv_list::write(MAX_FRAME_SIZE, TypedData::Uint32(self.max_frame_size), dst);
        kv_list::write(CAPABILITIES, capabilities.as_str().into(), dst);
    }

    /// Checks the answer as HAProxy does.
    ///
    /// # Errors
    ///
    /// If the version is not 2.0, or max-frame-size is below 256 or above the announced one.
    pub fn check(&self, announced: &HaproxyHello) -> Result<(), Violation> {
        if self.version != VERSION {
            return Err(Violation::UnsupportedVersion { offered: self.version.clone() });
        }
        let (floor, ceiling) = (MAX_FRAME_SIZE_FLOOR, announced.max_frame_size);
        if !(floor..=ceiling).contains(&self.max_frame_size) {
            return Err(Violation::BadFrameSize { size: self.max_frame_size, floor, ceiling });
        }
        Ok(())
    }
}

/// Whether this version includes 2.0: "Major.Minor" includes all earlier minor versions.
fn includes_ours(version: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = version.trim().split_once('.');
    version.is_some_and(|(major, minor)| major == MAJOR_VERSION && is_number(minor))
}

fn boolean(key: &'static str, value: TypedData<'_>) -> Result<bool, WireError> {
    match value {
        TypedData::Bool(value) => Ok(value),
        _ => Err(WireError::WrongType { key }),
    }
}
