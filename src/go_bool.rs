//! Booleans as Go's `flag` package takes them.

/// The values that Go's [`strconv.ParseBool`](https://pkg.go.dev/strconv#ParseBool) takes.
///
/// # Errors
/// If it is none of them.
pub(crate) fn go_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false"),
    }
}
