//! What is wrong with the files of TLS, and what can be done about it.

use std::{fmt, io, path::PathBuf};

/// Everything that is wrong with the files of a listener.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

/// What is wrong with one file.
#[derive(Debug)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub flaw: Flaw,
}

/// A mistake in a file of TLS.
#[derive(Debug)]
#[non_exhaustive]
pub enum Flaw {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is something else than a regular file.
    NotAFile,
    /// It is larger than any certificate.
    TooLarge(u64),
    /// It holds DER.
    Der,
    /// It is not well-formed PEM; it may be half-written.
    Pem(String),
    /// There is no certificate in it, but there may be a key.
    NoCertificate {
        /// Whether there is a key.
        key: bool,
    },
    /// This certificate of it, counted from 1, cannot be read.
    Certificate(usize, String),
    /// There is no key in it, but there may be a certificate.
    NoKey {
        /// Whether there is a certificate.
        certificate: bool,
    },
    /// The key needs a passphrase.
    Encrypted,
    /// The key is of a kind that cannot be used.
    Key(String),
    /// The key is not that of the first certificate.
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The number of the certificate that it belongs to, counted from 1.
        belongs_to: Option<usize>,
    },
    /// No listener can be made of it.
    Unusable(String),
}

impl Problem {
    pub(in crate::host::pingora) fn new(file: impl Into<PathBuf>, flaw: Flaw) -> Self {
        Self { file: file.into(), flaw }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.flaw)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Unreadable(error) => {
                write!(f, "{error}")?;
                if error.kind() == io::ErrorKind::PermissionDenied {
                    f.write_str("; the user that runs the proxy must be allowed to read it")?;
                }
                Ok(())
            }
            Flaw::NotAFile => f.write_str("this is not a regular file"),
            Flaw::TooLarge(limit) => write!(f, "this is larger than {limit} bytes"),
            Flaw::Der => f.write_str(
                "this is DER, and PEM is needed; `openssl x509 -inform der` or `openssl pkey -inform der` \
                 converts it",
            ),
            Flaw::Pem(error) => write!(f, "this is not whole PEM: {error}"),
            Flaw::NoCertificate { key: false } => {
                f.write_str("there is no certificate in it; one begins with `-----BEGIN CERTIFICATE-----`")
            }
            Flaw::NoCertificate { key: true } => {
                f.write_str("there is no certificate in it, but a private key; are the two files swapped?")
            }
            Flaw::Certificate(number, error) => write!(f, "certificate {number} cannot be read: {error}"),
            Flaw::NoKey { certificate: false } => {
                f.write_str("there is no private key in it; one begins with `-----BEGIN PRIVATE KEY-----`")
            }
            Flaw::NoKey { certificate: true } => {
                f.write_str("there is no private key in it, but a certificate; are the two files swapped?")
            }
            Flaw::Encrypted => f.write_str(
                "the private key is encrypted, and nobody is there to enter its passphrase; `openssl pkey` \
                 writes it without",
            ),
            Flaw::Key(error) => write!(
                f,
                "the private key cannot be used: {error}; RSA from 2048 bits on, ECDSA with P-256 or P-384, \
                 and Ed25519 can"
            ),
            Flaw::Mismatch { certificate, belongs_to: None } => write!(
                f,
                "the private key is not that of the certificate in {}; the two have to be made, and \
                 replaced, together",
                certificate.display()
            ),
            Flaw::Mismatch { certificate, belongs_to: Some(number) } => write!(
                f,
                "the private key belongs to certificate {number} in {}, which has to be the first there",
                certificate.display()
            ),
            Flaw::Unusable(error) => f.write_str(error),
        }
    }
}
