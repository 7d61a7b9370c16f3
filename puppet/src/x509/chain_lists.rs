//! Which of several revocation lists a chain needs.

use super::bundle::CaBundle;
use super::certificate::Certificate;
use super::crl::{Crl, CrlBundle, CrlError, CrlInfo};
use std::fmt;

/// A list that a chain does not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpareList {
    /// Its issuer.
    pub issuer: String,
    /// Why it is not needed.
    pub why: Spare,
}

/// Why a list is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spare {
    /// Its issuer is no CA of the chain: one that has left it.
    Foreign,
    /// It names a CA of the chain, which has another list and did not sign this one: that of an older key.
    NotSigned,
    /// There is a newer one of the same CA.
    Older,
}

impl fmt::Display for SpareList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Spare::Foreign => "which is no CA of the chain",
            Spare::NotSigned => "which the CA of that name in the chain did not sign",
            Spare::Older => "of which there is a newer one",
        };
        write!(f, "the CRL of {}, {why}", self.issuer)
    }
}

impl CrlBundle {
    /// The newest list of a CA of the chain. Its signature is not looked at.
    fn of(&self, ca: &Certificate) -> Option<&Crl> {
        let lists = self.lists().filter(|list| list.info().issuer_name == ca.info().subject_name);
        lists.reduce(|newest, list| if list.is_newer_than(newest) { list } else { newest })
    }

    /// The first of the lists of the chain that has to be replaced: TLS checks them all, so it refuses everybody from then on.
    #[must_use]
    pub fn first_due(&self, bundle: &CaBundle) -> Option<&CrlInfo> {
        let lists = bundle.certificates().filter_map(|ca| self.of(ca).map(Crl::info));
        lists.filter(|info| info.next_update.is_some()).min_by_key(|info| info.next_update)
    }

    /// A CA of the chain that has no list.
    #[must_use]
    pub fn without_list<'a>(&self, bundle: &'a CaBundle) -> Option<&'a Certificate> {
        bundle.certificates().find(|ca| self.of(ca).is_none())
    }

    /// The newest list of each CA of the bundle, in the order of the bundle, and those that are left over.
    ///
    /// # Errors
    /// If the only list of a CA is not signed by it, or the CA that signs leaf certificates has none.
    pub fn of_chain(&self, bundle: &CaBundle) -> Result<(Self, Vec<SpareList>), CrlError> {
        let mut needed: Vec<&Crl> = Vec::new();
        let mut spare = Vec::new();
        let mut leave_out = |list: &Crl, why: Spare| spare.push(SpareList { issuer: list.info().issuer.clone(), why });
        for (position, ca) in bundle.certificates().enumerate() {
            let name = &ca.info().subject_name;
            if bundle.certificates().take(position).any(|earlier| earlier.info().subject_name == *name) {
                continue;
            }
            let (mut newest, mut refusal): (Option<&Crl>, _) = (None, None);
            for list in self.lists().filter(|list| list.info().issuer_name == *name) {
                match list.verify(bundle) {
                    Ok(()) if newest.is_none_or(|newest| list.is_newer_than(newest)) => {
                        if let Some(older) = newest.replace(list) {
                            leave_out(older, Spare::Older);
                        }
                    }
                    Ok(()) => leave_out(list, Spare::Older),
                    Err(error) => {
                        refusal = Some(error);
                        leave_out(list, Spare::NotSigned);
                    }
                }
            }
            match (newest, refusal) {
                (Some(newest), _) => needed.push(newest),
                (None, Some(refusal)) => return Err(refusal),
                (None, None) if position == 0 => return Err(CrlError::Missing { issuer: ca.info().subject.clone() }),
                // The caller decides whether a CA above may lack a list.
                (None, None) => {}
            }
        }
        for list in self.lists() {
            if !bundle.certificates().any(|ca| ca.info().subject_name == list.info().issuer_name) {
                leave_out(list, Spare::Foreign);
            }
        }
        Ok((needed.into_iter().cloned().collect(), spare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::{AuthorityFiles, KeyAlgorithm, NewAuthority, PrivateKey};
    use std::sync::LazyLock;
    use std::time::Duration;

    static KEYS: LazyLock<[PrivateKey; 2]> = LazyLock::new(|| [(); 2].map(|()| PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap()));

    /// A CA of two levels whose certificates and lists end after so many days; always of the same keys and names.
    fn chain(days: u64) -> AuthorityFiles {
        let [root_key, signing_key] = &*KEYS;
        let now = chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let lifetime = Duration::from_hours(24 * days);
        NewAuthority { root_key, signing_key, name: "a", root_suffix: "b", lifetime, now }.create().unwrap()
    }

    /// The list of the signing CA, and that of the root.
    fn lists(days: u64) -> [String; 2] {
        let text = chain(days).crl_pem;
        let (own, root) = text.split_at(text.rfind("-----BEGIN").unwrap());
        [own.to_owned(), root.to_owned()]
    }

    #[test]
    fn the_chain_is_due_when_the_first_of_its_lists_is() {
        let bundle = CaBundle::from_pem(&chain(400).bundle_pem).unwrap();
        let read = |own: &str, root: &str| CrlBundle::from_pem(&format!("{own}{root}")).unwrap();
        let ([own, root], [own_soon, root_soon]) = (lists(300), lists(30));
        let issuer = |lists: &CrlBundle| lists.first_due(&bundle).unwrap().issuer.clone();
        assert_eq!(issuer(&read(&own, &root_soon)), "CN=Puppet Root CA: b");
        assert_eq!(issuer(&read(&own_soon, &root)), "CN=Puppet CA: a");
        assert_eq!(read(&own, &root).without_list(&bundle), None);
    }

    #[test]
    fn a_ca_without_a_list_is_named() {
        let bundle = CaBundle::from_pem(&chain(400).bundle_pem).unwrap();
        let [own, root] = lists(300);
        let lists = CrlBundle::from_pem(&own).unwrap();
        assert_eq!(lists.without_list(&bundle).unwrap().info().subject, "CN=Puppet Root CA: b");
        assert_eq!(lists.of_chain(&bundle).unwrap().1, []);
        let issuer = "CN=Puppet CA: a".to_owned();
        assert_eq!(CrlBundle::from_pem(&root).unwrap().of_chain(&bundle), Err(CrlError::Missing { issuer }));
    }
}
