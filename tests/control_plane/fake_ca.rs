//! A CA outside the cluster whose every fault can be chosen: the HTTP API of a Puppet CA as far as an agent
//! without rights sees it.

use crate::authority::Authority;
use openvox_puppet::{CsrInfo, Fingerprint, KeyAlgorithm, PrivateKey, request_fingerprint};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Validity of most certificates in seconds: nearly five years, less than that of the CA itself.
const LONG: i64 = 150_000_000;

/// How the CA behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes requests and leaves them for somebody to sign.
    Queues,
    /// Signs every request at once.
    Signs,
    /// Signs every request at once, for an hour, and fails when it is asked to renew.
    SignsBriefly,
    /// Signs every request at once, for ten days.
    SignsForDays,
    /// Has signed the name for somebody else's key.
    HasAnotherKey,
    /// Has signed the name for somebody else's key, and revoked that.
    HasRevoked,
    /// Answers everything but its status with a page for browsers.
    WebPage,
    /// Answers everything with an internal error.
    Broken,
    /// Says that it does not want the request.
    Refuses,
    /// Hangs up on everybody.
    HangsUp,
    /// Signs every request at once without the alternative names.
    DropsNames,
    /// Signs every request at once for another name.
    MistakesNames,
    /// Signs every request at once, with an end that has passed.
    SignsTheDead,
    /// Answers every request for a certificate with this status.
    Answers(u16),
    /// Breaks off in the middle of every answer.
    BreaksOff,
    /// Takes requests and answers nobody who asks for a certificate.
    Silent,
    /// Answers nobody.
    AnswersNobody,
    /// Signs every request at once, renews at once too, and keeps the answer to itself until it behaves otherwise.
    HoldsRenewals,
    /// Signs every request at once, and writes its own name in another string type than its certificate has, as Puppet
    /// Server does.
    RewritesIssuer,
    /// Signs every request at once, and says 404 to everybody who wants to renew.
    RenewsNobody,
    /// Signs every request at once, and says 403 to everybody who wants to renew.
    ForbidsRenewal,
}

/// What the CA has been asked.
#[derive(Default)]
struct Books {
    behaviour: Option<Behaviour>,
    /// Every submitted request, by key, in order.
    submitted: Vec<Fingerprint>,
    queued: HashMap<String, String>,
    signed: HashMap<String, String>,
    renewals: u32,
    /// The revocation lists that it shows, if not those that it was made with.
    lists: Option<String>,
    /// The `traceparent` of every request that had one.
    traced: Vec<String>,
    /// First line of every request.
    asked: Vec<String>,
}

/// A CA at `https://127.0.0.1:PORT`.
pub struct FakeCa {
    pub url: String,
    books: Arc<Mutex<Books>>,
}

impl FakeCa {
    pub fn start(behaviour: Behaviour) -> Self {
        Self::with_key(behaviour, |key| Authority::shared().issue("outside-ca", key))
    }

    /// One that writes its own name in another string type, in its server's certificate as well.
    pub fn rewriting_its_name() -> Self {
        Self::with_key(Behaviour::RewritesIssuer, |key| {
            let pair = rcgen::KeyPair::from_pem(key.to_pem()).unwrap();
            certificate("outside-ca", vec!["127.0.0.1".to_owned()], &pair, LONG, true)
        })
    }

