//! The states of a CertificateAuthority.

use super::crl::CRL_PACE;
use super::{Event, Facts};
use crate::Retry;
use crate::core::{Leaf, MAX_ATTEMPT, Pace, Timestamp};
use serde::{Deserialize, Serialize};

/// Failed attempts to renew the revocation list are counted up to here: the wait is the longest by then.
pub(super) const MAX_CRL_ATTEMPT: u32 = 5;

/// What is to be said about a CA that has its material; the most urgent thing counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Health {
    /// Nothing.
    Valid,
    /// Its certificate runs out soon.
    Expiring,
    /// Its revocation list is older than the list's own next update.
    CrlStale,
    /// Its certificate has run out.
    Expired,
}

/// The last attempts to renew the revocation list failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrlTrouble {
    /// Failed attempts in a row.
    pub attempt: u32,
    /// When the CA is asked again.
    pub next_attempt: Timestamp,
    /// What failed the last time.
    pub message: String,
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
        /// The run fills a new volume from the Secrets: its end counts, because the Secrets are there already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refill: bool,
        /// Failed runs in a row.
        attempt: u32,
    },
    /// The CA has its material.
    Ready {
        /// What is to be said about it.
        health: Health,
        /// The CA certificate.
        authority: Facts,
        /// Identity of the volume claim that holds the CA.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<String>,
        /// Failed attempts in a row to keep its objects as they should be.
        attempt: u32,
        /// When to try that again.
        next_attempt: Option<Timestamp>,
        /// What failed the last time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Why the revocation list is not renewed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        crl: Option<CrlTrouble>,
    },
    /// The external CA is asked for its revocation list.
    Probing {
        /// Failed attempts in a row.
        attempt: u32,
    },
    /// The external CA answered.
    Reachable {
        /// Who answers at its address is not verified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unverified: bool,
        /// Why the revocation list is not renewed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        crl: Option<CrlTrouble>,
    },
    /// The external CA does not answer.
    Unreachable {
        /// Failed attempts in a row.
        attempt: u32,
        /// When it is asked again.
        next_attempt: Timestamp,
        /// What failed.
        message: String,
        /// Digest of the address and the trust that it was asked with.
        #[serde(default)]
        access: String,
    },
    /// The set-up, or what it needs, failed for a reason that may pass.
    Retrying {
        /// The Certificate of the CA server that the set-up issues; `None` while provisioning.
        server_certificate: Option<String>,
        /// The set-up had been started.
        in_setup: bool,
        /// The set-up fills a new volume from the Secrets.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refill: bool,
        /// The failures.
        #[serde(flatten)]
        retry: Retry,
    },
    /// The Secrets with the CA's material are gone.
    Stalled {
        /// What is missing and what to do.
        message: String,
    },
    /// The object is being deleted.
    Releasing,
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = super::leaves::LEAVES;

    #[expect(clippy::match_same_arms, reason = "one arm for each way, also where two lead to the same place")]
    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        let more = |attempt: &u32| (attempt + 1).min(MAX_ATTEMPT);
        let ready = |authority: &Facts, volume: &Option<String>| S::Ready {
            health: Health::Valid,
            authority: authority.clone(),
            volume: volume.clone(),
            attempt: 0,
            next_attempt: None,
            message: None,
            crl: None,
        };
        let trouble = |before: &Option<CrlTrouble>, message: &String, next_attempt: &Timestamp| {
            let attempt = before.as_ref().map_or(1, |before| (before.attempt + 1).min(MAX_CRL_ATTEMPT));
            Some(CrlTrouble { attempt, next_attempt: *next_attempt, message: message.clone() })
        };
        Some(match (self, event) {
            (S::Releasing, _) => return None,
            (_, Event::DeletionStarted) => S::Releasing,
            (_, Event::ModeChanged) => S::WaitingForConfig,
            (S::WaitingForConfig, Event::ProvisioningStarted { server_awaited_until }) => {
                S::Provisioning { server_awaited_until: *server_awaited_until }
            }
            (S::WaitingForConfig, Event::ExternalConfigured) => S::Probing { attempt: 0 },
            (
                S::WaitingForConfig | S::Provisioning { .. } | S::Stalled { .. } | S::Retrying { in_setup: false, .. },
                Event::Adopted { authority, volume },
            )
            | (S::SetupRunning { .. } | S::Retrying { in_setup: true, .. }, Event::SetupCompleted { authority, volume }) => {
                ready(authority, volume)
            }
            (S::Ready { volume, .. }, Event::AuthorityReplaced { authority }) => ready(authority, volume),
            (S::Provisioning { .. }, Event::SetupStarted { server_certificate }) => {
                S::SetupRunning { server_certificate: server_certificate.clone(), refill: false, attempt: 0 }
            }
            (S::Ready { .. }, Event::SetupRequired { server_certificate, refill }) => {
                S::SetupRunning { server_certificate: server_certificate.clone(), refill: *refill, attempt: 0 }
            }
            (S::Provisioning { .. } | S::Retrying { in_setup: false, .. }, Event::AttemptFailed(failure)) => {
                S::Retrying { server_certificate: None, in_setup: false, refill: false, retry: Retry::after(self.attempt(), failure) }
            }
            (
                S::SetupRunning { server_certificate, refill, .. } | S::Retrying { in_setup: true, server_certificate, refill, .. },
                Event::AttemptFailed(failure) | Event::SetupFailed(failure),
            ) => S::Retrying {
                server_certificate: server_certificate.clone(),
                in_setup: true,
                refill: *refill,
                retry: Retry::after(self.attempt(), failure),
            },
            (S::Retrying { in_setup: true, server_certificate, refill, retry }, Event::SetupResumed) => {
                S::SetupRunning { server_certificate: server_certificate.clone(), refill: *refill, attempt: retry.attempt }
            }
            (S::Retrying { in_setup: false, .. }, Event::ProvisioningStarted { server_awaited_until }) => {
                S::Provisioning { server_awaited_until: *server_awaited_until }
            }
            (S::Ready { attempt, .. }, Event::UpkeepFailed { message, next_attempt, .. }) => {
                self.with_upkeep(more(attempt), Some(*next_attempt), Some(message))?
            }
            (S::Ready { .. }, Event::UpkeepRecovered) => self.with_upkeep(0, None, None)?,
            (S::Ready { .. }, Event::ExpiryNeared) => self.with_health(Health::Expiring)?,
            (S::Ready { .. }, Event::AuthorityExpired) => self.with_health(Health::Expired)?,
            (S::Ready { .. }, Event::CrlWentStale) => self.with_health(Health::CrlStale)?,
            (S::Ready { health: Health::CrlStale, .. }, Event::CrlRefreshed) => self.with_health(Health::Valid)?,
            (S::Ready { .. } | S::Reachable { .. }, Event::CrlStored { .. } | Event::CrlRefreshRecovered) => self.with_crl(None)?,
            (S::Ready { crl, .. } | S::Reachable { crl, .. }, Event::CrlRefreshFailed { message, next_attempt, .. }) => {
                self.with_crl(trouble(crl, message, next_attempt))?
            }
            (S::Ready { .. }, Event::AuthorityLost { message }) => S::Stalled { message: message.clone() },
            (S::Probing { .. } | S::Unreachable { .. }, Event::ExternalAnswered) => S::Reachable { unverified: false, crl: None },
            (S::Reachable { crl, .. }, Event::TlsVerificationDisabled) => S::Reachable { unverified: true, crl: crl.clone() },
            (S::Reachable { crl, .. }, Event::TlsVerificationRestored) => S::Reachable { unverified: false, crl: crl.clone() },
            (S::Probing { attempt } | S::Unreachable { attempt, .. }, Event::ExternalFailed { message, next_attempt, access }) => {
                S::Unreachable { attempt: more(attempt), next_attempt: *next_attempt, message: message.clone(), access: access.clone() }
            }
            (S::Reachable { .. }, Event::ExternalFailed { message, next_attempt, access }) => {
                S::Unreachable { attempt: 1, next_attempt: *next_attempt, message: message.clone(), access: access.clone() }
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
            Self::Ready { health: Health::Expired, .. } => "Error/Expired",
            Self::Probing { .. } => "External/Probing",
            Self::Reachable { .. } => "External/Reachable",
            Self::Unreachable { .. } => "External/Unreachable",
            Self::Retrying { .. } => "Error/Retrying",
            Self::Stalled { .. } => "Error/Stalled",
            Self::Releasing => "Terminating/Releasing",
        }
    }

    fn retries(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Retrying { .. })
    }

    fn attempt(&self) -> Option<u32> {
        let of_crl = |crl: &Option<CrlTrouble>| crl.as_ref().map_or(0, |crl| crl.attempt);
        let count = match self {
            Self::SetupRunning { attempt, .. } | Self::Probing { attempt } | Self::Unreachable { attempt, .. } => *attempt,
            Self::Retrying { retry, .. } => retry.attempt,
            Self::Ready { attempt, crl, .. } => (*attempt).max(of_crl(crl)),
            Self::Reachable { crl, .. } => of_crl(crl),
            Self::WaitingForConfig | Self::Provisioning { .. } | Self::Stalled { .. } | Self::Releasing => 0,
        };
        Some(count).filter(|count| *count > 0)
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let of_crl = |crl: &Option<CrlTrouble>| crl.as_ref().map(|crl| crl.next_attempt);
        match self {
            Self::Provisioning { server_awaited_until } => Some(*server_awaited_until),
            Self::Unreachable { next_attempt, .. } => Some(*next_attempt),
            Self::Retrying { retry, .. } => Some(retry.next_attempt),
            Self::Ready { next_attempt, crl, .. } => [self.next_health(), *next_attempt, of_crl(crl)].into_iter().flatten().min(),
            Self::Reachable { crl, .. } => of_crl(crl),
            Self::WaitingForConfig | Self::SetupRunning { .. } | Self::Probing { .. } | Self::Stalled { .. } | Self::Releasing => None,
        }
    }

    fn pace(&self) -> Pace {
        if matches!(self, Self::Retrying { in_setup: true, .. }) { Self::SETUP_PACE } else { Pace::FAILURE }
    }

    fn wake_after(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Ready { next_attempt, crl, .. } => {
                let upkeep = next_attempt.map(|first| self.pace().next(first, last));
                let crl = crl.as_ref().map(|crl| CRL_PACE.next(crl.next_attempt, last));
                [self.next_health(), upkeep, crl].into_iter().flatten().min()
            }
            Self::Reachable { crl, .. } => crl.as_ref().map(|crl| CRL_PACE.next(crl.next_attempt, last)),
            _ => self.wake_at().map(|first| self.pace().next(first, last)),
        }
    }
}

