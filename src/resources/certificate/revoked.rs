//! Serial numbers on the stored revocation lists, read once for each list: a long one takes milliseconds, and every
//! Certificate of its authority is looked at when it changes.

use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::vocabulary::secret_key;
use openvox_puppet::{CaBundle, CrlBundle, Serial};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Most lists remembered. A cluster has a handful of CAs.
const MOST: usize = 64;

/// The lists, by namespace and name of the Secret.
#[derive(Default)]
pub struct Revoked {
    lists: Mutex<HashMap<(String, String), List>>,
}

struct List {
    /// Version of the Secret that it was read from.
    version: String,
    serials: Arc<BTreeSet<Serial>>,
}

impl Revoked {
    /// The serial numbers on the list in this Secret, if it is one of this CA.
    pub(super) fn serials(&self, list: &Secret, trust: &CaBundle) -> Option<Arc<BTreeSet<Serial>>> {
        let key = (list.namespace().unwrap_or_default(), list.name_any());
        let version = list.resource_version().unwrap_or_default();
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(&key).filter(|known| known.version == version) {
            return Some(Arc::clone(&known.serials));
        }
        let serials = Arc::new(read(list, trust)?);
        if lists.len() >= MOST {
            lists.clear();
        }
        lists.insert(key, List { version, serials: Arc::clone(&serials) });
        Some(serials)
    }
}

fn read(list: &Secret, trust: &CaBundle) -> Option<BTreeSet<Serial>> {
    let lists = CrlBundle::from_pem(text(list, secret_key::CA_CRL)?).ok().filter(|lists| lists.verify(trust).is_ok())?;
    Some(lists.of_signing_ca(trust)?.info().revoked.iter().collect())
}
