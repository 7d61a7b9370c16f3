//! The table of all machines.

use crate::core::{Leaf, Machine, State};

/// Calls the macro `$callback` with every machine: its module, its type, and the name of its page in `docs/machines`. A new
/// machine is one line here.
#[macro_export]
macro_rules! for_each_machine {
    ($callback:ident) => {
        $callback! {
            certificate_authority::CertificateAuthority: "certificate-authority";
            certificate::Certificate: "certificate";
            config::Config: "config";
            server::Server: "server";
            pool::Pool: "pool";
            signing_policy::SigningPolicy: "signing-policy";
            node_classifier::NodeClassifier: "node-classifier";
        }
    };
}

/// What is documented of a machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Documented {
    /// Kubernetes kind.
    pub kind: &'static str,
    /// Name of its page in `docs/machines`, without `.md`.
    pub page: &'static str,
    /// Its leaf states, in the order of the documentation.
    pub leaves: &'static [Leaf],
}

impl Documented {
    const fn of<M: Machine>(page: &'static str) -> Self {
        Self { kind: M::KIND, page, leaves: <M::State as State>::LEAVES }
    }

    /// The machine of a kind; none for a kind without one.
    #[must_use]
    pub fn find(kind: &str) -> Option<&'static Self> {
        MACHINES.iter().find(|machine| machine.kind == kind)
    }
}

/// All machines.
pub const MACHINES: &[Documented] = {
    macro_rules! all {
        ($($module:ident :: $machine:ident: $page:literal;)+) => { &[$(Documented::of::<$crate::$module::$machine>($page)),+] };
    }
    for_each_machine!(all)
};
