//! Trace parent: the remote span that a message names as its parent.
//!
//! ```text
//! traceparent : 00-<trace-id: 32 hex>-<parent-id: 16 hex>-<flags: 2 hex>     (W3C Trace Context)
//! b3          : <trace-id: 16 or 32 hex>-<span-id: 16 hex>[-<state>[-<parent span-id>]], or <state> (B3 single)
//! state       : 1, d or 0
//! ```

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The remote span that a message names as its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TraceParent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    /// The sampling decision of its sender, if there is one.
    pub(super) is_sampled: Option<bool>,
    pub(super) format: Format,
}

/// The format of the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    TraceContext,
    B3,
}

impl TraceParent {
    /// Reads a `traceparent`. An invalid one is ignored, as the standard requires.
    pub(super) fn from_traceparent(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(55)?;
        let [v0, v1, b'-', trace_id @ .., b'-', f0, f1] = known else { return None };
        let version = octet(*v0, *v1)?;
        // Later versions can have more fields after a dash; version 255 is forbidden.
        let is_complete = rest.is_empty() || (version > 0 && rest.first() == Some(&b'-'));
        if version == u8::MAX || !is_complete {
            return None;
        }
        let (trace_id, span_id) = trace_id.split_at_checked(32)?;
        let is_sampled = octet(*f0, *f1)? & TraceFlags::SAMPLED.to_u8() != 0;
        Self::new(trace_id, span_id.strip_prefix(b"-")?, Some(is_sampled), Format::TraceContext)
    }

    /// Reads a single `b3` header. A header with only a sampling decision names no parent.
    pub(super) fn from_b3(text: &[u8]) -> Option<Self> {
        let mut fields = text.split(|&byte| byte == b'-');
        let (trace_id, span_id) = (fields.next()?, fields.next()?);
        let is_sampled = match fields.next() {
            None => None,
            Some(b"1" | b"d") => Some(true),
            Some(b"0") => Some(false),
            Some(_) => return None,
        };
        Self::new(trace_id, span_id, is_sampled, Format::B3)
    }

    fn new(
        trace_id: &[u8],
        span_id: &[u8],
        is_sampled: Option<bool>,
        format: Format,
    ) -> Option<Self> {
        let mut parent = Self { trace_id: [0; 16], span_id: [0; 8], is_sampled, format };
        // Short trace-ids of B3 fill the lower half.
        let half = if trace_id.len() == 16 { 8 } else { 0 };
        read_hex(trace_id, &mut parent.trace_id[half..])?;
        read_hex(span_id, &mut parent.span_id)?;
        (parent.trace_id != [0; 16] && parent.span_id != [0; 8]).then_some(parent)
    }

    /// A number that is the same for every participant of this trace.
    pub(super) fn lot(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.trace_id;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    pub(super) fn span_context(&self, state: TraceState) -> SpanContext {
        let is_sampled = self.is_sampled.unwrap_or(true);
        SpanContext::new(
            TraceId::from_bytes(self.trace_id),
            SpanId::from_bytes(self.span_id),
            TraceFlags::default().with_sampled(is_sampled),
            true,
            state,
        )
    }
}

/// Formats a span as `traceparent`.
pub(super) fn traceparent(span: &SpanContext) -> String {
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), flags)
}

/// Formats a span as a single `b3` header.
pub(super) fn b3(span: &SpanContext) -> String {
    format!("{}-{}-{}", span.trace_id(), span.span_id(), u8::from(span.is_sampled()))
}

/// Fills `octets`, four at a time, from exactly twice as many digits.
#[inline]
fn read_hex(digits: &[u8], octets: &mut [u8]) -> Option<()> {
    if digits.len() != 2 * octets.len() {
        return None;
    }
    for (octets, digits) in octets.chunks_exact_mut(4).zip(digits.chunks_exact(8)) {
        let number = eight_digits(digits.try_into().ok()?)?;
        octets.copy_from_slice(&number.to_be_bytes());
    }
    Some(())
}

