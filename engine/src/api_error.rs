//! What the API server said, in words. The client's own message of a refusal holds the whole answer in Rust's notation.

use std::error::Error as _;

/// Words for conditions, Events and messages.
#[must_use]
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.trim().is_empty() => {
            let reason = if status.reason.is_empty() { "no reason" } else { &status.reason };
            format!("the API server refused it with status {} and gave {reason}", status.code)
        }
        kube::Error::Api(status) => status.message.trim().to_owned(),
        kube::Error::SerdeError(error) => format!("the API server's answer cannot be read: {error}"),
        other => format!("the API server cannot be asked: {}", innermost(other)),
    }
}

/// The text of the first cause: it names what happened, the outer ones only say where.
fn innermost(error: &kube::Error) -> String {
    let Some(mut cause) = error.source() else { return error.to_string() };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_refusal_is_the_server_s_own_sentence() {
        let message = "secrets \"web-tls\" is forbidden: User \"system:serviceaccount:a:b\" cannot patch resource \"secrets\"";
        let status = Status::failure(message, "Forbidden").with_code(403);
        assert_eq!(words(&kube::Error::Api(Box::new(status))), message);
        let silent = Status::failure(" ", "Forbidden").with_code(403);
        assert_eq!(words(&kube::Error::Api(Box::new(silent))), "the API server refused it with status 403 and gave Forbidden");
    }

    #[test]
    fn a_connection_that_fails_is_told_by_its_first_cause() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)");
        let error = kube::Error::Service(Box::new(refused));
        assert_eq!(words(&error), "the API server cannot be asked: Connection refused (os error 111)");
    }
}
