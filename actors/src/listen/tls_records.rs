//! TLS records: the position of received bytes in their record.

/// Type, version, and the length of the rest.
const HEADER: usize = 5;

/// Follows the records of a TLS connection by their lengths, which are not encrypted.
#[derive(Debug, Default)]
pub(crate) struct TlsRecords {
    /// The received bytes of an incomplete header.
    header: [u8; HEADER],
    /// The received bytes of the incomplete record, with its header.
    begun: usize,
}

impl TlsRecords {
    /// Follows the next bytes.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        // One read can have the end of a record, several complete ones, and the beginning of the
        // next.
        while !bytes.is_empty() {
            let wanted = if self.begun < HEADER { HEADER } else { self.size() } - self.begun;
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            if self.begun < HEADER {
                self.header[self.begun..][..part.len()].copy_from_slice(part);
            }
            self.begun += part.len();
            if self.begun >= HEADER && self.begun == self.size() {
                self.begun = 0;
            }
            bytes = rest;
        }
    }

    /// How many bytes of the incomplete record were received.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// The size of the record, with its header.
    fn size(&self) -> usize {
        HEADER + usize::from(u16::from_be_bytes([self.header[3], self.header[4]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: u16) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(HEADER + usize::from(length), 0xff);
        record
    }

    #[test]
    fn a_record_is_complete_with_its_last_byte_however_the_bytes_come() {
        let records = [record(1), record(0), record(16_401), record(300)].concat();
        let ends = [6, 11, 16_417, 16_722];
        for size in [1, 2, 3, 5, 7, 4096, records.len()] {
            let (mut followed, mut at) = (TlsRecords::default(), 0);
            for part in records.chunks(size) {
                followed.follow(part);
                at += part.len();
                let begin = ends.into_iter().rfind(|end| *end <= at).unwrap_or_default();
                assert_eq!(followed.begun(), at - begin, "{at} bytes, {size} at a time");
            }
            assert_eq!(followed.begun(), 0);
        }
    }
}
