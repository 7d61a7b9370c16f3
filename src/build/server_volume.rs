//! Volumes of a Server pod and where they are mounted.

use super::deployment::ServerPod;
use super::name;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, ImageVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource, SecretVolumeSource,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use openvox_crds::CodeSpec;
use openvox_puppet::layout;

/// Bound of every volume that a pod fills itself. Puppet's caches, file bucket and stored reports grow without end; at
/// the bound the pod is replaced and starts empty, instead of filling the node's disk for everyone.
const EMPTY_DIR_LIMIT: &str = "1Gi";
/// Secrets are readable by group 0, which every container has, and by nobody else.
const SECRET_MODE: i32 = 0o640;

/// Where the init container finds the certificate and its key.
pub const INIT_CERT_DIR: &str = "/ssl-cert";
/// Where the init container finds the certificates of the CA.
pub const INIT_CA_DIR: &str = "/ssl-ca";
/// Where the init container writes certificate, key and CA.
pub const INIT_SSL_DIR: &str = "/ssl";
/// Where the init container writes the programs that run beside Puppet Server.
pub const INIT_PROGRAM_DIR: &str = "/programs";

/// Where the CRL comes from, in the init container and in the one that keeps it up to date.
pub const CRL_SOURCE_DIR: &str = "/ssl-ca-crl";
/// Where these two write the CRL.
pub const CRL_TARGET_DIR: &str = "/crl";

/// Volumes of a pod with the mounts of its containers.
#[derive(Debug, Default)]
pub struct Volumes {
    /// The volumes.
    pub sources: Vec<Volume>,
    /// Mounts of the main container.
    pub server: Vec<VolumeMount>,
    /// Mounts of the init container.
    pub init: Vec<VolumeMount>,
    /// Mounts of the container that keeps the CRL up to date; empty on a CA, which does so itself.
    pub crl_sync: Vec<VolumeMount>,
    /// Programs that the init container brings.
    pub programs: Vec<String>,
}

impl Volumes {
    /// All volumes of the pod. `code` is the code to mount, if any, and where.
    pub fn of(pod: &ServerPod<'_>, code: Option<(&CodeSpec, String)>) -> Self {
        let mut volumes = Self::default();
        volumes.add_writable();
        volumes.add_certificates(pod);
        volumes.add_files(pod);
        if pod.spec.ca {
            volumes.add_authority(pod);
        } else {
            volumes.add_crl(pod);
        }
        if let Some((code, path)) = code {
            volumes.add(code_volume(code), mount("code", &path).read_only());
        }
        if pod.spec.server {
            volumes.add_integrations(pod);
        }
        volumes
    }

    fn add_writable(&mut self) {
        for (name, path) in [
            ("ssl", layout::SSL_DIR),
            ("puppetserver-data", layout::SERVER_VAR_DIR),
            ("puppet-cache", layout::CACHE_DIR),
            ("puppet-run", layout::RUN_DIR),
            ("tmp", "/tmp"),
            ("var-log", layout::LOG_DIR),
        ] {
            self.add(empty_dir(name), mount(name, path));
        }
    }

    fn add_certificates(&mut self, pod: &ServerPod<'_>) {
        self.init.push(mount("ssl", INIT_SSL_DIR).0);
        for (name, secret_name, path) in [("ssl-cert", pod.tls_secret, INIT_CERT_DIR), ("ssl-ca", pod.ca_secret, INIT_CA_DIR)] {
            self.sources.push(secret(name, secret_name.to_owned(), false));
            self.init.push(mount(name, path).read_only().0);
        }
    }

    /// The files of the Config, each mounted over the one that the image ships.
    fn add_files(&mut self, pod: &ServerPod<'_>) {
        let server_conf = |file: &str| format!("{}/{file}", layout::SERVER_CONF_DIR);
        let puppet_conf = |file: &str| format!("{}/{file}", layout::CONF_DIR);
        let (webserver, services) =
            if pod.spec.ca { ("webserver-ca.conf", "ca-enabled.cfg") } else { ("webserver.conf", "ca-disabled.cfg") };
        for (volume, key, file, path) in [
            ("puppet-conf", "puppet.conf", "puppet.conf", puppet_conf("puppet.conf")),
            ("puppetdb-conf", "puppetdb.conf", "puppetdb.conf", puppet_conf("puppetdb.conf")),
            ("puppetserver-conf", "puppetserver.conf", "puppetserver.conf", server_conf("conf.d/puppetserver.conf")),
            ("webserver-conf", webserver, "webserver.conf", server_conf("conf.d/webserver.conf")),
            ("auth-conf", "auth.conf", "auth.conf", server_conf("conf.d/auth.conf")),
            ("ca-conf", "ca.conf", "ca.conf", server_conf("conf.d/ca.conf")),
            ("product-conf", "product.conf", "product.conf", server_conf("conf.d/product.conf")),
            ("metrics-conf", "metrics.conf", "metrics.conf", server_conf("conf.d/metrics.conf")),
            ("logback-xml", "logback.xml", "logback.xml", server_conf("logback.xml")),
            ("ca-cfg", services, "ca.cfg", server_conf("services.d/ca.cfg")),
        ] {
            let volume_of = Volume {
                name: volume.to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name: name::config_map(&pod.spec.config_ref),
                    items: Some(vec![KeyToPath { key: key.to_owned(), path: file.to_owned(), mode: None }]),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            };
            self.add(volume_of, mount(volume, &path).sub_path(file).read_only());
        }
    }

