//! Reasons of conditions that users' scripts and alerts may wait for.
//!
//! Further reasons belong to the gates of the state machines that give them.

/// `CAReady` is True: the CA of this namespace is set up.
pub const CA_INITIALIZED: &str = "CAInitialized";

/// `CAReady` is True: the CA runs elsewhere.
pub const EXTERNAL_CA: &str = "ExternalCA";

/// `OperatorSigningReady` is True: the operator's certificate is signed.
pub const OPERATOR_SIGNING_READY: &str = "OperatorSigningReady";

/// `CertSigned` is True: signed for the first time.
pub const CERTIFICATE_SIGNED: &str = "CertificateSigned";

/// `CertSigned` is True: renewed.
pub const CERTIFICATE_RENEWED: &str = "CertificateRenewed";

/// `CertSigned` is False: a call to the CA failed.
pub const SIGNING_FAILED: &str = "SigningFailed";

/// `CertSigned` is False: the request waits for somebody to sign it.
pub const WAITING_FOR_MANUAL_SIGNING: &str = "WaitingForManualSigning";

/// `CertSigned` is False: the renewal failed.
pub const RENEWAL_FAILED: &str = "RenewalFailed";

/// `ConfigReady` is True: everything a Config owns is written.
pub const CONFIG_MAPS_CREATED: &str = "ConfigMapsCreated";

/// `Ready` of a SigningPolicy is True: the policy is rendered for the CA.
pub const POLICY_RENDERED: &str = "PolicyRendered";

/// `Ready` of a NodeClassifier or ReportProcessor is True: it is rendered for the Servers.
pub const CONFIG_RENDERED: &str = "ConfigRendered";

/// `Ready` of a SigningPolicy, NodeClassifier or ReportProcessor is False: it cannot be rendered.
pub const ERROR: &str = "Error";
