//! Distinguished name: who a certificate is for, and who has signed it, in the form of RFC 2253.

use std::fmt::Write;

use x509_parser::{
    objects::{oid_registry, oid2abbrev},
    x509::{AttributeTypeAndValue, X509Name},
};

use super::hex::hex;

/// What `ssl_c_s_dn(,0,rfc2253)` prints: the last part first, and nothing in a value that could be taken for
/// the next part.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let parts = parts.iter().rev().map(|part| {
        let values: Vec<_> = part.iter().map(attribute).collect();
        values.join("+")
    });
    parts.collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let known = oid2abbrev(attribute.attr_type(), oid_registry()).ok();
    match (known, attribute.as_str()) {
        (Some(name), Ok(value)) => format!("{name}={}", escaped(value)),
        (name, _) => {
            let oid = attribute.attr_type().to_id_string();
            let value = attribute.attr_value();
            format!("{}=#{}", name.unwrap_or(&oid), hex(value.data))
        }
    }
}

fn escaped(value: &str) -> String {
    let last = value.len().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, byte) in value.bytes().enumerate() {
        let is_end = at == 0 || at == last;
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', byte.into()]),
            b'#' if at == 0 => text.push_str("\\#"),
            b' ' if is_end => text.push_str("\\ "),
            b' '..=b'~' => text.push(byte.into()),
            // A String takes everything.
            _ => drop(write!(text, "\\{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_be_taken_for_the_next_part() {
        assert_eq!(escaped("a,O=Bank"), "a\\,O=Bank");
        assert_eq!(escaped(" #a "), "\\ #a\\ ");
        assert_eq!(escaped("#a+b\\"), "\\#a\\+b\\\\");
        assert_eq!(escaped("é\n\0"), "\\C3\\A9\\0A\\00");
        assert_eq!(escaped(""), "");
    }
}
