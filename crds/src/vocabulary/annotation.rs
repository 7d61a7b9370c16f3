//! Annotations of the objects that the operator makes.

/// On pod templates: SHA-256 over the ConfigMap that the pods mount, hexadecimal.
pub const CONFIG_HASH: &str = "openvox.voxpupuli.org/config-hash";

/// On pod templates: SHA-256 over the Secret with the pods' certificate and key.
pub const SSL_SECRET_HASH: &str = "openvox.voxpupuli.org/ssl-secret-hash";

/// On pod templates: SHA-256 over the Secret with the CA certificate.
pub const CA_SECRET_HASH: &str = "openvox.voxpupuli.org/ca-secret-hash";

/// On Server pod templates: SHA-256 over the report endpoints' settings.
pub const REPORT_WEBHOOK_SECRET_HASH: &str = "openvox.voxpupuli.org/report-webhook-secret-hash";

/// On Server pod templates: reference of the code image.
pub const CODE_IMAGE: &str = "openvox.voxpupuli.org/code-image";

/// On Database pod templates: SHA-256 over the Secret with the rendered database settings.
pub const DB_SECRET_HASH: &str = "openvox.voxpupuli.org/db-secret-hash";

/// On Database pod templates: SHA-256 over the PostgreSQL credentials.
pub const PG_CREDENTIALS_HASH: &str = "openvox.voxpupuli.org/pg-credentials-hash";

/// On a Certificate: any new value asks for a renewal with the key kept; `status.lastHandledRenewAt` answers with it.
pub const RENEW: &str = "openvox.voxpupuli.org/renew";

/// On a Certificate: any new value asks for a certificate with a new key; `status.lastHandledRekeyAt` answers with it.
pub const REKEY: &str = "openvox.voxpupuli.org/rekey";

/// On any object of ours: `true`, or the time (RFC 3339) until which nothing is done about it; the condition `Paused`
/// answers.
pub const PAUSE: &str = "openvox.voxpupuli.org/pause";

/// On any object of ours: why it is paused, for people; shown in the condition `Paused`.
pub const PAUSE_REASON: &str = "openvox.voxpupuli.org/pause-reason";

/// On any object of ours: any new value asks for a reconcile now; `status.lastHandledReconcileAt` answers with it.
pub const REQUESTED_AT: &str = "openvox.voxpupuli.org/requestedAt";

/// On a PersistentVolumeClaim that a user brings: name of the CertificateAuthority that may use it as its volume. Without
/// it a claim that the operator did not make is not touched.
pub const IMPORT: &str = "openvox.voxpupuli.org/import";

/// On the PersistentVolumeClaim of a CA that the operator has made: name of the CertificateAuthority. Only such a claim
/// may be deleted with its authority.
pub const CREATED_FOR: &str = "openvox.voxpupuli.org/created-for";

/// On the Secret with a certificate and its key: digest of the request that the certificate answers.
pub const REQUEST_DIGEST: &str = "openvox.voxpupuli.org/request-digest";

/// On the Secret with a pending key: how often the CA was asked for the certificate, decimal.
pub const CSR_POLL_ATTEMPTS: &str = "openvox.voxpupuli.org/csr-poll-attempts";

/// On a Certificate: when it was last renewed, RFC 3339 in UTC.
pub const LAST_RENEWAL_TIME: &str = "openvox.voxpupuli.org/last-renewal-time";

/// On a Certificate: which warnings of its end were given, a comma list of `30d`, `7d`, `1d`.
pub const EXPIRY_WARNED: &str = "openvox.voxpupuli.org/expiry-warned";

/// On a Certificate under deletion: how often the CA was asked to clean it, decimal.
pub const CLEANUP_ATTEMPTS: &str = "openvox.voxpupuli.org/cleanup-attempts";

/// On every object that the operator makes: digest of the desired object that it was last written from. It finds what a
/// comparison of fields cannot: a field that is no longer desired.
pub const DESIRED_DIGEST: &str = "openvox.voxpupuli.org/plan";
