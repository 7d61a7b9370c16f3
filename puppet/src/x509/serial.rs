//! Serial numbers of certificates, and CRL numbers.

use std::fmt;
use std::str::FromStr;
use x509_parser::num_bigint::BigUint;

/// A serial number (RFC 5280 section 4.1.2.2) or a CRL number (section 5.2.3): up to 20 bytes, compared by value.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(BigUint);

/// A text that is not a serial number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the serial number {0:?}: it must be 1 to 40 hexadecimal digits such as 0003")]
pub struct SerialError(String);

impl Serial {
    /// The number after this one.
    #[must_use]
    pub fn next(&self) -> Self {
        self.plus(1)
    }

    /// The number `distance` after this one.
    #[must_use]
    pub fn plus(&self, distance: u32) -> Self {
        Self(&self.0 + distance)
    }

    /// Whether it fits the counter of Puppet Server, a signed 32-bit integer.
    #[must_use]
    pub fn fits_counter(&self) -> bool {
        i32::try_from(&self.0).is_ok()
    }

    /// The number of an integer's bytes, most significant first. DER puts a zero byte before a high bit.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(BigUint::from_bytes_be(bytes))
    }

    /// The number as unsigned bytes, most significant first.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes_be()
    }
}

impl From<&BigUint> for Serial {
    fn from(number: &BigUint) -> Self {
        Self(number.clone())
    }
}

impl From<u32> for Serial {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    /// Reads the form of Puppet's `serial` file: hexadecimal, with or without `0x`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix("0x").unwrap_or(trimmed);
        let fits = (1..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| BigUint::parse_bytes(digits.as_bytes(), 16)).flatten().map(Self).ok_or_else(|| SerialError(trimmed.to_owned()))
    }
}

impl fmt::Display for Serial {
    /// At least four upper case hex digits, like Puppet's `serial` file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_form_has_at_least_four_hex_digits() {
        assert_eq!(Serial::from(3).to_string(), "0003");
        assert_eq!(Serial::from(0xABCDE).to_string(), "ABCDE");
        assert_eq!("00ff\n".parse::<Serial>().unwrap().next().to_string(), "0100");
        assert_eq!("0x0010".parse::<Serial>(), Ok(Serial::from(16)));
    }

    #[test]
    fn random_numbers_of_other_cas_do_not_fit_the_counter_of_puppet_server() {
        let fits = |text: &str| text.parse::<Serial>().unwrap().fits_counter();
        assert!(fits("7fffffff") && !fits("80000000") && !fits(&"f".repeat(40)));
    }

    #[test]
    fn texts_that_are_no_hex_number_are_refused() {
        for bad in ["", "0x", "-1", "+1", "1 2", "xyz", &"f".repeat(41)] {
            assert!(bad.parse::<Serial>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_compared_by_value_whatever_their_length(a: u32, b: u32) {
            let read = |n: u32| format!("{n:x}").parse::<Serial>().unwrap();
            prop_assert_eq!(read(a).cmp(&read(b)), a.cmp(&b));
            prop_assert_eq!(read(a).to_string().parse::<Serial>(), Ok(read(a)));
        }
    }
}
