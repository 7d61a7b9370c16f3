use super::*;
use crate::x509::crl::{CrlBundle, CrlError};
use crate::x509::openssl::openssl;
use std::fs;
use tempfile::TempDir;

const ANY_USE: &str = "keyUsage=critical,keyCertSign,cRLSign";

/// A CA made by OpenSSL: `key` are arguments of `genpkey`.
struct Ca {
    folder: TempDir,
    digest: &'static str,
}

impl Ca {
    fn new(key: &[&str], digest: &'static str, usage: &[&str]) -> Self {
        let ca = Self { folder: TempDir::new().unwrap(), digest };
        let (key_file, crt) = (ca.path("key"), ca.path("crt"));
        openssl(&[&["genpkey", "-out", &key_file], key].concat(), "");
        let mut request = vec!["req", "-x509", "-key", &key_file, "-subj", "/O=Example/CN=Puppet CA", "-days", "30", digest, "-out", &crt];
        for extension in ["basicConstraints=critical,CA:TRUE"].iter().chain(usage) {
            request.extend(["-addext", extension]);
        }
        openssl(&request, "");
        ca
    }

    fn rsa(bits: &str, digest: &'static str) -> Self {
        Self::new(&["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")], digest, &[ANY_USE])
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn bundle(&self) -> CaBundle {
        CaBundle::from_pem(&self.read("crt")).unwrap()
    }

    /// Signs a certificate of `CN=web01`, with these arguments besides.
    fn leaf(&self, arguments: &[&str]) -> Certificate {
        let (key, csr, crt) = (self.path("leaf.key"), self.path("csr"), self.path("leaf.crt"));
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key], "");
        openssl(&["req", "-new", "-key", &key, "-subj", "/CN=web01", "-out", &csr], "");
        let (ca, ca_key) = (self.path("crt"), self.path("key"));
        let sign =
            ["x509", "-req", "-in", &csr, "-CA", &ca, "-CAkey", &ca_key, "-set_serial", "7", "-days", "9", "-out", &crt, self.digest];
        openssl(&[sign.as_slice(), arguments].concat(), "");
        Certificate::from_pem(&self.read("leaf.crt")).unwrap()
    }

    /// An empty list.
    fn crl(&self) -> CrlBundle {
        let (config, database) = (self.path("config"), self.path("database"));
        fs::write(&database, "").unwrap();
        fs::write(&config, format!("[ca]\ndefault_ca=d\n[d]\ndatabase={database}\ndefault_md={}\n", &self.digest[1..])).unwrap();
        let (key, crt) = (self.path("key"), self.path("crt"));
        let text = openssl(&["ca", "-config", &config, "-gencrl", "-keyfile", &key, "-cert", &crt, "-crldays", "9"], "");
        CrlBundle::from_pem(&text).unwrap()
    }
}

fn self_signed(name: &str, ca: bool) -> String {
    let constraint = format!("basicConstraints=critical,CA:{}", if ca { "TRUE" } else { "FALSE" });
    let subject = format!("/CN={name}");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null"];
    let pem = openssl(&[&["req", "-x509", "-subj", &subject, "-addext", &constraint], key.as_slice()].concat(), "");
    pem[pem.find("-----BEGIN").unwrap()..].to_owned()
}

#[test]
fn a_stranger_with_the_same_name_is_not_trusted() {
    let bundle = CaBundle::from_pem(&self_signed("Puppet CA: a", true)).unwrap();
    let stranger = Certificate::from_pem(&self_signed("Puppet CA: a", true)).unwrap();
    bundle.verify_chain().unwrap();
    assert!(matches!(bundle.verify(&stranger), Err(BundleError::NotSigned { .. })));
}

#[test]
fn a_bundle_with_a_leaf_certificate_is_refused_by_name() {
    let mixed = self_signed("Puppet CA: a", true) + &self_signed("puppet", false);
    let error = CaBundle::from_pem(&mixed).unwrap_err();
    assert!(error.to_string().contains("CN=puppet is not a CA certificate"), "{error}");
}

/// Made by OpenSSL 3.0, which writes version 1 where there are no extensions.
const ROOT_OF_VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBIjCByQIUeyKbm1jiB78dX6U0u1J7Y+IEwyAwCgYIKoZIzj0EAwIwEzERMA8G
A1UEAwwIT2xkIFJvb3QwIBcNMjYxMTMwMjIxMTEyWhgPMjEyNjExMDYyMjExMTJa
MBMxETAPBgNVBAMMCE9sZCBSb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
6i6V1OfUrqnnNzvp38JtrCwAydTbQrIylNEjK7aOv1TUjEXg7UVDd9cpLsVljhIx
xX9LWczxmDiTO8VkHGSEXzAKBggqhkjOPQQDAgNIADBFAiEAy3WBQ0eqPaD78Cu6
qb7mgof1zT4J+VEsBtg765Ve9kICICSYVZoMW+yYbRbOZxZmAI0+9bMcctqe19gW
HgklHGj/
-----END CERTIFICATE-----
";

#[test]
fn a_root_of_version_1_is_a_ca_and_another_certificate_of_version_1_is_none() {
    let bundle = CaBundle::from_pem(ROOT_OF_VERSION_1).unwrap();
    assert_eq!(bundle.verify_chain(), Ok(()));
    assert_eq!(bundle.signing().info().subject, "CN=Old Root");
    // The issuer's name comes before the subject's.
    let mut der = bundle.signing().der().to_vec();
    let at = der.windows(8).position(|window| window == b"Old Root").unwrap();
    der[at] = b'0';
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", der));
    assert!(matches!(CaBundle::from_pem(&pem), Err(BundleError::NotACa { .. })));
}

