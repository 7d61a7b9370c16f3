//! What the Certificate machine looks at.

use crate::core::{Blocked, Gate, Timestamp, first_block};
use crate::reason;
use serde::{Deserialize, Serialize};

/// An issued certificate, as far as the machine cares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// Serial number, upper-case hex as `openssl x509 -serial` prints it.
    pub serial: String,
    /// Fingerprint of the public key.
    pub key: String,
    /// End of validity.
    pub not_after: Timestamp,
    /// When the renewal is due.
    pub renew_at: Timestamp,
}

/// The authority a Certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// There is no such object.
    Missing,
    /// It exists and is not usable yet.
    NotUsable {
        /// Where it stands.
        state: String,
    },
    /// It is usable, but no CA server answers at its address.
    NotAnswering,
    /// It can be asked.
    Usable {
        /// The operator holds a credential that may sign.
        can_sign: bool,
    },
}

/// What lies in the TLS Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// No Secret.
    Absent,
    /// A Secret that does not hold a pair for this Certificate.
    Unusable {
        /// What is wrong.
        message: String,
    },
    /// A pair that matches the authority, the certname and itself.
    Pair(Issued),
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The CA took the CSR, or has it from before.
    Submitted,
    /// The CA holds a request or a certificate of this name for another key.
    Conflict {
        /// What it holds.
        found: String,
    },
    /// The CA refused the request as it is.
    Refused {
        /// What it said.
        message: String,
    },
    /// The CA has not signed and the operator may not.
    NotSigned,
    /// The CA has neither a certificate nor a request of this name.
    RequestLost,
    /// The certificate was checked and stored.
    Stored(Issued),
    /// The CA has forgotten the certificate.
    Cleaned,
    /// An effect failed for a reason that may pass.
    Failed {
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
    },
}

/// Everything the gates and handlers of a Certificate look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Time of the observation, whole seconds.
    pub now: Timestamp,
    /// The object carries a deletion timestamp.
    pub deleting: bool,
    /// Generation of the spec.
    pub generation: i64,
    /// The first value in the spec that cannot be used.
    pub invalid: Option<Blocked>,
    /// Name of an older Certificate with the same certname at the same authority.
    pub certname_taken_by: Option<String>,
    /// Name of the authority, for messages.
    pub authority_name: String,
    /// The authority.
    pub authority: Authority,
    /// The set-up of the authority issues this certificate, because no CA server can run without it.
    pub issued_by_setup: bool,
    /// It is not known yet which Certificate the set-up issues: no Server with `ca: true` has come.
    pub server_awaited: bool,
    /// Fingerprint of the key in the pending Secret.
    pub pending_key: Option<String>,
    /// What lies in the TLS Secret.
    pub tls: Tls,
    /// What came of the last effect.
    pub report: Option<Report>,
}

/// The gates before a request, in the order in which a user would want to hear of them.
const GATES: &[Gate<Observed>] = &[
    // A value that can never be signed: say so before anything else is looked at.
    |seen| seen.invalid.clone(),
    // Two Certificates with one certname would share a CSR, and deleting one would revoke the other's.
    |seen| {
        seen.certname_taken_by.as_ref().map(|other| {
            Blocked::invalid(reason::CERTNAME_TAKEN, format!("Certificate {other} uses the same certname at this authority"))
                .remedy("change spec.certname or delete one of the two")
        })
    },
    // A dangling reference comes before everything that depends on it.
    |seen| {
        if seen.authority == Authority::Missing { seen.authority_blocked() } else { None }
    },
    // The CA server cannot run without this certificate, so it cannot be asked for it.
    |seen| {
        let message = || format!("the set-up of CertificateAuthority {} issues this certificate", seen.authority_name);
        seen.issued_by_setup.then(|| Blocked::waiting(reason::ISSUED_BY_SETUP, message()))
    },
    Observed::authority_blocked,
    // The key comes first: a CSR without a stored key could be signed for nobody.
    |seen| seen.pending_key.is_none().then(|| Blocked::waiting(reason::GENERATING_KEY, "the private key is being generated and stored")),
];

impl Observed {
    /// The gate that keeps a request from being made.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        first_block(GATES, self)
    }

    /// Why the authority cannot be asked.
    #[must_use]
    pub fn authority_blocked(&self) -> Option<Blocked> {
        let name = &self.authority_name;
        match &self.authority {
            Authority::Missing => Some(
                Blocked::waiting(
                    reason::AUTHORITY_NOT_FOUND,
                    format!("spec.authorityRef names CertificateAuthority {name}, which does not exist"),
                )
                .remedy("create it or change the reference"),
            ),
            Authority::NotUsable { state } => {
                Some(Blocked::waiting(reason::AUTHORITY_NOT_USABLE, format!("CertificateAuthority {name} is {state}")))
            }
            Authority::NotAnswering => Some(
                Blocked::waiting(reason::AUTHORITY_NOT_ANSWERING, format!("no CA server of CertificateAuthority {name} is ready"))
                    .remedy("a Server with ca: true must run"),
            ),
            Authority::Usable { .. } => None,
        }
    }

    /// A key may be made for this spec: nothing but the authority or the key itself is missing.
    #[must_use]
    pub(super) fn wants_key(&self) -> bool {
        self.pending_key.is_none()
            && !self.issued_by_setup
            && !self.server_awaited
            && self.authority != Authority::Missing
            && self.invalid.is_none()
            && self.certname_taken_by.is_none()
            && self.tls == Tls::Absent
    }
}
