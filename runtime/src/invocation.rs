//! The command line of the programs that Puppet Server calls with a certname: `PROGRAM [--config PATH] CERTNAME`.

use std::ffi::OsString;
use std::path::PathBuf;
use thiserror::Error;

/// What one run is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The configuration file that was named, if any.
    pub config: Option<PathBuf>,
    /// Certname of the node.
    pub certname: String,
}

/// Why there is nothing to do. None of these may end in exit code 0, which signs or classifies: a certname that looks like
/// a flag must not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UsageError {
    /// Help was asked for.
    #[error("help was asked for")]
    Help,
    /// A flag that does not exist.
    #[error("unknown flag {0:?}")]
    UnknownFlag(String),
    /// `--config` without a path.
    #[error("--config needs a path")]
    ConfigWithoutPath,
    /// No certname, or an empty one.
    #[error("the certname is missing")]
    NoCertname,
    /// Something follows the certname.
    #[error("{0:?} follows the certname")]
    Surplus(String),
    /// An argument that is no text.
    #[error("an argument is not UTF-8")]
    NotText,
}

impl Invocation {
    /// Reads the arguments that follow the program's name. Flags have one dash or two and stand before the certname;
    /// `--config` takes its path after `=` or as the next argument, and counts the last time it is given.
    ///
    /// # Errors
    ///
    /// A [`UsageError`] for everything else.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut arguments = arguments.into_iter().map(|argument| argument.into_string().map_err(|_| UsageError::NotText));
        let mut config = None;
        let certname = loop {
            let argument = arguments.next().ok_or(UsageError::NoCertname)??;
            let Some(flag) = argument.strip_prefix('-') else {
                break argument;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            match (name, value) {
                ("config", value) => {
                    let path = match value {
                        Some(path) => path,
                        None => arguments.next().ok_or(UsageError::ConfigWithoutPath)??,
                    };
                    if path.is_empty() {
                        return Err(UsageError::ConfigWithoutPath);
                    }
                    config = Some(PathBuf::from(path));
                }
                ("h" | "help", None) => return Err(UsageError::Help),
                _ => return Err(UsageError::UnknownFlag(argument)),
            }
        };
        if certname.is_empty() {
            return Err(UsageError::NoCertname);
        }
        match arguments.next() {
            Some(surplus) => Err(UsageError::Surplus(surplus?)),
            None => Ok(Self { config, certname }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(arguments: &[&str]) -> Result<Invocation, UsageError> {
        Invocation::parse(arguments.iter().map(OsString::from))
    }

    fn asking(config: Option<&str>, certname: &str) -> Invocation {
        Invocation { config: config.map(PathBuf::from), certname: certname.to_owned() }
    }

    #[test]
    fn the_path_may_follow_the_flag_in_either_way() {
        assert_eq!(parse(&["web01"]), Ok(asking(None, "web01")));
        for spelled in [
            &["--config", "/p", "web01"][..],
            &["-config", "/p", "web01"],
            &["--config=/p", "web01"],
            &["-config=/p", "web01"],
            &["--config=/other", "-config", "/p", "web01"],
        ] {
            assert_eq!(parse(spelled), Ok(asking(Some("/p"), "web01")), "{spelled:?}");
        }
    }

    #[test]
    fn everything_else_is_a_usage_error() {
        use UsageError::{ConfigWithoutPath, Help, NoCertname, Surplus, UnknownFlag};
        let unknown = |flag: &str| UnknownFlag(flag.to_owned());
        let cases = [
            (&[][..], NoCertname),
            (&[""], NoCertname),
            (&["--config=/p"], NoCertname),
            (&["--config"], ConfigWithoutPath),
            (&["--config=", "web01"], ConfigWithoutPath),
            (&["--config", "", "web01"], ConfigWithoutPath),
            (&["-h"], Help),
            (&["-help"], Help),
            (&["--help"], Help),
            (&["--config=/p", "--help", "web01"], Help),
            (&["--help=x"], unknown("--help=x")),
            (&["--verbose", "web01"], unknown("--verbose")),
            (&["--", "web01"], unknown("--")),
            (&["-"], unknown("-")),
            (&["---config=/p", "web01"], unknown("---config=/p")),
            (&["web01", "--config=/p"], Surplus("--config=/p".to_owned())),
            (&["web01", "--help"], Surplus("--help".to_owned())),
        ];
        for (arguments, error) in cases {
            assert_eq!(parse(arguments), Err(error), "{arguments:?}");
        }
    }

    proptest! {
        #[test]
        fn a_certname_alone_never_chooses_the_configuration_file(argument: String) {
            if let Ok(invocation) = parse(&[&argument]) {
                prop_assert_eq!(invocation.config, None);
                prop_assert_eq!(invocation.certname, argument);
            }
        }
    }
}
