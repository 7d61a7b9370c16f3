//! The leaf states of a CertificateAuthority, for people.

use crate::core::{Leaf, Rest};

pub(super) const LEAVES: &[Leaf] = &[
    Leaf {
        path: "Pending/WaitingForConfig",
        meaning: "No Config names this authority, or a value in its spec cannot be used.",
        remedy: "Create a Config with authorityRef, or correct the field that the Ready condition names.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Initializing/Provisioning",
        meaning: "Volume, Service and the rights of the set-up Job are being made; the Certificate of the CA server is awaited for a moment.",
        remedy: "Nothing: a failure leads to Error/Retrying with its reason. With intermediateCA, its Secret must be there.",
        rest: Rest::Waiting { deadline: 120 },
    },
    Leaf {
        path: "Initializing/SetupRunning",
        meaning: "The set-up Job makes keys, certificates and revocation lists, imports those that are given, or fills a new volume from the Secrets.",
        remedy: "If it lasts: kubectl describe job NAME-ca-setup. A pod that does not start or ends badly leads to Error/Retrying, with the cause.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Ready/Valid",
        meaning: "The CA has its material. While a CA server answers, its revocation list is fetched at every interval.",
        remedy: "Nothing. A Reconciling condition says when the revocation list or an object cannot be renewed.",
        rest: Rest::Settled,
    },
    Leaf {
        path: "Ready/Expiring",
        meaning: "The CA certificate runs out within 90 days. Everything it signed ends with it.",
        remedy: "Plan a new authority, or renew this one by hand on its volume.",
        rest: Rest::Settled,
    },
    Leaf {
        path: "Ready/CrlStale",
        meaning: "A certificate revocation list in the Secret, of the CA or of one above it, is past its own next update: TLS refuses everybody who is checked against it.",
        remedy: "Look whether a CA server runs, because only it makes new lists, and read the Ready condition.",
        rest: Rest::Waiting { deadline: 3600 },
    },
    Leaf {
        path: "External/Probing",
        meaning: "The external CA is asked for its revocation list.",
        remedy: "Nothing.",
        rest: Rest::Waiting { deadline: 120 },
    },
    Leaf {
        path: "External/Reachable",
        meaning: "The external CA answered, and its revocation list is stored. It is asked again at every interval.",
        remedy: "Nothing. A Reconciling condition says when its revocation list is refused.",
        rest: Rest::Settled,
    },
    Leaf {
        path: "External/Unreachable",
        meaning: "The external CA does not answer as a Puppet CA does; it is asked again at growing intervals. Certificates that it has signed stay in use.",
        remedy: "Look at spec.external.url, at caSecretRef, and at the network between the operator and the CA.",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Error/Retrying",
        meaning: "The set-up failed, or its Job does not run; it is tried again at growing intervals.",
        remedy: "Read the Ready condition: it carries the exit code and the last words of the set-up Job, and the command that shows more (kubectl logs job/NAME-ca-setup).",
        rest: Rest::Waiting { deadline: 600 },
    },
    Leaf {
        path: "Error/Stalled",
        meaning: "The Secrets with the CA's material are gone. Nothing is made in their place: agents would not trust it.",
        remedy: "Restore the Secrets NAME-ca, NAME-ca-key and NAME-ca-crl from a backup.",
        rest: Rest::Stuck,
    },
    Leaf {
        path: "Error/Expired",
        meaning: "The CA certificate has run out, and with it everything that it signed.",
        remedy: "Renew it by hand on its volume and put it into the Secret NAME-ca, or set up a new authority and enrol the agents there.",
        rest: Rest::Stuck,
    },
    Leaf {
        path: "Terminating/Releasing",
        meaning: "The object is being deleted. Volume and Secrets of the CA stay unless deletionPolicy is Delete.",
        remedy: "If it lasts: metadata.finalizers names who holds the object, and kubectl delete --cascade=foreground waits for what it owns.",
        rest: Rest::Final,
    },
];
