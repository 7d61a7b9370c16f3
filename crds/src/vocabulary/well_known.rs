//! Labels, annotations and other names that Kubernetes gives
//! (<https://kubernetes.io/docs/reference/labels-annotations-taints/>).

/// Annotation: the manifest that `kubectl apply` was last given.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Label of an EndpointSlice: name of its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Label of the pods of a Job: name of the Job.
pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// Label of the pods of a Job: UID of the Job.
pub const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

/// Label of a Node: its host name. As a topology key it stands for one node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// API group of Roles and RoleBindings.
pub const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
