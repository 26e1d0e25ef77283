//! Reads certificates and keys from PEM files.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{PemObject, SectionKind},
    },
};

use super::problem::{Flaw, Problem};
use crate::config::href::{ReadError, read_bounded};

/// More than every root of the world takes.
const MAX_FILE: u64 = 4 << 20;

/// Any DER begins so: with a sequence whose length takes two bytes.
const DER: [u8; 2] = [0x30, 0x82];

/// What a PEM file holds.
struct Pem {
    sections: Vec<(SectionKind, Vec<u8>)>,
    has_encrypted_key: bool,
}

/// The certificates of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let Pem { sections, has_encrypted_key } = read(file)?;
    let has_key = has_encrypted_key || sections.iter().any(|(kind, _)| is_key(*kind));
    let is_certificate = |(kind, der)| (kind == SectionKind::Certificate).then(|| CertificateDer::from(der));
    let certificates: Vec<_> = sections.into_iter().filter_map(is_certificate).collect();
    match certificates.is_empty() {
        true => Err(Problem::new(file, Flaw::NoCertificate { key: has_key })),
        false => Ok(certificates),
    }
}

/// The first private key of a file.
pub(super) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    let Pem { sections, has_encrypted_key } = read(file)?;
    let certificate = sections.iter().any(|(kind, _)| *kind == SectionKind::Certificate);
    let mut keys = sections.into_iter().filter_map(|(kind, der)| match kind {
        SectionKind::PrivateKey => Some(PrivateKeyDer::Pkcs8(der.into())),
        SectionKind::RsaPrivateKey => Some(PrivateKeyDer::Pkcs1(der.into())),
        SectionKind::EcPrivateKey => Some(PrivateKeyDer::Sec1(der.into())),
        _ => None,
    });
    match keys.next() {
        _ if has_encrypted_key => Err(Problem::new(file, Flaw::Encrypted)),
        Some(key) => Ok(key),
        None => Err(Problem::new(file, Flaw::NoKey { certificate })),
    }
}

/// The certificates of a file, as those that others lead to.
pub(in crate::host::pingora) fn roots(file: &Path) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(file)?.into_iter().enumerate() {
        let added = roots.add(certificate);
        added.map_err(|error| Problem::new(file, Flaw::Certificate(index + 1, error.to_string())))?;
    }
    Ok(roots)
}

fn read(file: &Path) -> Result<Pem, Problem> {
    let bytes = read_bounded(file, MAX_FILE).map_err(|error| {
        let flaw = match error {
            ReadError::Io(error) => Flaw::Unreadable(error),
            ReadError::NotAFile => Flaw::NotAFile,
            ReadError::TooLarge(limit) => Flaw::TooLarge(limit),
        };
        Problem::new(file, flaw)
    })?;
    if bytes.starts_with(&DER) {
        return Err(Problem::new(file, Flaw::Der));
    }
    let sections: Result<Vec<_>, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes).collect();
    let sections = sections.map_err(|error| Problem::new(file, Flaw::Pem(error.to_string())))?;
    let text = String::from_utf8_lossy(&bytes);
    let has_encrypted_key =
        text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
    Ok(Pem { sections, has_encrypted_key })
}

fn is_key(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}
