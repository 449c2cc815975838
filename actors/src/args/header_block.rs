//! Header block: its two forms as arguments.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

use crate::spop::{HeaderBlock, HeaderBlockBuf};

impl<'de: 'a, 'a> Deserialize<'de> for HeaderBlock<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Block)
    }
}

impl<'de> Deserialize<'de> for HeaderBlockBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Block).map(|block| block.to_buf())
    }
}

/// Text is `req.hdrs`, binary is `req.hdrs_bin`.
struct Block;

impl<'de> Visitor<'de> for Block {
    type Value = HeaderBlock<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header block, as of req.hdrs_bin or req.hdrs")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        self.visit_borrowed_bytes(text.as_bytes())
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        HeaderBlock::read(bytes).map_err(E::custom)
    }
}