impl State {
    /// How looks at an unchanged failure of the set-up follow each other: a Job has tried several times by itself.
    const SETUP_PACE: Pace = Pace { base: 8, longest: 300 };

    /// Certificates may be requested here: what others ask an authority for.
    #[must_use]
    pub fn usable(&self) -> bool {
        match self {
            Self::Ready { health, .. } => *health != Health::Expired,
            Self::Reachable { .. } => true,
            _ => false,
        }
    }

    /// When its CA certificate has something new to say.
    fn next_health(&self) -> Option<Timestamp> {
        match self {
            Self::Ready { health: Health::Valid, authority, .. } => Some(authority.warn_at),
            Self::Ready { health: Health::Expiring | Health::CrlStale, authority, .. } => Some(authority.not_after),
            _ => None,
        }
    }

    fn with_health(&self, now: Health) -> Option<Self> {
        let mut next = self.clone();
        let Self::Ready { health, .. } = &mut next else { return None };
        *health = now;
        Some(next)
    }

    fn with_upkeep(&self, count: u32, again: Option<Timestamp>, failure: Option<&String>) -> Option<Self> {
        let mut next = self.clone();
        let Self::Ready { attempt, next_attempt, message, .. } = &mut next else { return None };
        (*attempt, *next_attempt, *message) = (count, again, failure.cloned());
        Some(next)
    }

    fn with_crl(&self, trouble: Option<CrlTrouble>) -> Option<Self> {
        let mut next = self.clone();
        let (Self::Ready { crl, .. } | Self::Reachable { crl, .. }) = &mut next else { return None };
        *crl = trouble;
        Some(next)
    }
}
