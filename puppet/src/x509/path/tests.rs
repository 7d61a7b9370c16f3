use super::*;
use crate::x509::openssl::openssl;
use std::fs;
use tempfile::TempDir;

/// A root, and below it a signing CA and a certificate of it, made by OpenSSL with these lines in their extensions.
struct Made {
    folder: TempDir,
    bundle: CaBundle,
    leaf: Certificate,
}

impl Made {
    fn new(signing: &str, leaf: &str) -> Self {
        Self::with_root("", signing, leaf)
    }

    fn with_root(root: &str, signing: &str, leaf: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        for (name, subject, issuer, extensions) in [
            ("root", "/O=Example/CN=Root", None, format!("{ca}{root}")),
            ("ca", "/O=Example/CN=Puppet CA", Some("root"), format!("{ca}{signing}")),
            ("leaf", "/CN=web01.example.net", Some("ca"), leaf.to_owned()),
        ] {
            let (key, csr, crt, file) =
                (path(&format!("{name}.key")), path("csr"), path(&format!("{name}.crt")), path(&format!("{name}.ext")));
            openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key], "");
            openssl(&["req", "-new", "-key", &key, "-subj", subject, "-out", &csr], "");
            fs::write(&file, extensions).unwrap();
            let mut sign = vec!["x509", "-req", "-in", &csr, "-days", "30", "-extfile", &file, "-out", &crt];
            let (issuer_crt, issuer_key) = issuer.map(|issuer| (path(&format!("{issuer}.crt")), path(&format!("{issuer}.key")))).unzip();
            match (&issuer_crt, &issuer_key) {
                (Some(certificate), Some(issuer_key)) => sign.extend(["-CA", certificate, "-CAkey", issuer_key, "-CAcreateserial"]),
                _ => sign.extend(["-signkey", &key]),
            }
            openssl(&sign, "");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let bundle = CaBundle::from_pem(&(read("ca.crt") + &read("root.crt"))).unwrap();
        let leaf = Certificate::from_pem(&read("leaf.crt")).unwrap();
        Self { folder, bundle, leaf }
    }

    /// What OpenSSL says of it, as a server's and as a client's certificate.
    fn openssl_accepts(&self) -> bool {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        ["sslserver", "sslclient"].iter().all(|purpose| {
            let arguments = ["verify", "-purpose", purpose, "-CAfile", &path("root.crt"), "-untrusted", &path("ca.crt"), &path("leaf.crt")];
            std::process::Command::new("openssl").args(arguments).output().unwrap().status.success()
        })
    }

    fn refusal(&self) -> PathError {
        match self.bundle.verify_as_peer(&self.leaf) {
            Err(BundleError::Path { cause, .. }) => *cause,
            other => panic!("{other:?}"),
        }
    }
}

const NAMES: &str = "subjectAltName=DNS:web01.example.net,DNS:puppet,IP:10.1.2.3\n";

#[test]
fn what_openssl_accepts_of_a_ca_with_policies_and_constraints_is_accepted() {
    for (signing, leaf) in [
        ("", NAMES),
        ("certificatePolicies=1.3.6.1.4.1.99999.1\npolicyConstraints=critical,requireExplicitPolicy:3\ninhibitAnyPolicy=critical,2", NAMES),
        (
            "nameConstraints=critical,permitted;DNS:example.net,permitted;DNS:puppet,permitted;IP:10.0.0.0/255.0.0.0,permitted;email:x.y",
            NAMES,
        ),
        ("nameConstraints=critical,excluded;DNS:other.net,excluded;dirName:dn\n[dn]\nO=Other", NAMES),
        ("extendedKeyUsage=serverAuth,clientAuth", NAMES),
        ("crlDistributionPoints=critical,URI:http://crl.example.net/ca.crl\nsubjectKeyIdentifier=A1B2C3D4", NAMES),
        ("1.3.6.1.4.1.99999.7=ASN1:UTF8String:x", NAMES),
    ] {
        let made = Made::new(signing, leaf);
        assert!(made.openssl_accepts(), "{signing}");
        assert_eq!(made.bundle.verify_as_peer(&made.leaf), Ok(()), "{signing}");
    }
}

#[test]
fn what_openssl_refuses_is_refused_with_the_name_of_the_rule() {
    for (signing, leaf, words) in [
        ("nameConstraints=critical,permitted;DNS:other.example", NAMES, "do not permit the name \"web01.example.net\""),
        ("nameConstraints=critical,permitted;DNS:.example.net", "subjectAltName=DNS:example.net", "do not permit the name \"example.net\""),
        ("nameConstraints=excluded;DNS:example.net", NAMES, "exclude the name \"web01.example.net\""),
        ("nameConstraints=permitted;IP:10.1.0.0/255.255.255.0", NAMES, "do not permit the name 10.1.2.3"),
        ("nameConstraints=permitted;dirName:dn\n[dn]\nO=Example", NAMES, "do not permit the name CN=web01.example.net"),
        ("nameConstraints=excluded;URI:.example.net", "subjectAltName=URI:https://u@a.example.net:1/", "exclude the name \"https:"),
        ("nameConstraints=excluded;email:example.net", "subjectAltName=email:a@example.net", "exclude the name \"a@example.net\""),
        ("nameConstraints=permitted;DNS:other.example", "", "do not permit the name \"web01.example.net\""),
        ("1.3.6.1.4.1.99999.7=critical,ASN1:UTF8String:x", NAMES, "CN=Puppet CA has the critical extension 1.3.6.1.4.1.99999.7"),
        ("", "1.3.6.1.4.1.99999.7=critical,ASN1:UTF8String:x", "CN=web01.example.net has the critical extension"),
        ("extendedKeyUsage=serverAuth", NAMES, "extKeyUsage lacks clientAuth"),
    ] {
        let made = Made::new(signing, leaf);
        assert!(!made.openssl_accepts(), "{signing}");
        let refusal = made.refusal().to_string();
        assert!(refusal.contains(words), "{signing}: {refusal}");
    }
}

#[test]
fn the_constraints_of_the_root_count_as_well() {
    let made = Made::with_root("nameConstraints=critical,permitted;DNS:other.example", "", NAMES);
    assert!(!made.openssl_accepts());
    assert!(matches!(made.refusal(), PathError::Name { ca, excluded: false, .. } if ca.contains("Root")));
}

#[test]
fn a_policy_that_is_demanded_at_once_is_one_that_puppet_certificates_lack() {
    // OpenSSL looks at policies only where it is told to; Java always does.
    let demanding = "certificatePolicies=1.3.6.1.4.1.99999.1\npolicyConstraints=critical,requireExplicitPolicy:0";
    assert!(matches!(Made::new(demanding, NAMES).refusal(), PathError::Policy { .. }));
    let with_policy = format!("{NAMES}certificatePolicies=1.3.6.1.4.1.99999.1");
    let made = Made::new(demanding, &with_policy);
    assert_eq!(made.bundle.verify_as_peer(&made.leaf), Ok(()));
}
