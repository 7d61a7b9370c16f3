//! What a Server must not get at by its spec alone: whoever may create Servers chooses what runs in their pods.

use crate::build::{image, name};
use kube::ResourceExt as _;
use openvox_crds::{CertificateAuthority, ConfigSpec, ServerSpec};
use openvox_machines::core::Blocked;
use openvox_machines::reason;

/// The first part of the spec that would give a pod a CA's keys, or the operator's own.
/// `code_is_of_ca` says that the claim of [`code_claim`] is the volume of a CA.
pub(super) fn refused(spec: &ServerSpec, config: &ConfigSpec, authority: &CertificateAuthority, code_is_of_ca: bool) -> Option<Blocked> {
    operators_pair(spec, &authority.name_any())
        .or_else(|| foreign_image(spec, config, authority))
        .or_else(|| ca_as_code(spec, config).filter(|_| code_is_of_ca))
}

/// The operator's own pair signs and revokes at the CA.
fn operators_pair(spec: &ServerSpec, authority: &str) -> Option<Blocked> {
    (spec.certificate_ref == name::operator_signing(authority)).then(|| {
        let message =
            format!("spec.certificateRef: {} is the operator's own Certificate, whose key signs and revokes", spec.certificate_ref);
        Blocked::invalid(reason::INVALID_SPEC, message).remedy("create a Certificate for this Server")
    })
}

/// What runs with the CA's volume can read the CA's key. Without a list in the authority, that is the image of the Config.
fn foreign_image(spec: &ServerSpec, config: &ConfigSpec, authority: &CertificateAuthority) -> Option<Blocked> {
    let reference = |server| {
        let image = image::server_image(&config.image, server);
        image::reference(&image.repository, &image.tag)
    };
    let (used, listed) = (reference(spec.image.as_ref()), &authority.spec.server_images);
    let allowed = if listed.is_empty() { used == reference(None) } else { listed.iter().any(|entry| names(entry, &used)) };
    (spec.ca && !allowed).then(|| {
        let (field, name) = (if spec.image.is_some() { "spec.image" } else { "spec.image of the Config" }, authority.name_any());
        let message =
            format!("{field}: {used} would get the key of CertificateAuthority {name}, which does not list it in spec.serverImages");
        Blocked::invalid(reason::INVALID_SPEC, message).remedy("list it there, or leave spec.image out")
    })
}

/// An entry of the list names an image: as a whole, or every tag and digest of it.
fn names(entry: &str, reference: &str) -> bool {
    match reference.strip_prefix(entry) {
        Some("") => true,
        Some(rest) => rest.starts_with([':', '@']) && !rest.contains('/'),
        None => false,
    }
}

/// The claim that is mounted as code, and the field that names it.
pub(super) fn code_claim<'a>(spec: &'a ServerSpec, config: Option<&'a ConfigSpec>) -> Option<(&'static str, &'a String)> {
    let (field, code) = match (&spec.code, config.and_then(|config| config.code.as_ref())) {
        (Some(code), _) => ("spec.code.claimName", code),
        (None, Some(code)) => ("spec.code.claimName of the Config", code),
        (None, None) => return None,
    };
    Some((field, code.claim_name.as_ref().filter(|claim| !claim.is_empty())?))
}

/// Code is mounted from any claim, but not from the volume of a CA.
fn ca_as_code(spec: &ServerSpec, config: &ConfigSpec) -> Option<Blocked> {
    let (field, claim) = code_claim(spec, Some(config))?;
    let message = format!("{field}: {claim} is the volume of a CA and holds its key");
    Some(Blocked::invalid(reason::INVALID_SPEC, message).remedy("name a claim that holds code"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::ImageSpec;
    use serde_json::json;

    fn authority(images: &[&str]) -> CertificateAuthority {
        serde_json::from_value(json!({"metadata": {"name": "corp"}, "spec": {"serverImages": images}})).unwrap()
    }

    fn config() -> ConfigSpec {
        ConfigSpec { image: image("example.test/server", "v1"), ..ConfigSpec::default() }
    }

    fn image(repository: &str, tag: &str) -> ImageSpec {
        ImageSpec { repository: repository.into(), tag: tag.into(), ..ImageSpec::default() }
    }

    fn server(own: Option<ImageSpec>, ca: bool) -> ServerSpec {
        ServerSpec { image: own, ca, ..ServerSpec::default() }
    }

    #[test]
    fn an_image_of_the_servers_own_gets_no_ca_unless_the_authority_lists_it() {
        let refused = |own: Option<ImageSpec>, ca: bool, listed: &[&str]| foreign_image(&server(own, ca), &config(), &authority(listed));
        let own = || Some(image("evil.test/server", "v1"));
        let message = refused(own(), true, &[]).unwrap().message;
        for words in ["spec.image: evil.test/server:v1", "CertificateAuthority corp", "spec.serverImages", "list it there"] {
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(refused(own(), false, &[]), None, "a compiler has no CA's volume");
        assert_eq!(refused(None, true, &[]), None);
        assert_eq!(refused(Some(image("example.test/server", "v1")), true, &[]), None, "the Config's in other words");
        for listed in ["evil.test/server", "evil.test/server:v1"] {
            assert_eq!(refused(own(), true, &[listed]), None, "{listed}");
        }
        // A list is the whole list.
        let message = refused(None, true, &["other.test/server"]).unwrap().message;
        assert!(message.contains("spec.image of the Config: example.test/server:v1"), "{message}");
    }

    #[test]
    fn an_entry_names_an_image_and_no_other_that_begins_like_it() {
        for reference in ["a.test/x", "a.test/x:v1", "a.test/x@sha256:0", "a.test/x:v1@sha256:0"] {
            assert!(names("a.test/x", reference), "{reference}");
        }
        for (entry, reference) in
            [("a.test/x", "a.test/xy:v1"), ("a.test", "a.test:5000/evil"), ("a.test/x:v1", "a.test/x:v12"), ("", "x:v1")]
        {
            assert!(!names(entry, reference), "{entry} {reference}");
        }
    }

    #[test]
    fn the_operators_own_pair_is_for_no_server() {
        let spec = ServerSpec { certificate_ref: "corp-operator-signing".into(), ..server(None, false) };
        assert!(operators_pair(&spec, "corp").unwrap().message.contains("spec.certificateRef: corp-operator-signing"));
        assert_eq!(operators_pair(&spec, "other"), None);
    }
}
