//! Attribute values of XML 1.0, the format of `logback.xml`.

use super::error::RenderError;

/// The value as the text between the quotes of an attribute.
///
/// Line breaks and tabs are written as character references, because a reader turns bare ones into blanks.
///
/// # Errors
/// When the value holds a character that XML 1.0 cannot express in any form (section 2.2 of the recommendation), such as
/// a control character. `field` is the path that the error names.
pub fn attribute(field: &str, value: &str) -> Result<String, RenderError> {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            '\t' => text.push_str("&#9;"),
            '\n' => text.push_str("&#10;"),
            '\r' => text.push_str("&#13;"),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(RenderError::new(
                    field,
                    value,
                    "holds a character that XML cannot express",
                    "remove control characters from it",
                ));
            }
            c => text.push(c),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescape(text: &str) -> String {
        let pairs = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#9;", "\t"),
            ("&#10;", "\n"),
            ("&#13;", "\r"),
            // Last, so that an escaped ampersand does not begin another reference.
            ("&amp;", "&"),
        ];
        pairs.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    #[test]
    fn a_logger_name_cannot_end_its_attribute() {
        assert_eq!(attribute("f", "a\"/><x y='&'").unwrap(), "a&quot;/&gt;&lt;x y=&apos;&amp;&apos;");
    }

    #[test]
    fn a_character_that_xml_cannot_express_is_an_error() {
        assert!(attribute("f", "a\u{1}").unwrap_err().rule.contains("XML"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_as_it_was_given(value: String) {
            if let Ok(text) = attribute("f", &value) {
                prop_assert!(!text.contains(['"', '<', '>', '\n', '\r', '\t']));
                prop_assert_eq!(unescape(&text), value);
            }
        }
    }
}
