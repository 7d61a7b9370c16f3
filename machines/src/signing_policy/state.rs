//! The states of a `SigningPolicy`.

use super::Event;
use crate::core::{Leaf, Rest};
use serde::{Deserialize, Serialize};

/// State of one `SigningPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(tag = "leaf", rename_all_fields = "camelCase")]
pub enum State {
    /// No authority enforces the policy.
    #[default]
    WaitingForAuthority,
    /// The authority is to write the rules into its file, and a CA server is to be there to read it.
    Rendering {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// The authority's file holds the rules, and a CA server reads it.
    Rendered {
        /// Digest of the rules without the values of `csrAttributes`.
        digest: String,
    },
    /// A rule cannot be used; the whole policy is left out of the file.
    Invalid {
        /// Which rule, and why.
        message: String,
    },
}

impl crate::core::State for State {
    type Event = Event;

    const LEAVES: &'static [Leaf] = &[
        Leaf {
            path: "Pending/WaitingForAuthority",
            meaning: "The authority does not exist, or it is outside the cluster and enforces no policy.",
            remedy: "Create the CertificateAuthority or change the reference. At an external CA, set up autosigning there.",
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Pending/Rendering",
            meaning: "The rules are valid. The CertificateAuthority is to write them into the file that the CA reads, and a CA server is to be ready to read it.",
            remedy: "The Ready condition says which of both is missing. If it lasts, look at the CertificateAuthority, which writes the file, or at the Server with ca: true.",
            // As long as a CA server may take to start.
            rest: Rest::Waiting { deadline: 600 },
        },
        Leaf {
            path: "Active/Rendered",
            meaning: "The file that the CA server reads holds the rules.",
            remedy: "Nothing.",
            rest: Rest::Settled,
        },
        Leaf {
            path: "Error/Invalid",
            meaning: "A rule does not parse, or a Secret or key that it names is missing. The policy is left out of the file: nothing is signed by it.",
            remedy: "Change the rule or create the Secret that the Ready condition names; the policy goes on by itself.",
            rest: Rest::Stuck,
        },
    ];

    fn evolve(&self, event: &Event) -> Option<Self> {
        use State as S;
        Some(match (self, event) {
            (S::WaitingForAuthority, Event::Adopted { digest }) | (S::Rendering { .. }, Event::Rendered { digest }) => {
                S::Rendered { digest: digest.clone() }
            }
            (S::WaitingForAuthority | S::Invalid { .. }, Event::Accepted { digest })
            | (S::Rendering { .. } | S::Rendered { .. }, Event::Changed { digest })
            | (S::Rendered { digest }, Event::Dropped | Event::Unread) => S::Rendering { digest: digest.clone() },
            (_, Event::Rejected { message, .. }) => S::Invalid { message: message.clone() },
            (S::Rendering { .. } | S::Rendered { .. } | S::Invalid { .. }, Event::AuthorityLost) => S::WaitingForAuthority,
            _ => return None,
        })
    }

    fn path(&self) -> &'static str {
        match self {
            Self::WaitingForAuthority => "Pending/WaitingForAuthority",
            Self::Rendering { .. } => "Pending/Rendering",
            Self::Rendered { .. } => "Active/Rendered",
            Self::Invalid { .. } => "Error/Invalid",
        }
    }
}
