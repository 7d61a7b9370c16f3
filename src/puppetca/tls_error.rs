//! Messages for errors of TLS: those of the library are meant for its programmers.

use chrono::{DateTime, Utc};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, OtherError};

/// The message for an error of TLS with a CA.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => format!("the CA refused our certificate or the connection: {}", of_alert(*alert)),
        Error::InvalidCertificate(error) => format!("the CA's certificate is not trusted: {}", of_certificate(error)),
        Error::NoCertificatesPresented => "the CA shows no certificate".to_owned(),
        Error::PeerIncompatible(_) => "the CA speaks no version or cipher of TLS that is accepted; TLS 1.2 or 1.3 is needed".to_owned(),
        Error::InvalidMessage(_) => "the answer is not TLS; is something else listening at this address?".to_owned(),
        Error::Other(OtherError(cause)) => cause.to_string(),
        Error::General(words) => words.clone(),
        _ => "the CA does not keep to the protocol".to_owned(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Other(OtherError(cause)) => cause.to_string(),
        CertificateError::UnknownIssuer => "no certificate of the CA bundle issued it".to_owned(),
        CertificateError::BadSignature => "its signature was not made with the key of its issuer".to_owned(),
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => format!("it expired at {}", time(*not_after)),
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => format!("it is not valid before {}", time(*not_before)),
        CertificateError::Revoked => "it is revoked".to_owned(),
        CertificateError::UnhandledCriticalExtension => "it has a critical extension that is not known".to_owned(),
        CertificateError::NotValidForName => "it is for another host name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") };
            // The library shows what kind a name is: `DnsName("puppet")`.
            let names = names.replace("DnsName(", "").replace("IpAddress(", "").replace([')', '"'], "");
            format!("it is not for the name {}; it is for {names}", expected.to_str())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its extKeyUsage is not for servers".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature algorithm is not accepted; RSA or ECDSA with SHA-256, SHA-384 or SHA-512, or Ed25519 is needed".to_owned()
        }
        _ => "it cannot be read".to_owned(),
    }
}

/// The meaning of an alert (RFC 8446 section 6.2).
fn of_alert(alert: AlertDescription) -> String {
    let words = match alert {
        AlertDescription::BadCertificate => "our certificate is damaged, or its signature wrong",
        AlertDescription::UnsupportedCertificate => "our certificate is of a type that it does not accept",
        AlertDescription::CertificateRevoked => "our certificate is revoked",
        AlertDescription::CertificateExpired => "our certificate has expired",
        AlertDescription::CertificateUnknown => "our certificate is not acceptable",
        AlertDescription::UnknownCA => "it does not know the CA of our certificate",
        AlertDescription::AccessDenied => "access is denied",
        AlertDescription::DecryptError => "a signature of ours does not fit our certificate",
        AlertDescription::ProtocolVersion => "it speaks other versions of TLS",
        AlertDescription::InsufficientSecurity => "it wants stronger ciphers",
        AlertDescription::HandshakeFailure => "the two sides have no cipher in common",
        AlertDescription::InternalError => "it has an internal error",
        AlertDescription::UnrecognisedName => "it does not serve this host name",
        AlertDescription::CertificateRequired => "it demands a client certificate, and we have shown none",
        other => return format!("TLS alert {}", u8::from(other)),
    };
    words.to_owned()
}

fn time(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp(seconds, 0).map_or_else(|| "a time out of range".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_readable_message() {
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let certificate = Error::InvalidCertificate;
        let cases = [
            (certificate(CertificateError::UnknownIssuer), "no certificate of the CA bundle issued it"),
            (
                certificate(CertificateError::ExpiredContext { time: at(9), not_after: at(1_700_000_000) }),
                "it expired at 2023-11-14 22:13:20 UTC",
            ),
            (
                certificate(CertificateError::NotValidForNameContext {
                    expected: "ca.example.net".try_into().unwrap(),
                    presented: vec!["DnsName(\"puppet\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()],
                }),
                "it is not for the name ca.example.net; it is for puppet, 10.0.0.1",
            ),
            (Error::AlertReceived(AlertDescription::UnknownCA), "it does not know the CA of our certificate"),
            (Error::AlertReceived(AlertDescription::Unknown(200)), "TLS alert 200"),
            (Error::PeerSentOversizedRecord, "the CA does not keep to the protocol"),
            (Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), "the answer is not TLS"),
        ];
        for (error, expected) in cases {
            let words = message(&error);
            assert!(words.contains(expected), "{words}");
            // No names of variants, such as UnknownIssuer.
            assert!(
                !words.split(|c: char| !c.is_alphanumeric()).any(|word| {
                    word.len() > 1
                        && word.starts_with(char::is_uppercase)
                        && word.chars().skip(1).any(char::is_uppercase)
                        && word.chars().any(char::is_lowercase)
                }),
                "{words}"
            );
        }
    }
}
