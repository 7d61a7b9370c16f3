//! Security settings of pods, within the restricted Pod Security Standard.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// User of all containers; group 0 comes with it, to which images give their files.
const USER: i64 = 1001;

/// Settings of a pod. `volume_group` gives group 0 of new volumes to the pod: a volume may come owned by root and closed
/// to others.
pub fn pod(volume_group: bool) -> PodSecurityContext {
    PodSecurityContext {
        run_as_user: Some(USER),
        run_as_group: Some(0),
        run_as_non_root: Some(true),
        fs_group: volume_group.then_some(0),
        // A CA with many certificates has as many files; they are walked only when the top does not fit yet.
        fs_group_change_policy: volume_group.then(|| "OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

/// Settings of a container.
pub fn container(read_only_root: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        read_only_root_filesystem: Some(read_only_root),
        ..SecurityContext::default()
    }
}
