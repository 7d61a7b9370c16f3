//! Which of several revocation lists a chain needs.

use std::fmt;

use super::bundle::CaBundle;
use super::crl::{Crl, CrlBundle, CrlError};

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
                        newest.into_iter().for_each(|older| leave_out(older, Spare::Older));
                        newest = Some(list);
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
                // Whether a CA above may be without a list is up to whoever asks.
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
