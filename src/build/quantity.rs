//! Quantities as Kubernetes writes them.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The amount in whole bytes, rounded down; `None` when it is not a quantity or does not fit into 64 bits.
#[must_use]
pub fn bytes(quantity: &Quantity) -> Option<u64> {
    let value = amount(quantity.0.trim())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the range is checked, and memory sizes are exact in a double up to 8 PiB"
    )]
    (0.0..u64::MAX as f64).contains(&value).then_some(value as u64)
}

/// The number that a quantity stands for; `None` when it is none.
///
/// Known are plain numbers, fractions, the suffixes `Ki`..`Ei`, `k`..`E` and `m`, `u`, `n`, and exponents such as `2e9`
/// (Kubernetes API documentation of `Quantity`).
#[must_use]
pub fn amount(text: &str) -> Option<f64> {
    let suffixes: [(&str, f64); 16] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let (number, factor) = suffixes.into_iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    // Rust also reads names such as `inf`, Kubernetes does not.
    if number.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) {
        return None;
    }
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_kubernetes_is_read() {
        for (text, expected) in [
            ("1048576", Some(1_048_576)),
            ("4Gi", Some(4_294_967_296)),
            ("1.5Gi", Some(1_610_612_736)),
            ("512M", Some(512_000_000)),
            ("2e9", Some(2_000_000_000)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("1500m", Some(1)),
            ("0", Some(0)),
            ("-1Gi", None),
            ("1GiB", None),
            ("inf", None),
            ("", None),
            ("9999Ei", None),
        ] {
            assert_eq!(bytes(&Quantity(text.to_owned())), expected, "{text:?}");
        }
    }
}