    fn add_authority(&mut self, pod: &ServerPod<'_>) {
        let data = Volume {
            name: "ca-data".to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: name::ca_data(pod.authority),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..Volume::default()
        };
        self.add(data, mount("ca-data", layout::CA_DIR));
        self.init.push(mount("ca-data", layout::CA_DIR).read_only().0);
        // With a link to the full CRL, which the CA shows to the operator.
        self.add(empty_dir("crl"), mount("crl", layout::CRL_DIR).read_only());
        self.init.push(mount("crl", CRL_TARGET_DIR).0);
        // A directory, so that a changed policy reaches the running pod.
        let policy = secret("autosign-policy", name::autosign_policy_secret(pod.authority), false);
        self.add(policy, mount("autosign-policy", layout::AUTOSIGN_DIR).read_only());
        self.add_program("openvox-autosign", layout::AUTOSIGN_PROGRAM);
    }

    /// A program that the init container brings from the operator's image.
    fn add_program(&mut self, name: &str, path: &str) {
        if self.programs.is_empty() {
            self.sources.push(empty_dir("programs"));
            self.init.push(mount("programs", INIT_PROGRAM_DIR).0);
        }
        self.programs.push(name.to_owned());
        self.server.push(mount("programs", path).sub_path(name).read_only().0);
    }

    /// The CRL of the Secret, and the directory it is copied to: Puppet Server does not see a Secret volume change.
    fn add_crl(&mut self, pod: &ServerPod<'_>) {
        self.sources.push(secret("ssl-ca-crl", name::ca_crl_secret(pod.authority), false));
        self.add(empty_dir("crl"), mount("crl", layout::CRL_DIR).read_only());
        self.crl_sync = vec![mount("ssl-ca-crl", CRL_SOURCE_DIR).read_only().0, mount("crl", CRL_TARGET_DIR).0];
        self.init.extend(self.crl_sync.clone());
    }

    fn add_integrations(&mut self, pod: &ServerPod<'_>) {
        if let Some(classifier) = &pod.node_classifier {
            // A directory, so that changed credentials reach the running pod.
            let settings = secret("enc-config", name::enc_secret(&pod.spec.config_ref), false);
            self.add(settings, mount("enc-config", layout::ENC_DIR).read_only());
            self.add_program("openvox-enc", layout::ENC_PROGRAM);
            self.add(empty_dir("enc-cache"), mount("enc-cache", &classifier.cache_directory));
        }
        if pod.report_webhook_secret_hash.is_some() {
            let file = "report-webhook.yaml";
            let path = format!("{}/{file}", layout::CONF_DIR);
            // Optional, so that a pod that restarts while the last ReportProcessor goes away still starts.
            let settings = secret("report-webhook-config", name::report_webhook_secret(&pod.spec.config_ref), true);
            self.add(settings, mount("report-webhook-config", &path).sub_path(file).read_only());
        }
    }

    fn add(&mut self, volume: Volume, mount: Mount) {
        self.sources.push(volume);
        self.server.push(mount.0);
    }
}

struct Mount(VolumeMount);

fn mount(volume: &str, path: &str) -> Mount {
    Mount(VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() })
}

impl Mount {
    fn read_only(mut self) -> Self {
        self.0.read_only = Some(true);
        self
    }

    fn sub_path(mut self, path: &str) -> Self {
        self.0.sub_path = Some(path.to_owned());
        self
    }
}

fn empty_dir(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { size_limit: Some(Quantity(EMPTY_DIR_LIMIT.to_owned())), ..EmptyDirVolumeSource::default() }),
        ..Volume::default()
    }
}

fn secret(volume: &str, name: String, optional: bool) -> Volume {
    Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(name),
            default_mode: Some(SECRET_MODE),
            optional: optional.then_some(true),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn code_volume(code: &CodeSpec) -> Volume {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let mut volume = Volume { name: "code".to_owned(), ..Volume::default() };
    match given(&code.image) {
        Some(reference) => {
            let policy = if code.image_pull_policy.is_empty() { "IfNotPresent" } else { &code.image_pull_policy };
            volume.image = Some(ImageVolumeSource { reference: Some(reference), pull_policy: Some(policy.to_owned()) });
        }
        None => {
            volume.persistent_volume_claim =
                Some(PersistentVolumeClaimVolumeSource { claim_name: given(&code.claim_name).unwrap_or_default(), read_only: Some(true) });
        }
    }
    volume
}
