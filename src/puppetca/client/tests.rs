use super::*;
use chrono::{DateTime, Utc};
use openvox_puppet::{AuthorityFiles, KeyAlgorithm, LeafRequest, NewAuthority, SigningAuthority};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard};

/// A CA for tests, and a way to get certificates from it.
struct TestCa {
    files: AuthorityFiles,
    bundle: CaBundle,
    key: PrivateKey,
}

impl TestCa {
    fn new() -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let files = NewAuthority {
            root_key: &key,
            signing_key: &key,
            name: "test",
            root_suffix: "00",
            lifetime: Duration::from_hours(24),
            now: now(),
        }
        .create()
        .unwrap();
        let bundle = CaBundle::from_pem(&files.bundle_pem).unwrap();
        Self { files, bundle, key }
    }

    fn leaf(&self, name: &str) -> (String, PrivateKey) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let request = LeafRequest {
            certname: &name.parse().unwrap(),
            alt_names: &["127.0.0.1".parse().unwrap()],
            extensions: &[],
            key: &key,
            serial: &self.files.next_serial,
            lifetime: Duration::from_hours(1),
            now: now(),
        };
        let pem = SigningAuthority::new(&self.bundle, &self.key).unwrap().issue(&request).unwrap();
        (pem, key)
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

/// What the server saw.
#[derive(Default)]
struct Seen {
    connections: usize,
    client_names: Vec<Option<String>>,
    /// First line, headers and body of each request.
    requests: Vec<String>,
    answers: VecDeque<String>,
}

