//! Object identifiers.

use std::fmt;

/// An object identifier in its one dotted form, such as `1.3.6.1.4.1.34380.1.1.13`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

impl Oid {
    /// Reads the dotted form: at least two numbers, none with a leading zero or beyond 64 bits.
    #[must_use]
    pub fn from_dotted(text: &str) -> Option<Self> {
        let mut arcs = 0_usize;
        for arc in text.split('.') {
            let number: u64 = arc.parse().ok()?;
            let limit = match arcs {
                0 => 2,
                1 if !text.starts_with("2.") => 39,
                _ => u64::MAX,
            };
            // One number, one spelling: `+1` and `01` parse, but are not how the identifier is written.
            if number > limit || number.to_string() != arc {
                return None;
            }
            arcs += 1;
        }
        (arcs >= 2).then(|| Self(text.to_owned()))
    }

    /// An identifier from a constant of this crate, which is well-formed.
    pub(crate) fn known(dotted: &str) -> Self {
        Self(dotted.to_owned())
    }

    /// Reads the content octets of a DER object identifier (X.690 section 8.19).
    pub(crate) fn from_der_content(bytes: &[u8]) -> Option<Self> {
        let mut dotted = String::new();
        let mut arc: u64 = 0;
        let mut inside = false;
        for &byte in bytes {
            // A leading 0x80 pads the number: a second spelling of the same identifier.
            if (!inside && byte == 0x80) || arc > u64::MAX >> 7 {
                return None;
            }
            arc = (arc << 7) | u64::from(byte & 0x7f);
            inside = byte & 0x80 != 0;
            if inside {
                continue;
            }
            if dotted.is_empty() {
                let first = (arc / 40).min(2);
                dotted = format!("{first}.{}", arc - first * 40);
            } else {
                dotted.push('.');
                dotted.push_str(&arc.to_string());
            }
            arc = 0;
        }
        (!inside && !dotted.is_empty()).then_some(Self(dotted))
    }

    /// Whether this identifier is `arc` or lies below it.
    #[must_use]
    pub fn is_within(&self, arc: &str) -> bool {
        self.0.strip_prefix(arc).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The dotted form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_octets_of_known_identifiers() {
        let read = |bytes: &[u8]| Oid::from_der_content(bytes).map(|oid| oid.to_string());
        assert_eq!(read(&[0x55, 0x1d, 0x11]).as_deref(), Some("2.5.29.17"));
        assert_eq!(read(&[0x2b, 6, 1, 4, 1, 0x82, 0x8c, 0x4c, 1, 3, 39]).as_deref(), Some("1.3.6.1.4.1.34380.1.3.39"));
        assert_eq!(read(&[0x88, 0x37]).as_deref(), Some("2.999"));
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0x55, 0x80, 0x11]), None, "padded");
        assert_eq!(read(&[0x55, 0x81]), None, "unfinished");
        assert_eq!(read(&[0x55, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), None);
    }

    #[test]
    fn a_number_has_one_spelling() {
        for good in ["1.3", "2.999", "1.3.6.1.4.1.34380.1.2.1", "0.39"] {
            assert!(Oid::from_dotted(good).is_some(), "{good}");
        }
        for bad in ["", "1", "1.", ".1", "1..3", "1.03", "+1.3", "3.1", "1.40", "1.3.x", "1.99999999999999999999"] {
            assert!(Oid::from_dotted(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_arc_holds_itself_and_what_is_below_but_no_longer_number() {
        let within = |oid: &str| Oid::from_dotted(oid).unwrap().is_within("1.3.6.3");
        assert!(within("1.3.6.3"));
        assert!(within("1.3.6.3.39"));
        assert!(!within("1.3.6.39"));
        assert!(!within("1.3.6"));
    }

    proptest! {
        #[test]
        fn what_is_read_from_octets_is_a_dotted_form(bytes: Vec<u8>) {
            if let Some(oid) = Oid::from_der_content(&bytes) {
                prop_assert_eq!(Oid::from_dotted(oid.as_str()), Some(oid));
            }
        }
    }
}
