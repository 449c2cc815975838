//! A secret: where it is, and what it is. It is never written anywhere.

use std::{
    env,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// The longest secret, in bytes: a file beyond it is not one.
const LONGEST: u64 = 64 << 10;

/// Something secret. It has neither `Debug` nor `Display`, and its memory is overwritten when it is dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Where a secret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretSource {
    /// In an environment variable.
    Env(String),
    /// In a file, without the line feed at its end.
    File(PathBuf),
    /// In a file of systemd's `LoadCredential=`.
    Credential(String),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no such variable.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// systemd has handed nothing over.
    #[error("CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with LoadCredential=")]
    NoCredentials,
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the secret is empty")]
    Empty,
    /// No secret is so long.
    #[error("{path} has more than 64 KiB", path = .0.display())]
    TooLong(PathBuf),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// If it is not there, or empty.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let secret = match self {
            Self::Env(name) => {
                let value = env::var_os(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::File(path) => read_file(path)?,
            Self::Credential(name) => {
                let folder = env::var_os("CREDENTIALS_DIRECTORY");
                read_file(&Path::new(&folder.ok_or(SecretError::NoCredentials)?).join(name))?
            }
        };
        if secret.is_empty() { Err(SecretError::Empty) } else { Ok(Secret(secret)) }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    // As large as it may become: a buffer that grows leaves a copy behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1).read_to_end(&mut secret).map_err(unreadable)?;
    if secret.len() as u64 > LONGEST {
        return Err(SecretError::TooLong(path.to_owned()));
    }
    for end in [b'\n', b'\r'] {
        if secret.last() == Some(&end) {
            secret.pop();
        }
    }
    Ok(secret)
}