/// An HTTPS server that gives prepared answers in turn and notes what it was asked.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    fn start(ca: &TestCa, answers: &[&str]) -> Self {
        let (certificate, key) = ca.leaf("puppet");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        for trusted in ca.bundle.certificates() {
            roots.add(CertificateDer::from(trusted.der().to_vec())).unwrap();
        }
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .unwrap();
        let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![chain], PrivateKeyDer::from_pem_slice(key.to_pem().as_bytes()).unwrap())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen { answers: answers.iter().map(|answer| (*answer).to_owned()).collect(), ..Seen::default() }));
        let shared = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, shared) = (config.clone(), shared.clone());
                // Broken connections are part of the tests.
                std::thread::spawn(move || serve(stream.unwrap(), config, &shared));
            }
        });
        Self { address, seen }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>, seen: &Mutex<Seen>) -> std::io::Result<()> {
    seen.lock().unwrap().connections += 1;
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if stream.read_line(&mut request)? == 0 {
                return Ok(());
            }
        }
        let length = request.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let answer = {
            let peer = stream.get_ref().conn.peer_certificates().and_then(|chain| chain.first().cloned());
            let name = peer.map(|der| {
                let pem = pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
                Certificate::from_pem(&pem).unwrap().info().subject.clone()
            });
            let mut seen = seen.lock().unwrap();
            seen.client_names.push(name);
            seen.requests.push(request + &String::from_utf8_lossy(&body));
            seen.answers.pop_front()
        };
        let Some(answer) = answer else { return Ok(()) };
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn puppet() -> Certname {
    "puppet".parse().unwrap()
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const CRL: &str = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";

#[tokio::test]
async fn each_call_uses_the_path_and_body_of_the_puppet_api_over_one_connection() {
    let ca = TestCa::new();
    let answers = [
        answer(200, ""),
        answer(404, "Not found"),
        answer(200, CERTIFICATE),
        answer(200, CERTIFICATE),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        answer(200, CRL),
        answer(200, "{}"),
        answer(404, ""),
        answer(200, CERTIFICATE),
        answer(200, "running"),
        answer(200, r#"[{"name":"puppet","state":"requested"}]"#),
    ];
    let server = Server::start(&ca, &answers.each_ref().map(String::as_str));
    let client = CaClient::new(&(server.url() + "/"), &ca.bundle, None).unwrap();
    let name = puppet();
    assert_eq!(client.submit_csr(&name, "CSR").await, Ok(Submitted::Accepted));
    assert_eq!(client.queued_csr(&name).await, Ok(None));
    assert_eq!(client.certificate(&name).await, Ok(Some(CERTIFICATE.to_owned())));
    assert_eq!(client.ca_bundle().await, Ok(CERTIFICATE.to_owned()));
    assert_eq!(client.sign(&name).await, Ok(Signed::Done));
    assert_eq!(&*client.crl().await.unwrap(), CRL);
    assert_eq!(client.clean(&name).await, Ok(()));
    assert_eq!(client.forget(&name).await, Ok(()));
    assert_eq!(client.renew("CSR").await, Ok(Renewed::Done(CERTIFICATE.to_owned())));
    assert_eq!(client.status_simple().await, Ok(ServiceStatus::Running));
    assert_eq!(client.waiting().await, Ok(vec![Waiting { name: "puppet".to_owned(), fingerprint: None }]));

    let seen = server.seen();
    let lines: Vec<_> = seen.requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "PUT /puppet-ca/v1/certificate_request/puppet HTTP/1.1",
            "GET /puppet-ca/v1/certificate_request/puppet HTTP/1.1",
            "GET /puppet-ca/v1/certificate/puppet HTTP/1.1",
            "GET /puppet-ca/v1/certificate/ca HTTP/1.1",
            "PUT /puppet-ca/v1/certificate_status/puppet HTTP/1.1",
            "GET /puppet-ca/v1/certificate_revocation_list/ca HTTP/1.1",
            "PUT /puppet-ca/v1/clean HTTP/1.1",
            "DELETE /puppet-ca/v1/certificate_status/puppet HTTP/1.1",
            "POST /puppet-ca/v1/certificate_renewal HTTP/1.1",
            "GET /status/v1/simple HTTP/1.1",
            "GET /puppet-ca/v1/certificate_statuses/any?state=requested HTTP/1.1",
        ]
    );
    assert!(seen.requests[0].contains("content-type: text/plain\r\n") && seen.requests[0].ends_with("\r\n\r\nCSR"));
    assert!(seen.requests[4].ends_with(r#"{"desired_state":"signed"}"#));
    assert!(seen.requests[6].ends_with(r#"{"certnames":["puppet"]}"#));
    assert_eq!(seen.connections, 1);
}

#[tokio::test]
async fn the_client_shows_its_certificate() {
    let ca = TestCa::new();
    let server = Server::start(&ca, &[&answer(200, "running")]);
    let (certificate_pem, key) = ca.leaf("main-operator");
    let identity = ClientIdentity { certificate_pem: &certificate_pem, key: &key };
    let client = CaClient::new(&server.url(), &ca.bundle, Some(identity)).unwrap();
    client.status_simple().await.unwrap();
    assert_eq!(server.seen().client_names, [Some("CN=main-operator".to_owned())]);
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_asked_anything() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let server = Server::start(&theirs, &[&answer(200, "running")]);
    let client = CaClient::new(&server.url(), &ours.bundle, None).unwrap();
    let error = client.submit_csr(&puppet(), "CSR").await.unwrap_err();
    assert_eq!(error.reason(), "TlsUntrusted", "{error}");
    assert!(server.seen().requests.is_empty());
}

#[tokio::test]
async fn a_name_the_certificate_does_not_carry_is_not_trusted() {
    let ca = TestCa::new();
    let server = Server::start(&ca, &[&answer(200, "running")]);
    let address = format!("https://localhost:{}", server.address.port());
    let client = CaClient::new(&address, &ca.bundle, None).unwrap();
    assert_eq!(client.status_simple().await.unwrap_err().reason(), "TlsUntrusted");
}

#[tokio::test]
async fn a_client_certificate_of_another_ca_is_reported_as_refused_by_tls() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let server = Server::start(&theirs, &[&answer(200, "running")]);
    let (certificate_pem, key) = ours.leaf("main-operator");
    let identity = ClientIdentity { certificate_pem: &certificate_pem, key: &key };
    let client = CaClient::new(&server.url(), &theirs.bundle, Some(identity)).unwrap();
    let error = client.status_simple().await.unwrap_err();
    assert_eq!(error.reason(), "TlsUntrusted", "{error}");
    assert!(error.to_string().contains("the CA refused our certificate"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_certificate_are_errors_and_not_a_missing_certificate() {
    let ca = TestCa::new();
    let cases = [
        (answer(403, "Forbidden request"), "Forbidden"),
        (answer(500, "Internal Server Error"), "ServerError"),
        (answer(503, "starting"), "ServerError"),
        (answer(200, "<html>login</html>"), "UnexpectedAnswer"),
        (answer(200, ""), "UnexpectedAnswer"),
        (answer(200, CRL), "UnexpectedAnswer"),
        ("HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n".to_owned(), "UnexpectedAnswer"),
        ("nonsense\r\n\r\n".to_owned(), "Unreachable"),
        (String::new(), "Unreachable"),
    ];
    for (body, reason) in cases {
        // Without an answer the server hangs up.
        let answers = [body.as_str()];
        let server = Server::start(&ca, if body.is_empty() { &[] } else { &answers });
        let client = CaClient::new(&server.url(), &ca.bundle, None).unwrap();
        let error = client.certificate(&puppet()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{body}: {error}");
        assert!(error.to_string().starts_with("failed to fetch the certificate of puppet: "), "{error}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let ca = TestCa::new();
    let large = answer(200, &"x".repeat(LARGE + 1));
    let server = Server::start(&ca, &[&large]);
    let client = CaClient::new(&server.url(), &ca.bundle, None).unwrap();
    let error = client.crl().await.unwrap_err();
    assert!(error.to_string().contains("larger than 10485760 bytes"), "{error}");
    let server = Server::start(&ca, &[&answer(200, &"x".repeat(SMALL + 1))]);
    let client = CaClient::new(&server.url(), &ca.bundle, None).unwrap();
    let error = client.certificate(&puppet()).await.unwrap_err();
    assert!(error.to_string().contains("larger than 262144 bytes"), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let ca = TestCa::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = CaClient::new(&format!("https://127.0.0.1:{port}"), &ca.bundle, None).unwrap();
    let error = client.status_simple().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { sent: false, .. }), "{error:?}");
}

#[tokio::test]
async fn a_ca_that_does_not_answer_is_given_up() {
    let ca = TestCa::new();
    // The server takes the request and writes nothing.
    let server = Server::start(&ca, &[""]);
    let client = CaClient::with_timeout(&server.url(), &ca.bundle, None, ServerCheck::Verified, Duration::from_millis(500)).unwrap();
    let error = client.status_simple().await.unwrap_err();
    assert_eq!(error.reason(), "Timeout", "{error}");
}

#[tokio::test]
async fn a_path_in_the_address_is_kept() {
    let ca = TestCa::new();
    let server = Server::start(&ca, &[&answer(200, "running")]);
    let client = CaClient::new(&(server.url() + "/puppet/"), &ca.bundle, None).unwrap();
    client.status_simple().await.unwrap();
    assert!(server.seen().requests[0].starts_with("GET /puppet/status/v1/simple "));
}

#[test]
fn an_address_that_is_not_plain_https_is_refused_without_showing_a_password() {
    let ca = TestCa::new();
    for address in ["http://puppet:8140", "puppet:8140", "https://", "https://a:pw@puppet", "https://puppet/?x=1"] {
        let error = CaClient::new(address, &ca.bundle, None).unwrap_err();
        assert!(matches!(error, ClientConfigError::Address(_)), "{address}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_refused() {
    let ca = TestCa::new();
    let (certificate_pem, _) = ca.leaf("one");
    let (_, key) = ca.leaf("two");
    let identity = ClientIdentity { certificate_pem: &certificate_pem, key: &key };
    let error = CaClient::new("https://puppet:8140", &ca.bundle, Some(identity)).unwrap_err();
    assert!(error.to_string().contains("does not belong"), "{error}");
}
