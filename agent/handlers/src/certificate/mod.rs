//! Certificates of clients, as HAProxy hands them over: what they say, as texts and numbers.
//!
//! | file | what |
//! |---|---|
//! | `certificate` | what a certificate says |
//! | `distinguished_name` | who it is for and who has signed it, in one text |
//! | `hex` | serial numbers and fingerprints as HAProxy prints them |

mod certificate;
mod distinguished_name;
mod hex;

pub use certificate::{Certificate, CertificateError};
