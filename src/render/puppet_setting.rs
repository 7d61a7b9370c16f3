//! Settings of `puppet.conf` that a Config may give, and those it may not.

use super::error::RenderError;
use super::inputs::RenderInputs;
use openvox_puppet::duration;
use openvox_puppet::setting::{RELIED_ON, instead};

/// Settings by which a node classifier is asked. They are free where no `NodeClassifier` is used.
const CLASSIFIER: [&str; 2] = ["node_terminus", "external_nodes"];

/// Checks a setting of the sections main and server.
///
/// # Errors
/// When the operator relies on another value of it, or the value is a time that Puppet Server does not take.
pub fn check(field: &str, name: &str, value: &str, inputs: &RenderInputs) -> Result<(), RenderError> {
    let value = value.trim();
    if RELIED_ON.iter().any(|(relied_on, own)| *relied_on == name && *own != Some(value)) {
        return Err(RenderError::new(field, value, format!("cannot be the value of {name}, on which the operator relies"), instead(name)));
    }
    if inputs.node_classifier && CLASSIFIER.contains(&name) {
        let rule = format!("cannot be the value of {name}, because spec.nodeClassifierRef names a NodeClassifier");
        return Err(RenderError::new(field, value, rule, "remove one of the two"));
    }
    let wrong = match name {
        "ca_ttl" => duration::lifetime_seconds(value).err().map(|error| error.rule_and_remedy()),
        "environment_timeout" => {
            (!is_timeout(value)).then(|| ("is not a timeout".to_owned(), "write 0, unlimited, or a whole number with one of s, m, h, d, y"))
        }
        _ => None,
    };
    wrong.map_or(Ok(()), |(rule, remedy)| Err(RenderError::new(field, value, rule, remedy)))
}

/// Puppet takes the whole rest of a line for the value, so a comment behind it makes it unreadable.
fn is_timeout(value: &str) -> bool {
    let digits = value.strip_suffix(['s', 'm', 'h', 'd', 'y']).unwrap_or(value);
    value.is_empty() || value == "unlimited" || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> String {
        check("spec.f", name, value, &RenderInputs::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_the_operator_relies_on_is_refused_by_name_with_what_to_do_instead() {
        for (name, value, remedy) in [
            ("certname", "puppet.example.net", "name the certificate in spec.certname"),
            ("ssldir", "$vardir/ssl", "remove it"),
            ("cadir", "/etc/puppetlabs/puppet/ssl/ca", "remove it"),
            ("autosign", "true", "write a SigningPolicy"),
            ("environmentpath", "/code", "set spec.puppet.environmentPath"),
            ("hostcert", "/x.pem", "remove it"),
        ] {
            let refused = refused(name, value);
            assert!(refused.contains(name) && refused.contains(value) && refused.contains(remedy), "{refused}");
        }
    }

    #[test]
    fn the_value_that_stands_there_anyway_and_all_other_settings_are_free() {
        for (name, value) in RELIED_ON.iter().filter_map(|(name, value)| Some((*name, (*value)?))) {
            check("spec.f", name, value, &RenderInputs::default()).unwrap();
        }
        for (name, value) in [("strict", ":error"), ("logdir", "/logs"), ("dns_alt_names", "a,b"), ("node_terminus", "exec")] {
            check("spec.f", name, value, &RenderInputs::default()).unwrap();
        }
    }

    #[test]
    fn a_node_classifier_is_not_switched_off_behind_its_back() {
        let inputs = RenderInputs { node_classifier: true, ..RenderInputs::default() };
        let refused = check("spec.f", "node_terminus", "plain", &inputs).unwrap_err().to_string();
        assert!(refused.contains("nodeClassifierRef"), "{refused}");
    }

    #[test]
    fn times_are_those_that_puppet_server_takes() {
        for good in ["0", "5m", "unlimited", "", "1y"] {
            check("spec.f", "environment_timeout", good, &RenderInputs::default()).unwrap();
        }
        for bad in ["unlimited # for prod", "-1", "5 m", "m", "1h30m"] {
            assert!(refused("environment_timeout", bad).contains("write 0, unlimited"), "{bad}");
        }
        check("spec.f", "ca_ttl", "5y", &RenderInputs::default()).unwrap();
        assert!(refused("ca_ttl", "100y").contains("out of range"));
    }
}
