//! Answers of the CA, bounded and typed.

use super::body_budget::{BodyPermit, CrlText};
use super::client_error::ClientError;

/// Most characters of an answer that go into a message.
const MAX_EXCERPT: usize = 300;

/// Longest media type that is named: Puppet Server's have ten letters.
const MAX_MEDIA_TYPE: usize = 60;

/// Status, content type and text of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) text: String,
    /// What a large text takes up.
    pub(super) permit: Option<BodyPermit>,
}

/// What became of a submitted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// The CA took the request; it may have signed it at once.
    Accepted,
    /// A request of that name waits already, possibly with another key: compare before signing.
    AlreadyRequested,
    /// A certificate of that name exists: fetch it and compare its key.
    AlreadySigned,
    /// The certificate of that name was revoked; it must be cleaned before a new request.
    AlreadyRevoked,
    /// The CA refuses the request.
    Refused {
        /// HTTP status.
        status: u16,
        /// The CA's message, shortened.
        text: String,
    },
}

/// What became of the wish to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// The certificate exists now.
    Done,
    /// No request of that name waits; it may have been signed already.
    NoCsr,
    /// The CA does not sign this request, now or later.
    Refused {
        /// The CA's message, shortened.
        text: String,
    },
}

/// What became of the wish to renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    /// The new certificate (PEM), for the same key.
    Done(String),
    /// The CA does not renew certificates: `allow-auto-renewal` is off.
    Disabled,
    /// The CA does not renew this certificate.
    Refused {
        /// HTTP status.
        status: u16,
        /// The CA's message, shortened.
        text: String,
    },
}

/// Whether Puppet Server is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceStatus {
    /// It serves requests.
    Running,
    /// It answers, but does not serve yet or any more.
    NotRunning {
        /// The state it names, such as `starting`.
        state: String,
    },
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The name it was submitted under.
    pub name: String,
    /// SHA-256 of the request in the form of [`request_fingerprint`](openvox_puppet::request_fingerprint), if the CA reports it.
    pub fingerprint: Option<String>,
}

/// The status of one certname, as far as it is used here.
#[derive(serde::Deserialize)]
struct CertificateStatus {
    name: String,
    state: String,
    fingerprint: Option<String>,
}

impl Answer {
    /// What a message may show of the answer. A user who sets the address of a CertificateAuthority makes the operator call
    /// services that this user may not reach. So the text is shown only where a Puppet CA explains a refusal: in plain text
    /// with a status of 400 to 499.
    pub(super) fn excerpt(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if (400..500).contains(&self.status) && media_type.eq_ignore_ascii_case("text/plain") {
            return self.words();
        }
        let known = media_type.len() <= MAX_MEDIA_TYPE && media_type.chars().all(|c| c.is_ascii_alphanumeric() || "/+-.".contains(c));
        let media_type = if known && !media_type.is_empty() { media_type } else { "unknown type" };
        format!("({} bytes of {media_type}, not shown)", self.text.len())
    }

    /// The text in one line, shortened.
    fn words(&self) -> String {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let line = words.join(" ").replace(char::is_control, "");
        if line.is_empty() {
            return "(no text)".to_owned();
        }
        match line.char_indices().nth(MAX_EXCERPT) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }

    /// The text, if it is PEM with a block of this label.
    pub(super) fn into_pem(self, action: &str, label: &str) -> Result<String, ClientError> {
        self.has_pem(action, label)?;
        Ok(self.text)
    }

    /// The revocation lists.
    pub(super) fn into_lists(self, action: &str) -> Result<CrlText, ClientError> {
        self.has_pem(action, "X509 CRL")?;
        Ok(CrlText { text: self.text, _permit: self.permit })
    }

    /// Checks that the text has a block of this label. The caller parses its content.
    fn has_pem(&self, action: &str, label: &str) -> Result<(), ClientError> {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        if self.text.split_once(&begin).is_some_and(|(_, rest)| rest.contains(&end)) {
            return Ok(());
        }
        Err(ClientError::UnexpectedAnswer {
            action: action.to_owned(),
            status: self.status,
            text: format!("no PEM block `{label}` in the answer {}", self.excerpt()),
        })
    }

    /// The meaning of an answer to a submitted request.
    pub(super) fn into_submitted(self, action: &str) -> Result<Submitted, ClientError> {
        match self.status {
            // The CA answers with an empty body; a page with 200 comes from a proxy on the way.
            200 if self.text.trim().is_empty() => Ok(Submitted::Accepted),
            400 | 409 if self.text.contains("already has a requested certificate") => Ok(Submitted::AlreadyRequested),
            400 | 409 if self.text.contains("already has a signed certificate") => Ok(Submitted::AlreadySigned),
            400 | 409 if self.text.contains("already has a revoked certificate") => Ok(Submitted::AlreadyRevoked),
            400 | 409 | 413 | 422 => Ok(Submitted::Refused { status: self.status, text: self.excerpt() }),
            _ => Err(ClientError::status(action, &self)),
        }
    }

    /// The meaning of an answer to the wish to sign.
    pub(super) fn into_signed(self, action: &str) -> Result<Signed, ClientError> {
        match self.status {
            200 | 204 => Ok(Signed::Done),
            404 => Ok(Signed::NoCsr),
            409 if self.text.contains("without a certificate request") => Ok(Signed::NoCsr),
            400 | 409 => Ok(Signed::Refused { text: self.excerpt() }),
            _ => Err(ClientError::status(action, &self)),
        }
    }

