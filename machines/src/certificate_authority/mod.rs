//! CertificateAuthority: from an empty volume to a CA with keys, certificates and revocation lists, or to an
//! external one that answers.

mod conditions;
mod crl;
mod event;
mod external;
mod leaves;
mod machine;
mod observed;
mod state;
#[cfg(test)]
mod tests;

pub use conditions::conditions;
pub use event::Event;
pub use machine::{CertificateAuthority, Effect};
pub use observed::{Facts, Job, Material, Observed, Report, RevocationList, ServerCertificate};
pub use state::{CrlTrouble, Health, State};
