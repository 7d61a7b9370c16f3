//! The steps of a set-up, for its report.

use super::secrets::Written;
use openvox_puppet::{KeyAlgorithm, Serial};

/// Something that a run does, and a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A CA that an earlier run has made is put in place.
    Finish,
    /// A CA that exists elsewhere is put on an empty volume.
    Place {
        /// Where it comes from.
        origin: String,
    },
    /// A new CA is made.
    Make {
        /// Kind of its keys.
        algorithm: KeyAlgorithm,
        /// How long it is valid.
        days: u64,
    },
    /// The CA of the directory is used.
    Use {
        /// The directory.
        directory: String,
        /// Its subject.
        subject: String,
        /// When it ends.
        until: String,
    },
    /// About its revocation list.
    List {
        /// Its number.
        number: Option<Serial>,
        /// Certificates in it.
        revoked: usize,
    },
    /// A part of a file is of no use, and left out of what is stored.
    LeaveOut {
        /// The file.
        file: String,
        /// The part.
        what: String,
    },
    /// A file is written anew.
    Rewrite {
        /// The file.
        file: &'static str,
        /// What is different afterwards.
        why: String,
    },
    /// Files that were missing are made.
    Add(Vec<&'static str>),
    /// The serial number of the next certificate.
    GoOn(Serial),
    /// A certificate stays.
    Keep {
        /// Its certname.
        certname: String,
        /// Its Secret.
        secret: String,
    },
    /// A certificate is issued.
    Issue {
        /// Its certname.
        certname: String,
        /// Its Secret.
        secret: String,
        /// Its key is new.
        new_key: bool,
    },
    /// A Secret is written.
    Write {
        /// The Secret.
        secret: String,
        /// The result of writing it.
        written: Written,
    },
}

/// Receives the steps as they are taken.
pub(super) type Steps<'a> = &'a mut dyn FnMut(Step);

impl Step {
    /// The step as one that was taken.
    pub(super) fn done(&self) -> String {
        self.sentence(|_, done| done.to_owned())
    }

    /// The step as one that would be taken.
    pub(super) fn planned(&self) -> String {
        self.sentence(|verb, _| format!("would {verb}"))
    }

    /// The sentence, with the verb as `form` makes it of its infinitive and its past tense.
    fn sentence(&self, form: impl Fn(&str, &str) -> String) -> String {
        match self {
            Self::Finish => format!("{} the new CA that an earlier run had made", form("finish", "finished")),
            Self::Place { origin } => {
                format!("{} {origin} on the empty volume; all its parts belong together", form("put", "put"))
            }
            Self::Make { algorithm, days } => {
                format!("{} a root and a signing CA with {algorithm} keys, valid for {days} days", form("make", "made"))
            }
            Self::Use { directory, subject, until } => {
                format!("{} the CA in {directory}: {subject}, valid until {until}", form("use", "used"))
            }
            Self::List { number, revoked } => {
                let number = number.as_ref().map_or_else(|| "no number".to_owned(), |number| format!("number {number}"));
                format!("found its revocation list, {number}, with {revoked} revoked certificates")
            }
            Self::LeaveOut { file, what } => format!("{} of {file}: {what}", form("leave out", "left out")),
            Self::Rewrite { file, why } => format!("{} {file}: {why}", form("rewrite", "rewrote")),
            Self::Add(files) => format!("{} to the CA directory: {}", form("add", "added"), files.join(", ")),
            Self::GoOn(serial) => format!("{} on with serial number {serial}", form("go", "went")),
            Self::Keep { certname, secret } => format!("{} the certificate of {certname} in Secret {secret}", form("keep", "kept")),
            Self::Issue { certname, secret, new_key: true } => format!(
                "{} a key for, and {}, the certificate of {certname} in Secret {secret}",
                form("make", "made"),
                form("issue", "issued").trim_start_matches("would ")
            ),
            Self::Issue { certname, secret, new_key: false } => {
                format!("{}, for the key that is there, the certificate of {certname} in Secret {secret}", form("issue", "issued"))
            }
            Self::Write { secret, written } => {
                let verb = match written {
                    Written::Created => form("create", "created"),
                    Written::Updated => form("update", "updated"),
                    Written::Unchanged => form("leave as it is:", "left as it was:"),
                };
                format!("{verb} Secret {secret}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_what_it_did_and_a_dry_run_what_it_would_do() {
        let issue = Step::Issue { certname: "puppet".to_owned(), secret: "puppet-tls".to_owned(), new_key: true };
        assert_eq!(issue.done(), "made a key for, and issued, the certificate of puppet in Secret puppet-tls");
        assert_eq!(issue.planned(), "would make a key for, and issue, the certificate of puppet in Secret puppet-tls");
        let unchanged = Step::Write { secret: "a-ca".to_owned(), written: Written::Unchanged };
        assert_eq!(
            (unchanged.done(), unchanged.planned()),
            ("left as it was: Secret a-ca".into(), "would leave as it is: Secret a-ca".into())
        );
    }
}