    /// One whose own certificate is signed by itself, so that nobody trusts it.
    pub fn impostor(behaviour: Behaviour) -> Self {
        Self::with_key(behaviour, |key| {
            let pair = rcgen::KeyPair::from_pem(key.to_pem()).unwrap();
            rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&pair).unwrap().pem()
        })
    }

    fn with_key(behaviour: Behaviour, issue: impl Fn(&PrivateKey) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let books = Arc::new(Mutex::new(Books { behaviour: Some(behaviour), ..Books::default() }));
        let config = Arc::new(tls(issue));
        let served = Arc::clone(&books);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (books, config) = (Arc::clone(&served), Arc::clone(&config));
                // A client that goes away ends its thread; what it was told is in the books.
                std::thread::spawn(move || serve(stream, config, &books));
            }
        });
        Self { url, books }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// From now on.
    pub fn becomes(&self, behaviour: Behaviour) {
        self.books().behaviour = Some(behaviour);
    }

    /// From now on it shows this as its revocation lists.
    pub fn shows(&self, lists: &str) {
        self.books().lists = Some(lists.to_owned());
    }

    /// Somebody signs what waits under this name.
    pub fn sign(&self, certname: &str) {
        let mut books = self.books();
        let csr = books.queued.remove(certname).expect("a request waits");
        let pem = sign(certname, &csr, books.behaviour);
        books.signed.insert(certname.to_owned(), pem);
    }

    /// Somebody cleans this name.
    pub fn clean(&self, certname: &str) {
        let mut books = self.books();
        books.queued.remove(certname);
        books.signed.remove(certname);
    }

    /// Number of renewed certificates.
    pub fn renewals(&self) -> u32 {
        self.books().renewals
    }

    /// Somebody else's agent submits a request.
    pub fn receives(&self, certname: &str, csr: &str) {
        self.books().queued.insert(certname.to_owned(), csr.to_owned());
    }

    /// Whether a request of this name waits, and whether a certificate exists.
    pub fn knows(&self, certname: &str) -> (bool, bool) {
        let books = self.books();
        (books.queued.contains_key(certname), books.signed.contains_key(certname))
    }

    /// The `traceparent` of every request that had one.
    pub fn traced(&self) -> Vec<String> {
        self.books().traced.clone()
    }

    /// How often it was asked for something whose path contains this.
    pub fn asked_for(&self, part: &str) -> usize {
        self.books().asked.iter().filter(|line| line.starts_with("GET") && line.contains(part)).count()
    }

    /// Keys of all submitted requests, in order.
    pub fn submitted(&self) -> Vec<Fingerprint> {
        self.books().submitted.clone()
    }
}

fn tls(issue: impl Fn(&PrivateKey) -> String) -> ServerConfig {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let pem = issue(&key);
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.to_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for trusted in Authority::shared().bundle.certificates() {
        roots.add(CertificateDer::from(trusted.der().to_vec())).unwrap();
    }
    // Agents without a certificate yet may ask for one.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).allow_unauthenticated().build().unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap()
}

/// Signs a request as a CA does: the key and the alternative names of the request, and the name it was submitted under.
fn sign(certname: &str, csr: &str, behaviour: Option<Behaviour>) -> String {
    let asked = CsrInfo::from_pem(csr).unwrap();
    let der = pem::parse(csr).unwrap();
    let (_, request) =
        <x509_parser::certification_request::X509CertificationRequest as x509_parser::prelude::FromDer<_>>::from_der(der.contents())
            .unwrap();
    let key = rcgen::SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw).unwrap();
    let mut names: Vec<String> = asked.alt_names.iter().map(ToString::to_string).collect();
    if behaviour == Some(Behaviour::DropsNames) {
        names.clear();
    }
    let certname = if behaviour == Some(Behaviour::MistakesNames) { "other.example.test" } else { certname };
    certificate(certname, names, &key, behaviour.and_then(lifetime).unwrap_or(LONG), behaviour == Some(Behaviour::RewritesIssuer))
}

fn certificate(certname: &str, names: Vec<String>, key: &impl rcgen::PublicKeyData, seconds: i64, rewritten: bool) -> String {
    let authority = Authority::shared();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, certname);
    params.serial_number = Some(rcgen::SerialNumber::from(u64::from(authority.next_serial())));
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let end = u64::try_from(crate::authority::now().timestamp() + seconds).unwrap();
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
    params.use_authority_key_identifier_extension = true;
    let pair = rcgen::KeyPair::from_pem(authority.key.to_pem()).unwrap();
    let signing = CertificateDer::from(authority.bundle.signing().der().to_vec());
    if rewritten {
        let subject = &authority.bundle.signing().info().subject;
        let name = rcgen::DnValue::PrintableString(subject.trim_start_matches("CN=").try_into().unwrap());
        let mut own = rcgen::CertificateParams::default();
        own.distinguished_name = rcgen::DistinguishedName::new();
        own.distinguished_name.push(rcgen::DnType::CommonName, name);
        return params.signed_by(key, &rcgen::Issuer::from_params(&own, pair)).unwrap().pem();
    }
    let issuer = rcgen::Issuer::from_ca_cert_der(&signing, pair).unwrap();
    params.signed_by(key, &issuer).unwrap().pem()
}

