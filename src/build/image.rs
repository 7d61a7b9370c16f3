//! Which image a container runs.

use k8s_openapi::api::core::v1::LocalObjectReference;
use openvox_crds::ImageSpec;

/// The operator's own image, which runs the set-up programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorImage {
    /// Reference of the image.
    pub reference: String,
    /// Pull policy; `None` leaves it to Kubernetes.
    pub pull_policy: Option<String>,
}

/// The reference of an image: `repository:tag`, or `repository@digest` where the tag is a digest. A tag with a digest
/// behind it (`8.7@sha256:…`) is kept as it is.
#[must_use]
pub fn reference(repository: &str, tag: &str) -> String {
    let tag = tag.trim();
    match tag.strip_prefix('@').unwrap_or(tag) {
        "" => repository.to_owned(),
        digest if digest.starts_with("sha256:") => format!("{repository}@{digest}"),
        tag => format!("{repository}:{tag}"),
    }
}

/// The image of a Server: the Config's, with what the Server says in place of it.
///
/// The API server fills a partial block with the defaults of the schema, so a field of the Server that equals the default
/// cannot be told from one that was left out; it counts as left out.
#[must_use]
pub fn server_image(config: &ImageSpec, server: Option<&ImageSpec>) -> ImageSpec {
    let Some(server) = server else {
        return config.clone();
    };
    let default = ImageSpec::default();
    let pick = |of: fn(&ImageSpec) -> &String| {
        let given = of(server);
        let chosen = if given.is_empty() || given == of(&default) { of(config) } else { given };
        if chosen.is_empty() { of(&default).clone() } else { chosen.clone() }
    };
    let mut pull_secrets = config.pull_secrets.clone();
    pull_secrets.extend(server.pull_secrets.clone());
    ImageSpec {
        repository: pick(|image| &image.repository),
        tag: pick(|image| &image.tag),
        pull_policy: pick(|image| &image.pull_policy),
        pull_secrets,
    }
}

/// References to Secrets with registry credentials: each name once, empty ones left out, `None` when there are none.
#[must_use]
pub fn pull_secrets<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Vec<LocalObjectReference>> {
    let mut references: Vec<LocalObjectReference> = Vec::new();
    for name in names {
        if !name.is_empty() && references.iter().all(|known| known.name != name) {
            references.push(LocalObjectReference { name: name.to_owned() });
        }
    }
    (!references.is_empty()).then_some(references)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(repository: &str, tag: &str) -> ImageSpec {
        ImageSpec { repository: repository.into(), tag: tag.into(), ..ImageSpec::default() }
    }

    #[test]
    fn a_digest_is_joined_with_an_at_sign() {
        for (tag, expected) in [
            ("8.7", "r/i:8.7"),
            ("sha256:ab", "r/i@sha256:ab"),
            ("@sha256:ab", "r/i@sha256:ab"),
            ("8.7@sha256:ab", "r/i:8.7@sha256:ab"),
            ("", "r/i"),
        ] {
            assert_eq!(reference("r/i", tag), expected, "{tag:?}");
        }
    }

    #[test]
    fn a_partial_image_of_a_server_is_completed_from_the_config() {
        let config = ImageSpec { pull_policy: "Always".into(), ..image("r/config", "1") };
        let only_tag = ImageSpec { tag: "2".into(), ..ImageSpec::default() };
        let chosen = server_image(&config, Some(&only_tag));
        assert_eq!((chosen.repository.as_str(), chosen.tag.as_str()), ("r/config", "2"));
        assert_eq!(chosen.pull_policy, "Always");
        let only_repository = image("r/server", "");
        let chosen = server_image(&config, Some(&only_repository));
        assert_eq!((chosen.repository.as_str(), chosen.tag.as_str()), ("r/server", "1"));
        assert_eq!(server_image(&config, None), config);
    }

    #[test]
    fn a_block_with_only_a_pull_policy_changes_only_that() {
        let config = image("r/config", "1");
        let chosen = server_image(&config, Some(&ImageSpec { pull_policy: "Never".into(), ..ImageSpec::default() }));
        assert_eq!(chosen, ImageSpec { pull_policy: "Never".into(), ..config });
    }

    #[test]
    fn each_pull_secret_is_named_once() {
        let names: Vec<String> = pull_secrets(["a", "", "b", "a"]).unwrap().into_iter().map(|reference| reference.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(pull_secrets([""]), None);
    }
}
