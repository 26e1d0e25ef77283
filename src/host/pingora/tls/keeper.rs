//! Keeps certificates up to date with their files.

use std::{fmt, io, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use pingora::listeners::tls::Acceptor;

use super::{
    TARGET, Tls,
    config::Material,
    identity::{Doubt, Identity},
    problem::Problems,
};
use crate::host::{
    reload::{Follower, Source},
    telemetry::Certificate,
};

/// How often a doubt about a certificate is repeated.
const REMIND: TimeDelta = TimeDelta::days(1);

/// Keeps the certificates in force up to date with their files, until it is dropped.
pub(in crate::host::pingora) struct Keeper {
    acceptor: Arc<ArcSwap<Acceptor>>,
    certificates: Arc<ArcSwap<Vec<Certificate>>>,
    _follower: Follower,
}

/// Why there is none.
#[derive(Debug)]
pub(in crate::host::pingora) enum Unkept {
    Refused(Problems),
    Thread(io::Error),
}

/// The files of a listener.
struct Files {
    tls: Tls,
    files: Vec<PathBuf>,
}

/// What was said about certificates, so that it is not said all the time.
struct Teller {
    identities: Vec<(Identity, Option<Doubt>)>,
    told: DateTime<Utc>,
}

impl Keeper {
    /// Reads the certificates, and keeps them up to date from then on.
    pub(in crate::host::pingora) fn start(tls: &Tls) -> Result<Self, Unkept> {
        let source = Files { files: tls.files(), tls: tls.clone() };
        let (first, follower) = Follower::begin(source, tls.reload);
        let Material { acceptor, identities } = first.map_err(Unkept::Refused)?;
        let acceptor = Arc::new(ArcSwap::from_pointee(acceptor));
        let certificates = Arc::new(ArcSwap::from_pointee(told(&identities)));
        let mut teller = Teller::new(identities);
        let (swapped, swapped_too) = (Arc::clone(&acceptor), Arc::clone(&certificates));
        let follower = follower.start(move |news| match news {
            Some(Ok(Material { acceptor, identities })) => {
                swapped.store(Arc::new(acceptor));
                swapped_too.store(Arc::new(told(&identities)));
                teller = Teller::new(identities);
            }
            Some(Err(problems)) => {
                let problems = format_args!("\n{problems}");
                tracing::error!(target: TARGET, %problems, "certificates were refused; those in force stay");
            }
            None => teller.remind(Utc::now()),
        });
        Ok(Self { acceptor, certificates, _follower: follower.map_err(Unkept::Thread)? })
    }

    /// What is in force.
    pub(in crate::host::pingora) fn acceptor(&self) -> Arc<ArcSwap<Acceptor>> {
        Arc::clone(&self.acceptor)
    }

    /// What is known of the certificates in force.
    pub(in crate::host::pingora) fn certificates(&self) -> Arc<ArcSwap<Vec<Certificate>>> {
        Arc::clone(&self.certificates)
    }
}

impl Source for Files {
    type Good = Material;
    type Bad = Problems;

    fn load(&mut self) -> Result<Material, Problems> {
        Material::read(&self.tls)
    }

    fn files<'a>(&'a self, _: &'a Result<Material, Problems>) -> &'a [PathBuf] {
        &self.files
    }
}

impl Teller {
    /// Says which certificates are in force.
    fn new(identities: Vec<Identity>) -> Self {
        let now = Utc::now();
        for Identity { file, names, until, .. } in &identities {
            tracing::info!(target: TARGET, file, names = names.join(" "), %until, "certificate is in force");
        }
        let mut teller = Self { identities: Vec::new(), told: now };
        teller.identities = identities.into_iter().map(|identity| (identity, None)).collect();
        teller.remind(now);
        teller
    }

    /// Says what is doubtful, when it comes to be that, and once a day from then on.
    fn remind(&mut self, now: DateTime<Utc>) {
        let again = now - self.told >= REMIND;
        if again {
            self.told = now;
        }
        for (identity, told) in &mut self.identities {
            let doubt = identity.doubt(now);
            if let Some(doubt) = doubt.filter(|_| again || doubt != *told) {
                let Identity { file, until, .. } = &*identity;
                tracing::warn!(target: TARGET, file, %until, "{doubt}");
            }
            *told = doubt;
        }
    }
}

/// What others may know of certificates.
fn told(identities: &[Identity]) -> Vec<Certificate> {
    let told = identities.iter().map(|Identity { file, names, until, .. }| Certificate {
        file: file.clone(),
        names: names.clone(),
        until: *until,
    });
    told.collect()
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}
