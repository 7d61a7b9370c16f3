//! The hosts at which CAs outside the cluster may be.

use openvox_crds::CertificateAuthority;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use reqwest::Url;
use std::fmt;
use std::str::FromStr;

/// What `--external-ca-hosts` allows: any host, or those of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalHosts(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Any,
    Host(String),
    /// With its leading dot.
    Below(String),
}

/// A pattern that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: write a name, *.domain, an IP address ([…] around IPv6), or * for any, separated by commas")]
pub struct HostPatternError(String);

impl Default for ExternalHosts {
    fn default() -> Self {
        Self(vec![Pattern::Any])
    }
}

impl FromStr for ExternalHosts {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        patterns.map(pattern).collect::<Result<_, _>>().map(Self)
    }
}

fn pattern(text: &str) -> Result<Pattern, HostPatternError> {
    if text == "*" {
        return Ok(Pattern::Any);
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    // As the address of a CA is read, so that both have one spelling.
    let host = Url::parse(&format!("https://{name}/")).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        // The port 443 is left out of what was read.
        plain && !name.rsplit(']').next().unwrap_or_default().contains(':') && url.path() == "/"
    });
    match host.as_ref().and_then(Url::host_str).filter(|host| !host.contains('*')) {
        Some(host) if text.starts_with("*.") => Ok(Pattern::Below(format!(".{host}"))),
        Some(host) => Ok(Pattern::Host(host.to_owned())),
        _ => Err(HostPatternError(text.to_owned())),
    }
}

impl fmt::Display for ExternalHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.0.iter().map(|pattern| match pattern {
            Pattern::Any => "*".to_owned(),
            Pattern::Host(host) => host.clone(),
            Pattern::Below(domain) => format!("*{domain}"),
        });
        f.write_str(&patterns.collect::<Vec<_>>().join(","))
    }
}

impl ExternalHosts {
    /// What is wrong with the address of a CA outside the cluster, if its host is not one of these.
    #[must_use]
    pub fn refuse(&self, authority: &CertificateAuthority) -> Option<Blocked> {
        let url = Url::parse(&authority.spec.external.as_ref()?.url).ok()?;
        let host = url.host_str().unwrap_or_default();
        (!self.allow(host)).then(|| {
            let allowed = if self.0.is_empty() { "none".to_owned() } else { self.to_string() };
            Blocked::invalid(
                reason::INVALID_SPEC,
                format!("spec.external.url: {host:?} is not among the hosts that this operator connects to ({allowed})"),
            )
            .remedy("use one of them, or have the operator's flag --external-ca-hosts (chart: externalCAHosts) name this one")
        })
    }

    fn allow(&self, host: &str) -> bool {
        // A name with a dot at its end is the same name.
        let host = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Host(name) => name.strip_suffix('.').unwrap_or(name) == host,
            Pattern::Below(domain) => host.ends_with(domain.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(hosts: &str, url: &str) -> Option<String> {
        let spec = json!({"metadata": {"name": "corp"}, "spec": {"external": {"url": url}}});
        let authority: CertificateAuthority = serde_json::from_value(spec).unwrap();
        hosts.parse::<ExternalHosts>().unwrap().refuse(&authority).map(|blocked| blocked.message)
    }

    #[test]
    fn hosts_are_compared_as_addresses_spell_them() {
        let hosts = "puppet.example.com, *.ca.example.com, 10.0.0.7, [2001:db8::1]";
        for url in [
            "https://puppet.example.com:8140",
            "https://PUPPET.Example.com./prefix",
            "https://a.b.ca.example.com",
            "https://10.0.0.7",
            "https://0x0a000007:8140",
            "https://[2001:DB8:0::1]:8140",
        ] {
            assert_eq!(refused(hosts, url), None, "{url}");
        }
        for url in [
            "https://kubernetes.default.svc",
            "https://puppet.example.com.evil.test",
            "https://xca.example.com",
            "https://ca.example.com",
            "https://puppet.example.com@10.0.0.8",
            "https://169.254.169.254/latest",
        ] {
            let message = refused(hosts, url).unwrap_or_else(|| panic!("{url}"));
            for words in ["spec.external.url", "*.ca.example.com", "--external-ca-hosts"] {
                assert!(message.contains(words), "{message}");
            }
        }
    }

    #[test]
    fn any_host_is_the_default_and_no_pattern_means_none() {
        assert_eq!(ExternalHosts::default(), "*".parse().unwrap());
        assert_eq!(refused("*", "https://anywhere"), None);
        assert!(refused("", "https://anywhere").unwrap().contains("(none)"));
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_forms_that_are() {
        for text in ["https://a", "a:8140", "a:443", "a/b", "u@a", "a*b", "*.*", "**"] {
            assert!(text.parse::<ExternalHosts>().unwrap_err().to_string().contains("*.domain"), "{text}");
        }
    }
}