/// One connection: requests until somebody hangs up.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, books: &Mutex<Books>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let connection = ServerConnection::new(config).ok()?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let length = head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).ok()?;
        if books.lock().unwrap().behaviour == Some(Behaviour::AnswersNobody) {
            std::thread::sleep(Duration::from_mins(2));
            return None;
        }
        let traceparent = head.iter().find_map(|line| line.strip_prefix("traceparent: "));
        books.lock().unwrap().traced.extend(traceparent.map(str::to_owned));
        books.lock().unwrap().asked.extend(head.first().cloned());
        let peer = stream.get_ref().conn.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.to_vec());
        let (code, text) = match head.first()?.as_str() {
            request if request.starts_with("POST /puppet-ca/v1/certificate_renewal") => renew(peer, books)?,
            request => match administer(request, peer.is_some(), books) {
                Some(answer) => answer,
                None => answer(request, &String::from_utf8_lossy(&body), books)?,
            },
        };
        let breaks_off = books.lock().unwrap().behaviour == Some(Behaviour::BreaksOff);
        // An answer that ends early has more to say than nothing.
        let text = if breaks_off && text.is_empty() { "This is".to_owned() } else { text };
        let mut answer = format!("HTTP/1.1 {code} x\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if breaks_off {
            answer.truncate(answer.len() - text.len() / 2 - 1);
        }
        let out = stream.get_mut();
        out.write_all(answer.as_bytes()).ok()?;
        out.flush().ok()?;
        if breaks_off {
            return None;
        }
    }
}

/// A certificate for the name and the key of the one that the client shows.
fn renew(peer: Option<Vec<u8>>, all: &Mutex<Books>) -> Option<(u16, String)> {
    let mut books = all.lock().unwrap();
    match books.behaviour {
        Some(Behaviour::Broken | Behaviour::SignsBriefly) => return Some((500, "java.lang.NullPointerException".to_owned())),
        Some(Behaviour::RenewsNobody) => return Some((404, "Not Found".to_owned())),
        Some(Behaviour::ForbidsRenewal) => return Some((403, "Forbidden request".to_owned())),
        _ => {}
    }
    let Some(peer) = peer else { return Some((403, "Forbidden request".to_owned())) };
    let (_, shown) = x509_parser::parse_x509_certificate(&peer).unwrap();
    let name = shown.subject().iter_common_name().next()?.as_str().unwrap().to_owned();
    let key = rcgen::SubjectPublicKeyInfo::from_der(shown.public_key().raw).unwrap();
    let names = shown.subject_alternative_name().unwrap().map(|names| {
        let name = |name: &x509_parser::extensions::GeneralName<'_>| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        };
        names.value.general_names.iter().filter_map(name).collect()
    });
    let pem = certificate(&name, names.unwrap_or_default(), &key, LONG, false);
    books.signed.insert(name, pem.clone());
    books.renewals += 1;
    let mut held = books.behaviour;
    drop(books);
    while held == Some(Behaviour::HoldsRenewals) {
        std::thread::sleep(Duration::from_millis(20));
        held = all.lock().unwrap().behaviour;
    }
    Some((200, pem))
}

/// The answer to who shows a certificate, and so may see, sign and remove requests.
fn administer(request: &str, known: bool, books: &Mutex<Books>) -> Option<(u16, String)> {
    let (method, path) = request.split_once(' ')?;
    let path = path.split([' ', '?']).next()?.strip_prefix("/puppet-ca/v1/")?;
    let name = path.rsplit('/').next()?;
    let mut books = books.lock().unwrap();
    let well = matches!(books.behaviour, Some(Behaviour::Queues | Behaviour::Signs));
    if !known || !well || !path.starts_with("certificate_status") {
        return None;
    }
    Some(match method {
        "GET" => {
            let of = |state: &'static str| move |(name, pem): (&String, &String)| serde_json::json!({"name": name, "state": state, "fingerprint": request_fingerprint(pem)});
            let all = books.queued.iter().map(of("requested")).chain(books.signed.iter().map(of("signed")));
            (200, all.collect::<serde_json::Value>().to_string())
        }
        "PUT" => match books.queued.remove(name) {
            Some(csr) => {
                let pem = sign(name, &csr, None);
                books.signed.insert(name.to_owned(), pem);
                (204, String::new())
            }
            None => (409, format!("Cannot sign certificate for host {name} without a certificate request")),
        },
        "DELETE" => {
            books.queued.remove(name);
            books.signed.remove(name);
            (204, String::new())
        }
        _ => return None,
    })
}

