//! Where Puppet code comes from.

use crate::{defaults, image::pull_policy_rule};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Source of Puppet code: an existing volume claim or an OCI image, exactly one of them.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!(has(self.image) && self.image != '' && has(self.claimName) && self.claimName != '')"
    ).message(Message::Expression(
        "'code.image \"' + self.image + '\" and code.claimName \"' + self.claimName + '\" are both set: keep one and remove the other'".into()
    )),
    validation = Rule::new(
        "(has(self.image) && self.image != '') || (has(self.claimName) && self.claimName != '')"
    ).message(
        "code.image and code.claimName are both empty: set code.image to an OCI reference or code.claimName to an existing PersistentVolumeClaim, or remove the code block"
    ),
)]
pub struct CodeSpec {
    /// Existing PersistentVolumeClaim with Puppet code, mounted read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<String>,
    /// OCI reference whose content is mounted read-only as an image volume. Needs Kubernetes 1.35,
    /// or 1.31 with the feature gate ImageVolume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Pull policy of the image volume: Always, IfNotPresent or Never.
    #[serde(default = "defaults::pull_policy")]
    #[x_kube(validation = pull_policy_rule("imagePullPolicy"))]
    pub image_pull_policy: String,
    /// Secret with credentials for the registry, added to the pod's imagePullSecrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secret: Option<String>,
}

impl Default for CodeSpec {
    fn default() -> Self {
        Self { claim_name: None, image: None, image_pull_policy: defaults::pull_policy(), image_pull_secret: None }
    }
}
