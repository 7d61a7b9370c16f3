//! The states of a CertificateAuthority.

use super::{Event, Facts};
use crate::core::{Leaf, MAX_ATTEMPT, Rest, Timestamp};
use serde::{Deserialize, Serialize};

/// What is to be said about a CA that has its material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Health {
    /// Nothing.
    Valid,
    /// Its certificate runs out soon.
    Expiring,
    /// Its revocation list is older than the list's own next update.
    CrlStale,
}

/// State of one CertificateAuthority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// No Config names this authority, or its spec cannot be used.
    #[default]
    WaitingForConfig,
    /// Volume, Service and rights of the set-up are being made; the CA server's Certificate is awaited.
    Provisioning {
        /// Until when a Server with `ca: true` is waited for before the set-up goes on without it.
        server_awaited_until: Timestamp,
    },
    /// The set-up Job makes what is missing.
    SetupRunning {
        /// The Certificate of the CA server that this run issues.
        server_certificate: Option<String>,
        /// Failed runs in a row.
        attempt: u32,
    },
    /// The CA has its material.
    Ready {
        /// What is to be said about it.
        health: Health,
        /// The CA certificate.
        authority: Facts,
        /// Failed attempts in a row to keep its objects as they should be.
        attempt: u32,
        /// When to try that again.
        next_attempt: Option<Timestamp>,
    },
    /// The external CA is asked for the first time.
    Probing {
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The external CA answered.
    Reachable,
    /// The external CA does not answer.
    Unreachable {
        /// Failed attempts in a row.
        attempt: u32,
        /// When it is asked again.
        next_attempt: Timestamp,
        /// What failed.
        message: String,
    },
    /// The set-up, or what it needs, failed for a reason that may pass.
    Retrying {
        /// The Certificate of the CA server that the set-up issues; `None` while provisioning.
        server_certificate: Option<String>,
        /// The set-up had been started.
        in_setup: bool,
        /// Failed attempts in a row.
        attempt: u32,
        /// When to try again.
        next_attempt: Timestamp,
        /// `CamelCase` reason.
        reason: String,
        /// What failed.
        message: String,
    },
    /// The Secrets with the CA's material are gone.
    Stalled {
        /// What is missing and what to do.
        message: String,
    },
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/WaitingForConfig",
            meaning: "No Config names this authority, or a value in its spec cannot be used.",
            remedy: "Create a Config with authorityRef, or correct the field that the Ready condition names.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Initializing/Provisioning",
            meaning: "Volume, Service and the rights of the set-up Job are being made; the Certificate of the CA server is awaited for a moment.",
            remedy: "Nothing: a failure leads to Error/Retrying with its reason.",
            rest: Rest::Waiting { deadline: 120 },
        },
        Leaf {
            path: "Initializing/SetupRunning",
            meaning: "The set-up Job makes keys, certificates and revocation lists, or imports those on the volume, and writes the Secrets.",
            remedy: "If it lasts: kubectl describe job NAME-ca-setup. A volume that is not bound or an image that cannot be pulled shows there.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf { path: "Ready/Valid", meaning: "The CA has its material.", remedy: "Nothing.", rest: Rest::Settled },
        Leaf {
            path: "Ready/Expiring",
            meaning: "The CA certificate runs out within 90 days. Everything it signed ends with it.",
            remedy: "Plan a new authority, or renew this one by hand on its volume.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Ready/CrlStale",
            meaning: "The certificate revocation list in the Secret is past its own next update.",
            remedy: "Look whether a CA server runs: only it makes new lists.",
            rest: Rest::Waiting { deadline: 3600 },
        },
        Leaf {
            path: "External/Probing",
            meaning: "The external CA is asked whether it answers.",
            remedy: "Nothing.",
            rest: Rest::Waiting { deadline: 120 },
        },
        Leaf { path: "External/Reachable", meaning: "The external CA answered.", remedy: "Nothing.", rest: Rest::Settled },
        Leaf {
            path: "External/Unreachable",
            meaning: "The external CA does not answer; status.machine.nextAttempt says when it is asked again.",
            remedy: "Look at spec.external.url, at caSecretRef, and at the network between the operator and the CA.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Retrying",
            meaning: "The set-up failed for a reason that may pass; status.machine.nextAttempt says when it is tried again.",
            remedy: "Read the Ready condition: it carries the last words of the set-up Job.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Error/Stalled",
            meaning: "The Secrets with the CA's material are gone. Nothing is made in their place: agents would not trust it.",
            remedy: "Restore the Secrets NAME-ca, NAME-ca-key and NAME-ca-crl from a backup.",
            rest: Rest::Stuck,
        },
    ];

    #[expect(clippy::match_same_arms, reason = "one arm for each way, also where two lead to the same place")]
    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        let more = |attempt: &u32| (attempt + 1).min(MAX_ATTEMPT);
        let ready = |health: Health, authority: &Facts| S::Ready { health, authority: authority.clone(), attempt: 0, next_attempt: None };
        Some(match (self, event) {
            (_, Event::ModeChanged) => S::WaitingForConfig,
            (S::WaitingForConfig, Event::ProvisioningStarted { server_awaited_until }) => {
                S::Provisioning { server_awaited_until: *server_awaited_until }
            }
            (S::WaitingForConfig, Event::ExternalConfigured) => S::Probing { attempt: 0 },
            (
                S::WaitingForConfig | S::Provisioning { .. } | S::Stalled { .. } | S::Retrying { in_setup: false, .. },
                Event::Adopted { authority },
            )
            | (S::SetupRunning { .. }, Event::SetupCompleted { authority })
            | (S::Ready { .. }, Event::AuthorityReplaced { authority })
            | (S::Ready { health: Health::CrlStale, authority, .. }, Event::CrlRefreshed) => ready(Health::Valid, authority),
            (S::Provisioning { .. }, Event::SetupStarted { server_certificate })
            | (S::Ready { .. }, Event::SetupRequired { server_certificate }) => {
                S::SetupRunning { server_certificate: server_certificate.clone(), attempt: 0 }
            }
            (S::Provisioning { .. }, Event::AttemptFailed { reason, message, next_attempt }) => S::Retrying {
                server_certificate: None,
                in_setup: false,
                attempt: 1,
                next_attempt: *next_attempt,
                reason: reason.clone(),
                message: message.clone(),
            },
            (
                S::SetupRunning { server_certificate, attempt },
                Event::AttemptFailed { reason, message, next_attempt } | Event::SetupFailed { reason, message, next_attempt },
            ) => S::Retrying {
                server_certificate: server_certificate.clone(),
                in_setup: true,
                attempt: more(attempt),
                next_attempt: *next_attempt,
                reason: reason.clone(),
                message: message.clone(),
            },
            (S::Retrying { in_setup: true, server_certificate, attempt, .. }, Event::SetupResumed) => {
                S::SetupRunning { server_certificate: server_certificate.clone(), attempt: *attempt }
            }
            (S::Retrying { in_setup: false, attempt, .. }, Event::AttemptFailed { reason, message, next_attempt }) => S::Retrying {
                server_certificate: None,
                in_setup: false,
                attempt: more(attempt),
                next_attempt: *next_attempt,
                reason: reason.clone(),
                message: message.clone(),
            },
            (S::Retrying { in_setup: false, .. }, Event::ProvisioningStarted { server_awaited_until }) => {
                S::Provisioning { server_awaited_until: *server_awaited_until }
            }
            (S::Ready { health, authority, attempt, .. }, Event::UpkeepFailed { next_attempt, .. }) => {
                S::Ready { health: *health, authority: authority.clone(), attempt: more(attempt), next_attempt: Some(*next_attempt) }
            }
            (S::Ready { health, authority, .. }, Event::UpkeepRecovered) => ready(*health, authority),
            (S::Ready { authority, .. }, Event::ExpiryNeared) => ready(Health::Expiring, authority),
            (S::Ready { health: Health::Valid, authority, .. }, Event::CrlWentStale) => ready(Health::CrlStale, authority),
            (S::Ready { .. }, Event::AuthorityLost { message }) => S::Stalled { message: message.clone() },
            (S::Probing { .. }, Event::ExternalAnswered) => S::Reachable,
            (S::Probing { attempt }, Event::ExternalFailed { message, next_attempt }) => {
                S::Unreachable { attempt: more(attempt), next_attempt: *next_attempt, message: message.clone() }
            }
            (S::Unreachable { attempt, .. }, Event::ProbeResumed) => S::Probing { attempt: *attempt },
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForConfig => "Pending/WaitingForConfig",
            Self::Provisioning { .. } => "Initializing/Provisioning",
            Self::SetupRunning { .. } => "Initializing/SetupRunning",
            Self::Ready { health: Health::Valid, .. } => "Ready/Valid",
            Self::Ready { health: Health::Expiring, .. } => "Ready/Expiring",
            Self::Ready { health: Health::CrlStale, .. } => "Ready/CrlStale",
            Self::Probing { .. } => "External/Probing",
            Self::Reachable => "External/Reachable",
            Self::Unreachable { .. } => "External/Unreachable",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Stalled { .. } => "Error/Stalled",
        }
    }

    fn attempt(&self) -> Option<u32> {
        match self {
            Self::SetupRunning { attempt, .. }
            | Self::Probing { attempt }
            | Self::Unreachable { attempt, .. }
            | Self::Retrying { attempt, .. }
            | Self::Ready { attempt, .. } => Some(*attempt).filter(|count| *count > 0),
            Self::WaitingForConfig | Self::Provisioning { .. } | Self::Reachable | Self::Stalled { .. } => None,
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Provisioning { server_awaited_until } => Some(*server_awaited_until),
            Self::Unreachable { next_attempt, .. }
            | Self::Retrying { next_attempt, .. }
            | Self::Ready { next_attempt: Some(next_attempt), .. } => Some(*next_attempt),
            Self::Ready { health: Health::Valid, authority, .. } => Some(authority.warn_at),
            _ => None,
        }
    }
}

impl State {
    /// Certificates may be requested here: what others ask an authority for.
    #[must_use]
    pub fn usable(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Reachable)
    }
}
