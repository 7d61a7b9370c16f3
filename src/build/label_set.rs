//! Sets of labels.

use openvox_crds::ServerSpec;
use openvox_crds::vocabulary::label;
use std::collections::BTreeMap;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// What every object carries that the operator manages.
fn managed(pairs: &[(&str, &str)]) -> Labels {
    [(label::NAME, label::NAME_VALUE), (label::MANAGED_BY, label::MANAGED_BY_VALUE)]
        .iter()
        .chain(pairs)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Labels of the objects of a Config.
#[must_use]
pub fn config(config: &str) -> Labels {
    managed(&[(label::CONFIG, config)])
}

/// Labels of the objects of a `CertificateAuthority`.
#[must_use]
pub fn authority(authority: &str) -> Labels {
    managed(&[(label::CERTIFICATE_AUTHORITY, authority)])
}

/// Labels of the Secret of a Certificate.
#[must_use]
pub fn certificate(authority: &str, certificate: &str) -> Labels {
    managed(&[(label::CERTIFICATE_AUTHORITY, authority), (label::CERTIFICATE, certificate)])
}

/// Labels of a Server's Deployment and pods. `authority` is the CA of the Server's Certificate: pods that run it say so,
/// and its Service selects them by it.
#[must_use]
pub fn server(name: &str, spec: &ServerSpec, authority: &str) -> Labels {
    let role = if spec.ca && !spec.server { label::ROLE_CA } else { label::ROLE_SERVER };
    let mut labels = managed(&[(label::CONFIG, &spec.config_ref), (label::SERVER, name), (label::ROLE, role)]);
    if spec.ca {
        labels.extend(authority_server(authority));
    }
    labels.extend(spec.pool_refs.iter().map(|pool| (label::pool(pool), label::TRUE.to_owned())));
    labels
}

/// Labels by which the pods of a Server are selected.
#[must_use]
pub fn server_selector(name: &str) -> Labels {
    Labels::from([(label::SERVER.to_owned(), name.to_owned())])
}

/// A set of labels as the text of a label selector: `a=1,b=2`.
#[must_use]
pub fn selector_text(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Labels of a Server's other objects.
#[must_use]
pub fn server_companion(name: &str) -> Labels {
    Labels::from([(label::MANAGED_BY.to_owned(), label::MANAGED_BY_VALUE.to_owned()), (label::SERVER.to_owned(), name.to_owned())])
}

/// Labels by which the pods that run a CA are selected.
#[must_use]
pub fn authority_server(authority: &str) -> Labels {
    Labels::from([(label::CA.to_owned(), label::TRUE.to_owned()), (label::CERTIFICATE_AUTHORITY.to_owned(), authority.to_owned())])
}

/// Labels of a Pool's Service.
#[must_use]
pub fn pool(name: &str) -> Labels {
    managed(&[(&label::pool(name), label::TRUE)])
}

/// Labels by which the pods of a Pool are selected.
#[must_use]
pub fn pool_selector(name: &str) -> Labels {
    Labels::from([(label::pool(name), label::TRUE.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_ca_only_where_no_catalogs_are_compiled() {
        for (ca, server, role) in [(true, false, "ca"), (true, true, "server"), (false, true, "server")] {
            let spec = ServerSpec { ca, server, ..ServerSpec::default() };
            assert_eq!(super::server("s", &spec, "corp")[label::ROLE], role, "ca {ca}, server {server}");
        }
    }

    #[test]
    fn pods_of_a_ca_name_it_so_that_another_ca_does_not_answer_for_it() {
        let ca = server("s", &ServerSpec { ca: true, ..ServerSpec::default() }, "corp");
        let selected = |by: &Labels| by.iter().all(|(key, value)| ca.get(key) == Some(value));
        assert!(selected(&authority_server("corp")));
        assert!(!selected(&authority_server("other")));
        let compiler = server("s", &ServerSpec::default(), "corp");
        assert!(!compiler.contains_key(label::CA) && !compiler.contains_key(label::CERTIFICATE_AUTHORITY));
    }

    #[test]
    fn a_server_carries_one_label_per_pool() {
        let spec = ServerSpec { pool_refs: vec!["a".into(), "b".into()], ..ServerSpec::default() };
        let labels = server("s", &spec, "corp");
        for pool in ["a", "b"] {
            assert!(pool_selector(pool).iter().all(|(key, value)| labels.get(key) == Some(value)));
        }
    }
}