    /// The requests in a list of statuses. A CA that does not know the filter lists the certificates as well.
    pub(super) fn into_waiting(self, action: &str) -> Result<Vec<Waiting>, ClientError> {
        if self.status != 200 {
            return Err(ClientError::status(action, &self));
        }
        let statuses: Vec<CertificateStatus> = serde_json::from_str(&self.text).map_err(|error| ClientError::UnexpectedAnswer {
            action: action.to_owned(),
            status: self.status,
            // The error of the parser may hold values.
            text: format!("no list of certificate statuses (line {}): {}", error.line(), self.excerpt()),
        })?;
        let requested = statuses.into_iter().filter(|status| status.state == "requested");
        Ok(requested.map(|status| Waiting { name: status.name, fingerprint: status.fingerprint }).collect())
    }

    /// The meaning of an answer to the wish to renew.
    pub(super) fn into_renewed(self, action: &str) -> Result<Renewed, ClientError> {
        match self.status {
            200 => self.into_pem(action, "CERTIFICATE").map(Renewed::Done),
            404 => Ok(Renewed::Disabled),
            // 403: the CA has not issued the client certificate, or its rules do not allow the renewal.
            400 | 403 | 409 => Ok(Renewed::Refused { status: self.status, text: self.excerpt() }),
            _ => Err(ClientError::status(action, &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer { status, content_type: Some("text/plain;charset=utf-8".to_owned()), text: text.to_owned(), permit: None }
    }

    #[test]
    fn every_reason_for_a_duplicate_name_is_told_apart() {
        let text = |state| format!("puppet already has a {state} certificate; ignoring certificate request");
        let cases =
            [("requested", Submitted::AlreadyRequested), ("signed", Submitted::AlreadySigned), ("revoked", Submitted::AlreadyRevoked)];
        for (state, outcome) in cases {
            assert_eq!(answer(400, &text(state)).into_submitted("submit"), Ok(outcome));
        }
        let refused = answer(400, "CSR contains\n a wildcard").into_submitted("submit").unwrap();
        assert_eq!(refused, Submitted::Refused { status: 400, text: "CSR contains a wildcard".to_owned() });
    }

    #[test]
    fn long_and_wild_texts_are_cut_to_one_short_line() {
        let excerpt = answer(400, &"\u{7}ä\n\t".repeat(1000)).excerpt();
        assert_eq!(excerpt.chars().count(), MAX_EXCERPT + 1);
        assert!(!excerpt.contains(char::is_control));
        assert_eq!(answer(400, " \n").excerpt(), "(no text)");
    }

    #[test]
    fn words_are_told_where_a_puppet_ca_refuses_and_nowhere_else() {
        let secret = r#"{"db":"postgres://app:hunter2@db/orders"}"#;
        assert_eq!(answer(403, "Forbidden request: /puppet-ca").excerpt(), "Forbidden request: /puppet-ca");
        for status in [200, 302, 500, 503] {
            assert_eq!(answer(status, secret).excerpt(), "(41 bytes of text/plain, not shown)");
        }
        for content_type in [Some("application/json"), Some("text/html"), None, Some("text/plain-hunter2 is here"), Some("")] {
            let answer = Answer { content_type: content_type.map(str::to_owned), ..answer(404, secret) };
            let errors = [
                answer.excerpt(),
                ClientError::status("ask", &answer).to_string(),
                answer.has_pem("ask", "CERTIFICATE").unwrap_err().to_string(),
            ];
            assert!(errors.iter().all(|error| !error.contains("hunter2")), "{errors:?}");
        }
        let statuses = answer(200, r#"["hunter2"]"#).into_waiting("list").unwrap_err();
        assert!(!statuses.to_string().contains("hunter2"), "{statuses}");
    }

    #[test]
    fn of_a_list_of_statuses_the_requests_count() {
        let list = r#"[{"name":"a","state":"signed","fingerprint":"x"},{"name":"b","state":"requested","dns_alt_names":[]}]"#;
        assert_eq!(answer(200, list).into_waiting("list"), Ok(vec![Waiting { name: "b".to_owned(), fingerprint: None }]));
        assert_eq!(answer(200, "<html>").into_waiting("list").unwrap_err().reason(), "UnexpectedAnswer");
        assert_eq!(answer(403, "no").into_waiting("list").unwrap_err().reason(), "Forbidden");
    }

    #[test]
    fn statuses_without_a_meaning_are_errors_and_never_outcomes() {
        let cases = [
            (403, "Forbidden"),
            (401, "Forbidden"),
            (500, "ServerError"),
            (503, "ServerError"),
            (302, "UnexpectedAnswer"),
            (418, "UnexpectedAnswer"),
        ];
        for (status, reason) in cases {
            let reasons =
                [answer(status, "x").into_submitted("a").unwrap_err().reason(), answer(status, "x").into_signed("a").unwrap_err().reason()];
            assert_eq!(reasons, [reason; 2], "{status}");
            // A client that may not renew may still submit a new request.
            match answer(status, "x").into_renewed("a") {
                Ok(renewed) => assert_eq!((status, renewed), (403, Renewed::Refused { status, text: "x".to_owned() })),
                Err(error) => assert_eq!(error.reason(), reason),
            }
        }
    }
}