/// The number of eight hexadecimal digits, computed in parallel: this runs for every NOTIFY with a
/// parent.
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<u32> {
    /// This value in each of eight bytes.
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let text = u64::from_be_bytes(digits);
    let letters = (text & each(0x40)) >> 6;
    let values = (text & each(0x0f)) + 9 * letters;
    // Only digits are what their values are written as. Both standards ask for lower case.
    let written_as_letters = ((values + each(6)) >> 4) & each(1);
    let written = values + each(b'0') + u64::from(b'a' - b'9' - 1) * written_as_letters;
    if values & each(0xf0) != 0 || written != text {
        return None;
    }
    let octets = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (octets | octets >> 8) & 0x0000_ffff_0000_ffff;
    Some((pairs | pairs >> 16) as u32)
}

fn octet(high: u8, low: u8) -> Option<u8> {
    let number = eight_digits([b'0', b'0', b'0', b'0', b'0', b'0', high, low])?;
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(text: &str) -> Option<String> {
        let parent = TraceParent::from_traceparent(text.as_bytes())?;
        Some(traceparent(&parent.span_context(TraceState::default())))
    }

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        assert_eq!(read(TRACEPARENT).as_deref(), Some(TRACEPARENT));
        let not_sampled = TRACEPARENT.replace("-01", "-00");
        assert_eq!(read(&not_sampled), Some(not_sampled));
        // Only one flag is known, and later versions are read by their first fields.
        assert_eq!(read(&TRACEPARENT.replace("-01", "-ff")).as_deref(), Some(TRACEPARENT));
        assert_eq!(read(&TRACEPARENT.replacen("00", "01", 1)).as_deref(), Some(TRACEPARENT));
        let later = format!("{}-what-the-future-brings", TRACEPARENT.replacen("00", "cc", 1));
        assert_eq!(read(&later).as_deref(), Some(TRACEPARENT));
    }

    #[test]
    fn what_is_no_traceparent_names_no_parent() {
        let zeros = |count| "0".repeat(count);
        for bad in [
            String::new(),
            TRACEPARENT[..54].to_owned(),
            format!("{TRACEPARENT}-extra"),
            format!("{TRACEPARENT}."),
            format!("{}.x", TRACEPARENT.replacen("00", "01", 1)),
            TRACEPARENT.replacen("00", "ff", 1),
            TRACEPARENT.replacen("00", "0x", 1),
            TRACEPARENT.to_uppercase(),
            TRACEPARENT.replace('-', "_"),
            TRACEPARENT.replace("0af7651916cd43dd8448eb211c80319c", &zeros(32)),
            TRACEPARENT.replace("b7ad6b7169203331", &zeros(16)),
            TRACEPARENT.replace("-01", "-0g"),
            "é".repeat(28),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn only_digits_of_lower_case_are_digits() {
        for byte in 0..=u8::MAX {
            let digit = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            for place in 0..8 {
                let mut digits = *b"12345678";
                digits[place] = byte;
                let expected = digit.map(|digit| {
                    let shift = 4 * (7 - place as u32);
                    0x1234_5678 & !(0xf << shift) | digit << shift
                });
                assert_eq!(eight_digits(digits), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn a_b3_header_is_read_with_and_without_a_decision() {
        let ids = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1";
        let sampled = |state: &str| {
            let parent = TraceParent::from_b3(format!("{ids}{state}").as_bytes());
            parent.map(|parent| parent.is_sampled)
        };
        assert_eq!(sampled(""), Some(None));
        assert_eq!(sampled("-1"), Some(Some(true)));
        assert_eq!(sampled("-d-05e3ac9a4f6e3b90"), Some(Some(true)));
        assert_eq!(sampled("-0"), Some(Some(false)));
        assert_eq!(sampled("-2"), None);
        for bad in ["0", "1", "", "-", "80f198ee-e457b5a2e4d86bd1"] {
            assert_eq!(TraceParent::from_b3(bad.as_bytes()), None, "{bad}");
        }
        let short = TraceParent::from_b3(b"64fe8b2a57d3eff7-e457b5a2e4d86bd1").unwrap();
        let span = short.span_context(TraceState::default());
        assert_eq!(b3(&span), "000000000000000064fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
    }
}
