//! The leaf states of a Certificate, for people.

use crate::core::{Leaf, Rest};

pub(super) const LEAVES: &[Leaf] = &[
    Leaf {
        path: "Pending/WaitingForAuthority",
        meaning: "A reference, a value or the authority is not ready; the private key is made meanwhile.",
        remedy: "Read the Ready condition: it names the object or the field that blocks.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Requested/KeyStored",
        meaning: "The private key is stored in the pending Secret; the CSR is being submitted.",
        remedy: "Nothing: a failure leads to Error/Retrying with its reason.",
        rest: Rest::Waiting { deadline: 120 },
    },
    Leaf {
        path: "Requested/Submitted",
        meaning: "The CA has the CSR; it is compared with the stored key, signed, fetched and stored.",
        remedy: "Nothing: a failure leads to Error/Retrying with its reason.",
        rest: Rest::Waiting { deadline: 120 },
    },
    Leaf {
        path: "Requested/Conflict",
        meaning: "The CA holds a request or a certificate of this certname for another key. The operator does not sign it.",
        remedy: "Find out whose it is. If it is stale: puppetserver ca clean --certname NAME.",
        rest: Rest::Stuck,
    },
    Leaf {
        path: "WaitingForSigning/WaitingForSigning",
        meaning: "The CSR waits at a CA where the operator may not sign.",
        remedy: "Sign it at the CA: puppetserver ca sign --certname NAME, or let a policy there sign it.",
        rest: Rest::Waiting { deadline: 3600 },
    },
    Leaf {
        path: "Signed/Valid",
        meaning: "The TLS Secret holds a certificate of the authority and its private key.",
        remedy: "Nothing.",
        rest: Rest::Settled,
    },
    Leaf {
        path: "Signed/Expiring",
        meaning: "The certificate is due for renewal and the authority cannot be asked.",
        remedy: "Look at the CertificateAuthority: why is it not usable?",
        rest: Rest::Waiting { deadline: 86_400 },
    },
    Leaf {
        path: "Renewing/Renewing",
        meaning: "The renewal is decided and stored; the old pair stays in use until the new certificate is.",
        remedy: "If it lasts, read the CertSigned condition. allowAutoRenewal of the authority must be true.",
        rest: Rest::Waiting { deadline: 3600 },
    },
    Leaf {
        path: "Renewing/Refused",
        meaning: "The CA does not renew this certificate, and the operator has no right to have another signed; the old pair stays in use.",
        remedy: "Let the CA renew (allow-auto-renewal), or clean the certificate there and annotate openvox.voxpupuli.org/rekey.",
        rest: Rest::Stuck,
    },
    Leaf {
        path: "Renewing/Rekeying",
        meaning: "A certificate for a new key is being requested; the old pair stays in use until the new one is stored.",
        remedy: "If it lasts, read the Ready condition: it says what failed and when it is tried again.",
        rest: Rest::Waiting { deadline: 3600 },
    },
    Leaf {
        path: "Error/Retrying",
        meaning: "A call to the CA or to the API failed; status.machine.nextAttempt says when it is tried again.",
        remedy: "Read the Ready condition; the cause may pass by itself.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Error/Stalled",
        meaning: "The CA refused the request.",
        remedy: "Change the spec or the CA's settings as the Ready condition says.",
        rest: Rest::Stuck,
    },
    Leaf {
        path: "Terminating/Cleaning",
        meaning: "The object is being deleted; the certificate is revoked and cleaned at the CA first.",
        remedy: "Nothing: after five failures the object goes all the same, and an event says that the certificate was not revoked.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf { path: "Terminating/Cleaned", meaning: "Nothing is left at the CA; the finalizer goes.", remedy: "Nothing.", rest: Rest::Final },
];