#[test]
fn an_issuer_in_another_string_type_is_the_same_issuer() {
    let ca = Ca::rsa("2048", "-sha256");
    let key = rcgen::KeyPair::from_pem(&ca.read("key")).unwrap();
    let der = ca.bundle().signing().der().to_vec();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, rcgen::DnValue::BmpString("example".try_into().unwrap()));
    params.distinguished_name.push(rcgen::DnType::CommonName, "PUPPET  CA");
    let issuer = rcgen::Issuer::from_params(&params, &key);
    let pem = rcgen::CertificateParams::default().signed_by(&key, &issuer).unwrap().pem();
    let leaf = Certificate::from_pem(&pem).unwrap();
    assert_ne!(leaf.info().issuer_name.content(), Certificate::from_der(&der).unwrap().info().subject_name.content());
    assert_eq!(ca.bundle().verify(&leaf), Ok(()));
}

#[test]
fn a_key_of_1024_bits_is_refused_by_its_length_unless_that_is_allowed() {
    let ca = Ca::rsa("1024", "-sha1");
    let (bundle, leaf, lists) = (ca.bundle(), ca.leaf(&[]), ca.crl());
    for refusal in [bundle.verify(&leaf).unwrap_err().to_string(), lists.verify(&bundle).unwrap_err().to_string()] {
        assert!(refusal.contains("the RSA key has 1024 bits; 2048 to 8192 are accepted"), "{refusal}");
    }
    assert!(bundle.verify_chain().is_err());
    let allowed = ca.bundle().with_strength(Strength::Legacy);
    assert_eq!((allowed.verify(&leaf), allowed.verify_chain(), lists.verify(&allowed)), (Ok(()), Ok(()), Ok(())));
    let shorter = Ca::rsa("768", "-sha1");
    let refusal = shorter.bundle().with_strength(Strength::Legacy).verify_chain().unwrap_err().to_string();
    assert!(refusal.contains("768 bits; 1024 to 8192"), "{refusal}");
}

#[test]
fn sha_1_counts_with_a_long_key_and_md5_only_where_it_proves_nothing() {
    let ca = Ca::rsa("2048", "-sha1");
    assert_eq!((ca.bundle().verify_chain(), ca.bundle().verify(&ca.leaf(&[])), ca.crl().verify(&ca.bundle())), (Ok(()), Ok(()), Ok(())));
    let ca = Ca::rsa("2048", "-md5");
    let bundle = ca.bundle().with_strength(Strength::Legacy);
    assert_eq!(bundle.verify_chain(), Ok(()), "a root's signature by itself");
    for refusal in [bundle.verify(&ca.leaf(&[])).unwrap_err().to_string(), ca.crl().verify(&bundle).unwrap_err().to_string()] {
        assert!(refusal.contains("the signature algorithm is RSA with MD5"), "{refusal}");
    }
}

#[test]
fn a_use_that_is_missing_and_a_curve_that_is_not_known_are_named() {
    let curve = |name: &str| ["-algorithm", "EC", "-pkeyopt"].map(str::to_owned).into_iter().chain([format!("ec_paramgen_curve:{name}")]);
    let ec = |name: &str, digest, usage: &[&str]| {
        let key: Vec<String> = curve(name).collect();
        Ca::new(&key.iter().map(String::as_str).collect::<Vec<_>>(), digest, usage)
    };
    let unlimited = ec("P-521", "-sha512", &[]);
    assert_eq!((unlimited.bundle().verify(&unlimited.leaf(&[])), unlimited.crl().verify(&unlimited.bundle())), (Ok(()), Ok(())));
    let lists_only = ec("P-256", "-sha256", &["keyUsage=cRLSign"]);
    let refusal = lists_only.bundle().verify(&lists_only.leaf(&[])).unwrap_err().to_string();
    assert!(refusal.contains("keyUsage extension without keyCertSign"), "{refusal}");
    let certificates_only = ec("P-256", "-sha256", &["keyUsage=keyCertSign"]);
    let refusal = certificates_only.crl().verify(&certificates_only.bundle()).unwrap_err();
    assert!(matches!(refusal, CrlError::MayNotSign { .. }), "{refusal}");
    let unknown = ec("secp256k1", "-sha256", &[ANY_USE]);
    let refusal = unknown.bundle().verify(&unknown.leaf(&[])).unwrap_err().to_string();
    assert!(refusal.contains("on the curve secp256k1; P-256, P-384 and P-521 are accepted"), "{refusal}");
}

#[test]
fn the_usual_form_of_rsassa_pss_is_accepted() {
    let ca = Ca::rsa("2048", "-sha256");
    let pss = |salt: &'static str| ca.leaf(&["-sigopt", "rsa_padding_mode:pss", "-sigopt", salt, "-sigopt", "rsa_mgf1_md:sha256"]);
    assert_eq!(ca.bundle().verify(&pss("rsa_pss_saltlen:32")), Ok(()));
    let refusal = ca.bundle().verify(&pss("rsa_pss_saltlen:20")).unwrap_err().to_string();
    assert!(refusal.contains("the signature algorithm is RSASSA-PSS"), "{refusal}");
}
