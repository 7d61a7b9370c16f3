//! Text that strangers wrote, made fit for a terminal.

/// One line, with everything escaped that a terminal would act upon or not show: control characters, line ends, marks that
/// turn the direction of writing.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '"' | '\'' | '\\') { c.to_string() } else { c.escape_debug().to_string() }).collect()
}

/// A host name, an address or an identifier as it is; anything else in quotes and escaped, so that it cannot pass for several
/// names or for words of ours.
pub fn name(text: &str) -> String {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !text.is_empty() && text.chars().all(usual) { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_act_upon() {
        let evil = "web\n  policy  signs\r\u{1b}[8m\u{9b}2J\u{7}\u{202e}";
        assert_eq!(line(evil), r"web\n  policy  signs\r\u{1b}[8m\u{9b}2J\u{7}\u{202e}");
        assert_eq!(name(evil), r#""web\n  policy  signs\r\u{1b}[8m\u{9b}2J\u{7}\u{202e}""#);
        assert_eq!(line(r#"policy "web" (pattern "a\d")"#), r#"policy "web" (pattern "a\d")"#);
    }

    #[test]
    fn a_usual_name_stays_and_what_could_pass_for_two_is_quoted() {
        for usual in ["puppet", "web-1.example.net", "*.example.net".trim_start_matches('*'), "10.0.0.1", "fd00::7", "_x"] {
            assert_eq!(name(usual), usual);
        }
        assert_eq!((name("a, b"), name(""), name("grün")), (r#""a, b""#.to_owned(), "\"\"".to_owned(), "\"grün\"".to_owned()));
    }
}
