//! Certificates of clients: what they say, and what bytes that are none get.

use std::net::IpAddr;

use proptest::prelude::*;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SanType, SerialNumber,
    date_time_ymd,
};
use spoa_handlers::certificate::{Certificate, CertificateError};

/// A certificate with these alternative names.
pub(crate) fn certificate(names: Vec<SanType>) -> Vec<u8> {
    made(|params| params.subject_alt_names = names)
}

fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "AT");
    params.distinguished_name.push(DnType::OrganizationName, "Example, Inc");
    params.distinguished_name.push(DnType::CommonName, "billing");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.serial_number = Some(SerialNumber::from(0x00ab_cd01_u64));
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

#[test]
fn a_certificate_is_read_as_haproxy_prints_it() {
    let der = certificate(vec![
        SanType::DnsName("billing.example.com".try_into().unwrap()),
        uri("spiffe://example.com/ns/shop/sa/billing"),
        SanType::Rfc822Name("ops@example.com".try_into().unwrap()),
        SanType::IpAddress(IpAddr::from([192, 0, 2, 1])),
    ]);
    let read = Certificate::read(&der).unwrap();
    assert_eq!(read.subject, "CN=billing,O=Example\\, Inc,C=AT");
    assert_eq!(read.issuer, read.subject);
    assert_eq!(read.common_name.as_deref(), Some("billing"));
    assert_eq!(read.organization.as_deref(), Some("Example, Inc"));
    assert_eq!(read.issuer_name.as_deref(), Some("billing"));
    assert_eq!(read.serial, "ABCD01");
    assert_eq!((read.sha1.len(), read.sha256.len()), (40, 64));
    assert_eq!((read.not_before, read.not_after), (1_767_225_600, 1_798_761_600));
    assert_eq!(read.dns, ["billing.example.com"]);
    assert_eq!(read.uris, ["spiffe://example.com/ns/shop/sa/billing"]);
    assert_eq!(read.emails, ["ops@example.com"]);
    assert_eq!(read.ips, [IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(read.spiffe(), Some("spiffe://example.com/ns/shop/sa/billing"));
}

#[test]
fn an_identity_of_spiffe_is_the_only_uri() {
    let of = |names: Vec<SanType>| {
        Certificate::read(&certificate(names)).unwrap().spiffe().map(str::to_owned)
    };
    assert_eq!(of(vec![]), None);
    assert_eq!(of(vec![uri("https://example.com/spiffe://a")]), None);
    assert_eq!(of(vec![uri("spiffe://a/b"), uri("spiffe://a/c")]), None);
    assert_eq!(of(vec![uri("spiffe://a/b")]).as_deref(), Some("spiffe://a/b"));
}

#[test]
fn names_that_could_end_a_line_are_left_out() {
    let read = |names: Vec<SanType>, name: &str| {
        let der = made(|params| {
            params.subject_alt_names = names;
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
        });
        Certificate::read(&der).unwrap()
    };
    let forged = read(vec![uri("spiffe://a/b\r\nX-Admin: 1"), uri("spiffe://a/c")], "a\nb");
    assert_eq!(forged.uris, ["spiffe://a/c"]);
    assert_eq!((forged.common_name, forged.subject.as_str()), (None, "CN=a\\0Ab"));
    let forged = read(vec![], "x,O=Bank+OU=y");
    assert_eq!(forged.subject, "CN=x\\,O=Bank\\+OU=y");
}

#[test]
fn what_is_not_one_whole_certificate_is_none() {
    let der = certificate(vec![uri("spiffe://a/b")]);
    assert_eq!(Certificate::read(b""), Err(CertificateError::Malformed));
    assert_eq!(
        Certificate::read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        Err(CertificateError::Malformed)
    );
    for end in 0..der.len() {
        assert_eq!(Certificate::read(&der[..end]), Err(CertificateError::Malformed), "{end}");
    }
    let trailing = [&der[..], b"ab"].concat();
    assert_eq!(Certificate::read(&trailing), Err(CertificateError::Trailing(2)));
    let twice = made(|params| {
        params.subject_alt_names = vec![uri("spiffe://a/b")];
        // The same extension again, with no name.
        let again = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0]);
        params.custom_extensions.push(again);
    });
    assert!(Certificate::read(&twice).is_err(), "which names are meant?");
    let many = (0..101).map(|at| uri(&format!("spiffe://a/{at}"))).collect();
    assert_eq!(Certificate::read(&certificate(many)), Err(CertificateError::TooManyNames));
}

#[test]
fn what_a_certificate_takes_is_bound_by_its_length() {
    let names = (0..100).map(|at| uri(&format!("spiffe://example.com/{at}"))).collect();
    let der = certificate(names);
    let taken = allocation_counter::measure(|| drop(Certificate::read(&der)));
    assert!(taken.bytes_max < 100 * der.len() as u64, "{taken:?} for {} bytes", der.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_a_certificate_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::read(&bytes);
    }

    #[test]
    fn a_certificate_with_other_bytes_in_it_is_one_or_none(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static DER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            certificate(vec![uri("spiffe://a/b"), SanType::IpAddress(IpAddr::from([0; 16]))])
        });
        let mut der = DER.clone();
        for (index, byte) in changes {
            let at = index.index(der.len());
            der[at] = byte;
        }
        let taken = allocation_counter::measure(|| drop(Certificate::read(&der)));
        prop_assert!(taken.bytes_max < 100 * der.len() as u64);
    }
}
