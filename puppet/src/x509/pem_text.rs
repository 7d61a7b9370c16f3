//! PEM text (RFC 7468): reading its blocks, and writing one.

/// A block is cut off, its ends do not fit together, or it holds what is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// The blocks of a text, in order, without the text between them.
///
/// # Errors
/// If a block is damaged: a reader that skips it would take a part of the file for the whole.
pub(super) fn blocks(text: &str) -> Result<Vec<pem::Pem>, Damaged> {
    let blocks = pem::parse_many(text).map_err(|_| Damaged)?;
    if blocks.len() == text.matches("-----BEGIN ").count() { Ok(blocks) } else { Err(Damaged) }
}

/// The labels of the blocks of a text, such as `CERTIFICATE`, in order; nothing for a text with a damaged block.
#[must_use]
pub fn pem_labels(text: &str) -> Vec<String> {
    blocks(text).unwrap_or_default().iter().map(|block| block.tag().to_owned()).collect()
}

/// A block with lines of 64 characters and Unix line ends, as Puppet writes it.
pub(super) fn encode(label: &str, der: Vec<u8>) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_however_people_write_them() {
        let tidy = encode("X", vec![7; 60]);
        let indented = format!("   {}  \n", tidy.trim_end().replace('\n', "  \n   "));
        for text in [tidy.clone(), indented, format!("\u{feff}note\r\n{}", tidy.replace('\n', "\r\n")), tidy.trim_end().to_owned()] {
            let blocks = blocks(&text).unwrap();
            assert_eq!(blocks.iter().map(pem::Pem::contents).collect::<Vec<_>>(), [[7; 60]], "{text}");
        }
    }

    #[test]
    fn a_block_that_is_cut_off_or_damaged_is_not_skipped() {
        let tidy = encode("X", vec![7; 60]);
        for text in [format!("{tidy}-----BEGIN X-----\nMIIC\n"), tidy.replace("-----END X", "-----END Y"), tidy.replacen("Bw", "!!", 1)] {
            assert_eq!(blocks(&text), Err(Damaged), "{text}");
        }
        assert_eq!(blocks("no block"), Ok(Vec::new()));
    }
}
