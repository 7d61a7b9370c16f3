//! What the Certificate machine looks at.

use super::State;
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
    /// `renewBefore` that this was reckoned with, in seconds; `None` in what was recorded before this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<i64>,
    /// `renewBefore` is more than two thirds of its life, so it is renewed after two thirds of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capped: bool,
    /// Digest of the request that it answers; `None` for one that was found and not requested by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// Why the pair in use is not what the spec asks for any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// `CamelCase` reason, from [`crate::reason`].
    pub reason: &'static str,
    /// What differs, in one clause.
    pub message: String,
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
    /// A pair that matches itself, and either the authority and the certname or what was recorded.
    Pair(Issued),
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The CA took the CSR, or has it from before.
    Submitted,
    /// The CA took the CSR once it had forgotten what it held for a key of ours.
    Replaced {
        /// Fingerprint of that key.
        former: String,
    },
    /// The CA holds a request or a certificate of this name for another key.
    Conflict {
        /// What it holds.
        found: String,
    },
    /// What stood in the way of the request is not at the CA any more, or is ours.
    ConflictGone,
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
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, asked by a gate of its own")]
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
    /// Name under which the CA knows it.
    pub certname: String,
    /// Digest of what the spec asks for.
    pub request: String,
    /// The recorded pair does not fit the spec or the authority any more.
    pub misfit: Option<Misfit>,
    /// What the certificate in use lacks of what the spec asks for; only one that was found can lack something.
    pub lacks: Option<String>,
    /// A renewal was asked for by annotation and has not been begun.
    pub renew_requested: bool,
    /// A new key was asked for by annotation and has not been begun.
    pub rekey_requested: bool,
    /// Every renewal makes a new key (`privateKey.rotation: Always`).
    pub rotates: bool,
    /// Name of the authority, for messages.
    pub authority_name: String,
    /// The authority.
    pub authority: Authority,
    /// The set-up of the authority issues this certificate, because no CA server can run without it.
    pub issued_by_setup: bool,
    /// Only the set-up can issue it: the CA signs no request for what it carries.
    pub setup_only: bool,
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
    /// Something has happened that concerns a whole group of states, so the leaf hands the observation up.
    pub(super) fn interrupts(&self, here: &State) -> bool {
        if self.deleting {
            return true;
        }
        match (here.issued(), here.request(), &self.tls) {
            (Some(certificate), _, Tls::Pair(found)) => (&found.serial, &found.key) != (&certificate.serial, &certificate.key),
            (Some(_), ..) => true,
            // The report of the store is the better witness than a Secret that appeared with it.
            (_, _, Tls::Pair(_)) => !matches!(self.report, Some(Report::Stored(_))),
            (_, Some(request), _) => !matches!(self.report, Some(Report::Stored(_))) && self.pending_key.as_ref() != Some(&request.key),
            _ => false,
        }
    }

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
    }

    /// Why a certificate with a new key cannot be requested in place of the one in use.
    #[must_use]
    pub(super) fn rekey_blocked(&self) -> Option<Blocked> {
        if self.setup_only || self.issued_by_setup {
            let message = format!("only the set-up of CertificateAuthority {} issues this certificate", self.authority_name);
            return Some(
                Blocked::waiting(reason::ISSUED_BY_SETUP, message)
                    .remedy("to replace it, scale the CA server to 0 and delete the TLS Secret"),
            );
        }
        self.blocked().filter(|blocked| blocked.reason != reason::GENERATING_KEY)
    }

    /// Why the certificate in use is to be replaced by one with a new key, if it is.
    #[must_use]
    pub(super) fn rekey_due(&self) -> Option<(&'static str, String)> {
        if let Some(misfit) = &self.misfit {
            return Some((misfit.reason, misfit.message.clone()));
        }
        self.rekey_requested.then(|| (reason::REKEY_REQUESTED, "a new key was asked for by annotation".to_owned()))
    }
}