/// For how many seconds a request is signed at once.
fn lifetime(behaviour: Behaviour) -> Option<i64> {
    match behaviour {
        Behaviour::Signs
        | Behaviour::HoldsRenewals
        | Behaviour::DropsNames
        | Behaviour::MistakesNames
        | Behaviour::RewritesIssuer
        | Behaviour::RenewsNobody
        | Behaviour::ForbidsRenewal => Some(LONG),
        Behaviour::SignsTheDead => Some(-3600),
        Behaviour::SignsBriefly => Some(3600),
        Behaviour::SignsForDays => Some(10 * 86_400),
        _ => None,
    }
}

/// The answer to a request; `None` to hang up.
fn answer(request: &str, body: &str, books: &Mutex<Books>) -> Option<(u16, String)> {
    let mut books = books.lock().unwrap();
    let mut parts = request.split(' ');
    let (method, path) = (parts.next()?, parts.next()?);
    let name = path.rsplit('/').next()?.to_owned();
    let behaviour = books.behaviour?;
    match (behaviour, method, path) {
        (Behaviour::HangsUp, ..) => return None,
        (Behaviour::Broken, ..) => return Some((500, "java.lang.NullPointerException".to_owned())),
        (_, "GET", "/status/v1/simple") => return Some((200, "running".to_owned())),
        (Behaviour::WebPage, ..) => return Some((200, "<html><body>Welcome to the proxy</body></html>".to_owned())),
        (Behaviour::HasAnotherKey | Behaviour::HasRevoked, ..) if !books.signed.contains_key(&name) => {
            let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
            books.signed.insert(name.clone(), certificate(&name, Vec::new(), &other, LONG, false));
        }
        (Behaviour::Answers(status), ..) => return Some((status, "This is what it says".to_owned())),
        (Behaviour::Silent, "GET", _) => {
            drop(books);
            // Longer than any client waits.
            std::thread::sleep(Duration::from_mins(2));
            return None;
        }
        _ => {}
    }
    let about = path.strip_prefix("/puppet-ca/v1/")?.split('/').next()?;
    Some(match (method, about) {
        ("PUT", "certificate_request") => {
            books.submitted.push(CsrInfo::from_pem(body).unwrap().public_key);
            if books.signed.contains_key(&name) {
                let what = if behaviour == Behaviour::HasRevoked { "revoked" } else { "signed" };
                return Some((400, format!("{name} already has a {what} certificate; ignoring certificate request")));
            }
            if books.queued.contains_key(&name) {
                return Some((400, format!("{name} already has a requested certificate; ignoring certificate request")));
            }
            if behaviour == Behaviour::Refuses {
                return Some((400, format!("CSR '{name}' contains subject alternative names, which are disallowed")));
            }
            if lifetime(behaviour).is_some() {
                books.signed.insert(name.clone(), sign(&name, body, Some(behaviour)));
            } else {
                books.queued.insert(name, body.to_owned());
            }
            (200, String::new())
        }
        ("GET", "certificate_revocation_list") => (200, books.lists.clone().unwrap_or_else(|| Authority::shared().files.crl_pem.clone())),
        ("GET", "certificate_request") => books.queued.get(&name).map_or_else(|| (404, "Not Found".to_owned()), |csr| (200, csr.clone())),
        ("GET", "certificate") => books.signed.get(&name).map_or_else(|| (404, "Not Found".to_owned()), |pem| (200, pem.clone())),
        _ => (403, "Forbidden request".to_owned()),
    })
}
