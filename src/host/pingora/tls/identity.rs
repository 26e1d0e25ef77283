//! A certificate with its key: whom it speaks for, and how long.

use std::{fmt, net::IpAddr, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{
    Error, InconsistentKeys,
    crypto::CryptoProvider,
    pki_types::CertificateDer,
    sign::{CertifiedKey, SigningKey},
};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _, time::ASN1Time};

use super::{
    Pair, files,
    problem::{Flaw, Problem},
};

/// How long before its end a certificate is worth a warning.
const SOON: TimeDelta = TimeDelta::days(14);

/// A certificate with its key.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    /// The hosts that it is for, in lower case.
    pub(super) names: Vec<String>,
    pub(super) file: String,
    since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

/// Why clients will not, or soon no longer, take a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    NotYet,
    EndsSoon,
    Ended,
    Nameless,
}

/// What is read from a certificate.
struct Facts {
    names: Vec<String>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Identity {
    /// Reads a pair of files.
    pub(super) fn read(pair: &Pair, provider: &CryptoProvider) -> Result<Self, Problem> {
        let chain = files::certificates(&pair.certificate)?;
        let mut facts = Vec::new();
        for (index, certificate) in chain.iter().enumerate() {
            let flaw = |error| Flaw::Certificate(index + 1, error);
            facts.push(Facts::of(certificate).map_err(|error| Problem::new(&pair.certificate, flaw(error)))?);
        }
        let key = files::key(&pair.key)?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| Problem::new(&pair.key, Flaw::Key(error.to_string())))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                let belongs_to = owner(&certified.cert, &certified.key);
                let flaw = Flaw::Mismatch { certificate: pair.certificate.clone(), belongs_to };
                return Err(Problem::new(&pair.key, flaw));
            }
            Err(error) => {
                return Err(Problem::new(&pair.certificate, Flaw::Certificate(1, error.to_string())));
            }
        }
        let no_certificate = || Problem::new(&pair.certificate, Flaw::NoCertificate { key: false });
        let Facts { names, since, until } = facts.into_iter().next().ok_or_else(no_certificate)?;
        let file = pair.certificate.display().to_string();
        Ok(Self { key: Arc::new(certified), names, file, since, until })
    }

    /// What is to be said of it at this time.
    pub(super) fn doubt(&self, now: DateTime<Utc>) -> Option<Doubt> {
        if now > self.until {
            Some(Doubt::Ended)
        } else if now < self.since {
            Some(Doubt::NotYet)
        } else if self.until - now < SOON.min((self.until - self.since) / 3) {
            Some(Doubt::EndsSoon)
        } else if self.names.is_empty() {
            Some(Doubt::Nameless)
        } else {
            None
        }
    }
}

impl Facts {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(certificate)
            .map_err(|error| error.to_string())?;
        let alternatives = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
        let names = alternatives.into_iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        });
        let validity = certificate.validity();
        let (since, until) = (time(validity.not_before)?, time(validity.not_after)?);
        Ok(Self { names: names.collect(), since, until })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::NotYet => "the certificate is not valid yet; clients will refuse it",
            Doubt::EndsSoon => "the certificate expires soon",
            Doubt::Ended => "the certificate has expired; clients will refuse it",
            Doubt::Nameless => "the certificate names no host (subjectAltName); clients will refuse it",
        })
    }
}

/// The number of the certificate whose key this is.
fn owner(chain: &[CertificateDer<'static>], key: &Arc<dyn SigningKey>) -> Option<usize> {
    let owns = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], Arc::clone(key)).keys_match().is_ok()
    };
    chain.iter().position(owns).map(|index| index + 1)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn time(time: ASN1Time) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp(time.timestamp(), 0).ok_or_else(|| format!("no calendar knows the time {time}"))
}
