//! Certificates for tests, in files.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::scene::{Folder, text};

/// The files `ca`, `cert` and `key` of a CA and of what it has issued for this name.
pub(crate) fn issue(folder: &Folder, name: &str) -> [String; 3] {
    issue_until(folder, name, 4000)
}

/// The same; what is issued is valid until the first day of this year.
pub(crate) fn issue_until(folder: &Folder, name: &str, year: i32) -> [String; 3] {
    let mut params = CertificateParams::new([]).expect("no names are good names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("there is randomness");
    let authority = CertifiedIssuer::self_signed(params, key()).expect("it is a CA");
    let mut params = CertificateParams::new([name.to_owned()]).expect("it is a name");
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = key();
    let certificate = params.signed_by(&key, &authority).expect("it is issued");
    let files = [
        (format!("{name}.ca"), authority.pem()),
        (format!("{name}.crt"), certificate.pem()),
        (format!("{name}.key"), key.serialize_pem()),
    ];
    files.map(|(name, pem)| {
        let path = folder.file(&name);
        fs::write(&path, pem).expect("the folder is ours");
        text(&path).to_owned()
    })
}
