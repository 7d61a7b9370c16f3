//! Every reason that stands in a condition or an event, in one place.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:expr;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $value;)+
        /// All reasons with their meanings, for the documentation.
        pub const ALL: &[(&str, &str)] = &[$(($value, concat!($($doc),+))),+];
    };
}

reasons! {
    /// A value in the spec cannot be used; the message names field, value, rule and remedy.
    INVALID_SPEC = "InvalidSpec";
    /// Another Certificate uses the same certname at the same authority.
    CERTNAME_TAKEN = "CertnameTaken";
    /// The CA holds a request or certificate of this certname for another key.
    CERTNAME_CONFLICT = "CertnameConflict";
    /// `authorityRef` names a CertificateAuthority that does not exist.
    AUTHORITY_NOT_FOUND = "AuthorityNotFound";
    /// The CertificateAuthority is not usable yet.
    AUTHORITY_NOT_USABLE = "AuthorityNotUsable";
    /// No CA server of the CertificateAuthority is ready.
    AUTHORITY_NOT_ANSWERING = "AuthorityNotAnswering";
    /// The set-up of the authority issues this certificate.
    ISSUED_BY_SETUP = "IssuedBySetup";
    /// The private key is being made.
    GENERATING_KEY = "GeneratingKey";
    /// The certificate is being requested.
    REQUESTING = "Requesting";
    /// The CSR waits for somebody to sign it.
    WAITING_FOR_SIGNING = "WaitingForManualSigning";
    /// The CA refused the request.
    REQUEST_REFUSED = "RequestRefused";
    /// The TLS Secret holds something that is no pair for this Certificate.
    SECRET_UNUSABLE = "SecretUnusable";
    /// The certificate is signed and stored.
    CERTIFICATE_SIGNED = "CertificateSigned";
    /// The renewal is due and cannot be made now.
    EXPIRING = "CertificateExpiring";
    /// The renewal is under way.
    RENEWING = "CertificateRenewing";
    /// The CA does not renew this certificate.
    RENEWAL_REFUSED = "RenewalRefused";
    /// A certificate for a new key is being requested; the old pair stays in use until it is stored.
    REKEYING = "CertificateRekeying";
    /// A new key was asked for by annotation.
    REKEY_REQUESTED = "RekeyRequested";
    /// Every renewal makes a new key.
    KEY_ROTATION = "KeyRotation";
    /// The spec asks for another certificate than the one in use.
    SPEC_CHANGED = "SpecChanged";
    /// The authority has not signed the certificate in use.
    NOT_TRUSTED = "CertificateNotTrusted";
    /// The CA has revoked the certificate in use.
    REVOKED = "CertificateRevoked";
    /// The certificate is past its end.
    EXPIRED = "CertificateExpired";
    /// A failure that may pass; tried again at `status.machine.nextAttempt`.
    RETRYING = "Retrying";
    /// The object is being deleted.
    TERMINATING = "Terminating";
    /// No Config names this authority or classifier yet.
    WAITING_FOR_CONFIG = "WaitingForConfig";
    /// The objects that the set-up needs are being made.
    PROVISIONING = "Provisioning";
    /// No Server with `ca: true` names a Certificate of this authority yet.
    WAITING_FOR_SERVER = "WaitingForServer";
    /// The set-up Job runs.
    SETUP_RUNNING = "SetupRunning";
    /// The set-up Job failed.
    SETUP_FAILED = "SetupFailed";
    /// The authority has its keys, certificates and revocation lists.
    CA_INITIALIZED = "CAInitialized";
    /// The authority is outside the cluster and answers.
    EXTERNAL_CA = "ExternalCA";
    /// The external authority is being asked for the first time.
    PROBING = "Probing";
    /// The external authority does not answer.
    EXTERNAL_UNREACHABLE = "ExternalCAUnreachable";
    /// The operator's own certificate for signing is there.
    OPERATOR_SIGNING_READY = "OperatorSigningReady";
    /// The CA certificate runs out within its warning time.
    CA_EXPIRING = "CAExpiring";
    /// The CA certificate has run out.
    CA_EXPIRED = "CAExpired";
    /// The CA could not be asked for its revocation list, or showed one that was refused; the stored one stays.
    CRL_NOT_REFRESHED = "CRLNotRefreshed";
    /// The CA showed a revocation list that must not take the place of the stored one.
    CRL_REFUSED = "CRLRefused";
    /// Who answers at the address of an external authority is not verified.
    TLS_NOT_VERIFIED = "TLSNotVerified";
    /// Signatures of short RSA keys of an external authority are accepted.
    SHORT_KEYS_ALLOWED = "ShortKeysAllowed";
    /// The volume cannot be as the spec wants it.
    STORAGE_NOT_CHANGED = "StorageNotChanged";
    /// The certificate revocation list is older than its own next update.
    CRL_STALE = "CRLStale";
    /// The rules of a policy cannot be read.
    INVALID_POLICY = "InvalidPolicy";
    /// A Secret or a key that the spec names does not exist.
    SECRET_NOT_FOUND = "SecretNotFound";
    /// The policy is in the file that the CA reads.
    POLICY_RENDERED = "PolicyRendered";
    /// `configRef` names a Config that does not exist.
    CONFIG_NOT_FOUND = "ConfigNotFound";
    /// The Config has not written its files yet.
    CONFIG_NOT_READY = "ConfigNotReady";
    /// `databaseRef` names a Database that does not exist.
    DATABASE_NOT_FOUND = "DatabaseNotFound";
    /// `nodeClassifierRef` names a NodeClassifier that does not exist.
    NODE_CLASSIFIER_NOT_FOUND = "NodeClassifierNotFound";
    /// A Secret that a NodeClassifier or ReportProcessor fills is not there.
    PENDING_SECRET = "SecretNotRendered";
    /// A Config refers to the NodeClassifier, the spec is valid, and its Secrets exist.
    CLASSIFIER_RENDERED = "ClassifierRendered";
    /// The files are written.
    CONFIG_MAPS_CREATED = "ConfigMapsCreated";
    /// The files cannot be rendered from the spec.
    RENDER_FAILED = "RenderFailed";
    /// `certificateRef` names a Certificate that does not exist.
    CERTIFICATE_NOT_FOUND = "CertificateNotFound";
    /// The Certificate is not issued yet.
    WAITING_FOR_CERTIFICATE = "WaitingForCertificate";
    /// An entry of `poolRefs` names a Pool that does not exist.
    POOL_NOT_FOUND = "PoolNotFound";
    /// Another Server, or a pod of one, runs the CertificateAuthority; a CA has one server at a time.
    CA_SERVED_BY_ANOTHER = "CAServedByAnother";
    /// The Deployment is being written.
    DEPLOYING = "Deploying";
    /// At least one pod is ready, and a rollout goes on.
    PROGRESSING = "Progressing";
    /// All pods are ready and up to date.
    AVAILABLE = "Available";
    /// Fewer pods are ready than wanted, and no rollout explains it.
    DEGRADED = "Degraded";
    /// No pod became ready in time.
    UNAVAILABLE = "Unavailable";
    /// A container of a pod ends badly again and again.
    CONTAINER_CRASHING = "ContainerCrashing";
    /// The image of a container cannot be pulled.
    IMAGE_NOT_PULLED = "ImageNotPulled";
    /// No node takes a pod.
    POD_NOT_SCHEDULED = "PodNotScheduled";
    /// A pod cannot be made, or does not get its volumes, its network or its containers.
    POD_NOT_STARTED = "PodNotStarted";
    /// The API server refused an object that the resource needs.
    APPLY_FAILED = "ApplyFailed";
    /// An object of the name that is needed belongs to somebody else.
    NOT_OURS = "NameTaken";
    /// An object of the deleted resource of the same name is still there; the garbage collector removes it.
    WAITING_FOR_REMOVAL = "WaitingForRemoval";
    /// The Service is as it should be.
    SERVICE_SYNCED = "ServiceSynced";
    /// The annotation `openvox.voxpupuli.org/pause` holds: nothing is done about the object.
    PAUSED = crate::core::reason::PAUSED;
    /// The value of the annotation `openvox.voxpupuli.org/pause` cannot be read, so nothing is paused.
    INVALID_PAUSE = crate::core::reason::INVALID_PAUSE;
    /// The policy is valid and waits to be written into the file that the CA reads.
    RENDERING_POLICY = "RenderingPolicy";
    /// The replica count is 0, so no pod is wanted.
    SCALED_TO_ZERO = "ScaledToZero";
}
