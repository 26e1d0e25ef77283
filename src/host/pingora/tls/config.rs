//! What a handshake needs: the certificates by the names they are for, and who may come in.

use std::{collections::HashMap, sync::Arc};

use pingora::{
    listeners::tls::{Acceptor, TlsSettings},
    tls::TlsAcceptor,
};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use super::{
    ClientAuth, Tls,
    client_certificate::Noted,
    files,
    identity::Identity,
    problem::{Flaw, Problem, Problems},
};

/// What the files held.
pub(super) struct Material {
    pub(super) acceptor: Acceptor,
    pub(super) identities: Vec<Identity>,
}

/// Certificates by the names that clients ask for.
#[derive(Debug)]
struct ByName {
    /// Behind each name those for it, for clients need not know every kind of key.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// The same for `*.name`.
    below: HashMap<String, Vec<Arc<CertifiedKey>>>,
    otherwise: Vec<Arc<CertifiedKey>>,
}

impl Material {
    /// Reads the files that the settings name.
    pub(super) fn read(tls: &Tls) -> Result<Self, Problems> {
        let provider = Arc::new(ring::default_provider());
        let mut problems = Vec::new();
        let mut identities = Vec::new();
        for pair in &tls.pairs {
            match Identity::read(pair, &provider) {
                Ok(identity) => identities.push(identity),
                Err(problem) => problems.push(problem),
            }
        }
        let verifier = match tls.client_auth.as_ref().map(|auth| verifier(auth, &provider)).transpose() {
            Ok(verifier) => verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth),
            Err(problem) => {
                problems.push(problem);
                return Err(Problems(problems));
            }
        };
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let resolver: Arc<dyn ResolvesServerCert> = Arc::new(ByName::new(&identities));
        let acceptor = acceptor(provider, verifier, resolver).map_err(|error| {
            let file = tls.pairs.first().map(|pair| pair.certificate.clone()).unwrap_or_default();
            Problems(vec![Problem::new(file, Flaw::Unusable(error))])
        })?;
        Ok(Self { acceptor, identities })
    }
}

impl ByName {
    fn new(identities: &[Identity]) -> Self {
        let (mut exact, mut below) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for identity in identities {
            for name in &identity.names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut below, parent),
                    None => (&mut exact, name.as_str()),
                };
                map.entry(name.to_owned()).or_default().push(Arc::clone(&identity.key));
            }
        }
        let names = identities.first().map(|first| &first.names);
        let like_first = identities.iter().filter(|identity| Some(&identity.names) == names);
        Self { exact, below, otherwise: like_first.map(|identity| Arc::clone(&identity.key)).collect() }
    }

    /// Those for a name. A certificate for it wins over one for all names beside it.
    fn named(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let name = name.to_ascii_lowercase();
        self.exact.get(&name).or_else(|| self.below.get(name.split_once('.')?.1))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = hello.server_name().and_then(|name| self.named(name)).unwrap_or(&self.otherwise);
        let usable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        keys.iter().find(usable).or(keys.first()).cloned()
    }
}

/// Who checks the certificates of clients.
fn verifier(
    auth: &ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let roots = Arc::new(files::roots(&auth.ca)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let builder = if auth.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| Problem::new(&auth.ca, Flaw::Unusable(error.to_string())))
}

/// Pingora's acceptor, which notes the client's certificate, on a configuration of our own.
fn acceptor(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ClientCertVerifier>,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<Acceptor, String> {
    let unusable = |error: rustls::Error| format!("TLS cannot be set up: {error}");
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
    let builder = builder.map_err(unusable)?;
    let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::clone(&resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Its keys are as old as the certificates: whom others let in has to prove it again.
    config.ticketer = ring::Ticketer::new().map_err(unusable)?;
    let mut settings = TlsSettings::with_callbacks(Box::new(Noted)).map_err(|error| error.to_string())?;
    settings.set_cert_resolver(resolver);
    let mut acceptor = settings.build();
    acceptor.acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(acceptor)
}
