//! Short bytes: stored inline while they are few, so that nothing is allocated for them.

use std::fmt;

use super::put::Put;

/// How many bytes are stored inline: two or three actions. The whole type has 80 bytes.
const FEW: usize = 55;

/// Bytes that are allocated only if they are many.
#[derive(Clone)]
pub(super) struct ShortBytes {
    few: [u8; FEW],
    /// The number of inline bytes; 0 if the bytes are on the heap.
    length: u8,
    many: Vec<u8>,
}

impl ShortBytes {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        if self.many.is_empty() {
            self.few.get(..self.length.into()).unwrap_or_default()
        } else {
            &self.many
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.many.len() + usize::from(self.length)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.many.truncate(length);
        self.length = self.length.min(u8::try_from(length).unwrap_or(u8::MAX));
    }

    /// Space for `length` more inline bytes, if they fit.
    #[inline]
    fn room(&mut self, length: usize) -> Option<&mut [u8]> {
        let begin = usize::from(self.length);
        let is_few = self.many.is_empty();
        self.few.get_mut(begin..begin.checked_add(length)?).filter(|_| is_few)
    }

    #[cold]
    fn allocate(&mut self, bytes: &[u8]) {
        if self.many.is_empty() {
            // One allocation for the old and the new bytes. After this it grows as any `Vec`.
            self.many.reserve(FEW + bytes.len());
            self.many.extend_from_slice(self.few.get(..self.length.into()).unwrap_or_default());
            self.length = 0;
        }
        self.many.extend_from_slice(bytes);
    }
}

impl Put for ShortBytes {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.room(bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                // The inline length always fits in a byte.
                self.length = self.length.wrapping_add(bytes.len().to_le_bytes()[0]);
            }
            None => self.allocate(bytes),
        }
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }
}

impl Default for ShortBytes {
    #[inline]
    fn default() -> Self {
        Self { few: [0; FEW], length: 0, many: Vec::new() }
    }
}

impl From<&[u8]> for ShortBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut short = Self::default();
        short.put(bytes);
        short
    }
}

impl Eq for ShortBytes {}

impl PartialEq for ShortBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for ShortBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_or_many_they_are_the_bytes_that_were_put() {
        let mut short = ShortBytes::default();
        let mut expected = Vec::new();
        for piece in [&b"ab"[..], b"", &[7; 50], b"xyz", b"", b"0", &[9; 300], b"end"] {
            short.put(piece);
            expected.extend_from_slice(piece);
            assert_eq!(short.as_slice(), expected);
            assert_eq!((short.len(), short.is_empty()), (expected.len(), false));
        }
        assert_eq!(ShortBytes::from(&expected[..]), short);
    }

    #[test]
    fn a_byte_at_a_time_is_the_same_as_all_at_once() {
        let all: Vec<u8> = (0..200).collect();
        let mut short = ShortBytes::default();
        for (index, &byte) in all.iter().enumerate() {
            assert_eq!(short, ShortBytes::from(all.get(..index).unwrap()));
            short.put_byte(byte);
        }
    }

    #[test]
    fn what_is_cut_off_can_be_put_again() {
        for whole in [20, FEW, FEW + 1, 300] {
            let all = vec![1; whole];
            for kept in [0, 1, 20, whole, whole + 1] {
                let mut short = ShortBytes::from(&all[..]);
                short.truncate(kept);
                short.put(b"more");
                let expected = [all.get(..kept).unwrap_or(&all), b"more"].concat();
                assert_eq!(short.as_slice(), expected, "{kept} of {whole}");
            }
        }
    }
}
