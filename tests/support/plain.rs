//! Messages are plain text: no notation of Rust's own, which is what `{:?}` of anything but text makes.

use serde_json::Value;

/// Fails for an object in which a condition, an event or an error has a message in Rust's notation.
pub fn assert_plain(object: &Value) {
    match object {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if matches!(name.as_str(), "message" | "note" | "reason") => {
                        assert!(debug_notation(text).is_none(), "{:?} is Rust's notation in: {text}", debug_notation(text));
                    }
                    _ => assert_plain(value),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(assert_plain),
        _ => {}
    }
}

/// The first word of a text that looks as Rust shows a value: `Some(`, `Status {`, `UnknownIssuer`, `io::Error`.
pub fn debug_notation(text: &str) -> Option<&str> {
    let words = text.split_whitespace();
    let next = words.clone().skip(1).map(Some).chain([None]);
    words.zip(next).find_map(|(word, next)| {
        let identifier = word.trim_start_matches(['(', '[', '"']);
        let name = identifier.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let capital = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().any(|c| c.is_ascii_lowercase());
        let opens = identifier.get(name.len()..).is_some_and(|rest| rest.starts_with('('));
        let structure = capital && next.is_some_and(|next| next.starts_with('{'));
        let path = word.contains("::") && word.split("::").all(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
        ((capital && opens) || structure || path).then_some(word)
    })
}

#[test]
fn rust_s_notation_is_told_from_words() {
    for bad in [
        "failed: Some(3)",
        "ApiError: x (Status { status: None })",
        "invalid peer certificate: Other(OtherError(\"x\"))",
        "a std::io::Error came",
        "[DnsName(\"a\")]",
    ] {
        assert!(debug_notation(bad).is_some(), "{bad}");
    }
    for good in [
        "Certificate web (in use) is fine",
        "secrets \"a\" is forbidden: User \"system:serviceaccount:a:b\" cannot patch",
        "connect to [fd00::1]:8140 or ::1",
        "pattern \"[A-Z](x)\" did not match",
    ] {
        assert_eq!(debug_notation(good), None, "{good}");
    }
}
