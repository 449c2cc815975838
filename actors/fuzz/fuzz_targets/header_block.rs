//! Header blocks: either form is read as the model reads it, and what is encoded is read back.
//!
//! Input: a block of headers, in whichever form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spoa_actors::{HeaderBlock, HeaderBlockBuf, HeaderBlockError};
use spoa_fuzz::model;

/// What the model reads, and nothing where it reads nothing.
fn is_read_as_by_the_model(
    read: Result<HeaderBlock<'_>, HeaderBlockError>,
    expected: Option<Vec<model::Header<'_>>>,
) {
    let headers = read.as_ref().ok().map(|block| block.iter().collect::<Vec<_>>());
    assert_eq!(headers, expected, "{read:?}");
    let Ok(block) = read else { return };
    let buf: HeaderBlockBuf = block.to_buf();
    assert_eq!(buf.as_block(), block);
    for (name, value) in block.iter() {
        let name = name.to_ascii_uppercase();
        assert!(block.get_all(&name).any(|own| own == value), "{name:?}");
        assert_eq!(block.get(&name), block.get_all(&name).next());
    }
}

fn is_read_back(block: HeaderBlock<'_>) {
    let bytes = HeaderBlock::encode(block.iter());
    let read: Vec<_> = HeaderBlock::read_binary(&bytes).expect("it was encoded").iter().collect();
    let kept = block.iter().filter(|(name, value)| {
        let is_name = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        name.iter().all(is_name) && !value.iter().any(|byte| b"\r\n\0".contains(byte))
    });
    assert_eq!(read, kept.collect::<Vec<_>>());
}

fuzz_target!(|input: &[u8]| {
    is_read_as_by_the_model(HeaderBlock::read_binary(input), model::binary_headers(input));
    is_read_as_by_the_model(HeaderBlock::read_text(input), model::text_headers(input));
    if let Ok(block) = HeaderBlock::read(input) {
        is_read_back(block);
    }
});
