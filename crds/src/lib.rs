//! API types of `openvox.voxpupuli.org/v1alpha1`, their vocabulary, and the generated CRDs.
//!
//! One module per kind holds its spec, status and phase; parts that several kinds share have
//! their own modules. [`definition`] turns the types into the CRD manifests that are installed.

#![expect(clippy::duplicated_attributes, reason = "two print columns of one type are no duplicates; the lint compares the inner pairs")]
#![expect(clippy::doc_markdown, reason = "the docs of fields are what `kubectl explain` prints, as plain text")]

pub mod auth;
pub mod certificate;
pub mod certificate_authority;
pub mod code;
pub mod config;
pub mod database;
mod defaults;
pub mod definition;
pub mod disruption;
pub mod image;
mod kinds;
pub mod network_policy;
pub mod node_classifier;
mod phase;
pub mod pool;
pub mod puppet;
pub mod puppet_setting;
pub mod puppet_ttl;
mod reference;
pub mod report_processor;
pub mod selector;
pub mod server;
pub mod signing_policy;
pub mod storage;
pub mod vocabulary;

pub use auth::{Auth, BasicAuth, BasicAuthSecretRef, TokenAuth};
pub use certificate::{
    Certificate, CertificatePhase, CertificateSpec, CertificateStatus, CsrExtensions, KeyAlgorithm, KeyRotation, PrivateKeySpec,
};
pub use certificate_authority::{
    CertificateAuthority, CertificateAuthorityPhase, CertificateAuthoritySpec, CertificateAuthorityStatus, CrlStatus, DeletionPolicy,
    ExternalCaSpec, IntermediateCaSpec,
};
pub use code::CodeSpec;
pub use config::{Config, ConfigPhase, ConfigSpec, ConfigStatus, GraphiteSpec, JmxSpec, LogLevel, LoggingSpec, MetricsSpec, PuppetDbSpec};
pub use database::{Database, DatabasePhase, DatabaseServiceSpec, DatabaseSpec, DatabaseStatus, PostgresSpec, SslMode};
pub use disruption::PdbSpec;
pub use image::{ImageSpec, PullSecret};
pub use kinds::ApiKind;
pub use network_policy::NetworkPolicySpec;
pub use node_classifier::{
    ClassifierMethod, ClassifierRequest, ClassifierResponse, NodeClassifier, NodeClassifierCache, NodeClassifierPhase, NodeClassifierSpec,
    NodeClassifierStatus, RequestBody, ResponseFormat,
};
pub use openvox_engine::Document;
pub use openvox_engine::lifecycle::{self, HistoryEntry, Lifecycle, Lifecycled, MachineStatus, UnknownPhase};
pub use pool::{GatewayRef, Pool, PoolPhase, PoolRouteSpec, PoolServiceSpec, PoolSpec, PoolStatus};
pub use puppet::{
    AuthorizationRule, ClientAuth, CompileMode, ExtraConfig, HttpClientSpec, MatchRequest, MatchType, PuppetServerSpec, PuppetSpec,
};
pub use reference::{Reference, References, references_of};
pub use report_processor::{
    HeaderSource, Processor, ReportHeader, ReportProcessor, ReportProcessorPhase, ReportProcessorSpec, ReportProcessorStatus,
};
pub use selector::{ConfigMapKeyRef, SecretKeyRef, SecretKeySelector};
pub use server::{AutoscalingSpec, Server, ServerPhase, ServerSpec, ServerStatus};
pub use signing_policy::{
    AddressList, CsrAttribute, ExtensionList, GlobList, SigningPolicy, SigningPolicyPhase, SigningPolicySpec, SigningPolicyStatus,
};
pub use storage::{AccessMode, StorageSpec};
