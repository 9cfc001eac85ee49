//! A server on loopback that writes down who asked it for what: with TLS, in the clear, and as a proxy that passes bytes on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// One request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// By their names in lower case; several values in their order.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Whether it came with TLS, and then which server was wanted (SNI).
    pub tls: Option<Option<String>>,
    /// SHA-256 of the client's certificate.
    pub certificate: Option<String>,
}

/// A throw-away authority, a server's certificate of it, and two clients.
pub struct Papers {
    pub authority: String,
    server: (String, String),
    pub clients: [(String, String); 2],
}

impl Papers {
    /// The server is called `localhost`, `127.0.0.1`, `api.example.test` and `other.example.test`.
    pub fn issue() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let sign = |names: &[&str], usage| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
        };
        let server = sign(&["localhost", "127.0.0.1", "api.example.test", "other.example.test"], ExtendedKeyUsagePurpose::ServerAuth);
        let client = || sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
        Self { authority: issuer.pem(), server, clients: [client(), client()] }
    }

    /// Certificate and key of the server, for another that is to be it.
    pub fn server(&self) -> (&str, &str) {
        (&self.server.0, &self.server.1)
    }

    fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).allow_unauthenticated().build().unwrap();
        let certificate = CertificateDer::from_pem_slice(self.server.0.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.server.1.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_client_cert_verifier(clients).with_single_cert(vec![certificate], key).unwrap())
    }
}

/// SHA-256 of the certificate of a PEM.
pub fn digest_of(pem: &str) -> String {
    kube_hipaa::digest::sha256_hex(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
}

type Book = Arc<Mutex<Vec<Asked>>>;

/// A server that listens until the test ends.
pub struct Listener {
    pub port: u16,
    asked: Book,
}

impl Listener {
    /// Answers `/version` under any path, and refuses the rest.
    pub fn with_tls(papers: &Papers) -> Self {
        Self::start(Some(papers.config()))
    }

    /// The same without TLS; `CONNECT` is passed on to this port of loopback, whatever host was asked for.
    pub fn in_the_clear() -> Self {
        Self::start(None)
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = Book::default();
        let book = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in socket.incoming().flatten() {
                let (book, tls) = (Arc::clone(&book), tls.clone());
                std::thread::spawn(move || {
                    // Whoever breaks off has asked nothing.
                    let _ended = serve(connection, tls, &book);
                });
            }
        });
        Self { port, asked }
    }

    /// What was asked since the last time.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(connection: TcpStream, tls: Option<Arc<ServerConfig>>, book: &Book) -> std::io::Result<()> {
    connection.set_read_timeout(Some(std::time::Duration::from_secs(20)))?;
    let Some(config) = tls else {
        let raw = connection.try_clone()?;
        return talk(BufReader::new(connection), &raw, book, &|_| (None, None));
    };
    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let raw = connection.try_clone()?;
    talk(BufReader::new(StreamOwned::new(session, connection)), &raw, book, &|stream: &BufReader<
        StreamOwned<ServerConnection, TcpStream>,
    >| {
        let session = &stream.get_ref().conn;
        let certificate = session.peer_certificates().and_then(|all| all.first()).map(|der| kube_hipaa::digest::sha256_hex(der));
        (Some(session.server_name().map(str::to_owned)), certificate)
    })
}

/// What is known of the other side beside its words.
type Known = (Option<Option<String>>, Option<String>);

/// A stream that is read line by line and written to.
trait Answering: BufRead {
    fn answer(&mut self, bytes: &[u8]) -> std::io::Result<()>;
}

impl<S: Read + Write> Answering for BufReader<S> {
    fn answer(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.get_mut().write_all(bytes)?;
        self.get_mut().flush()
    }
}

fn talk<S: Answering>(mut stream: S, raw: &TcpStream, book: &Book, known: &dyn Fn(&S) -> Known) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.entry(name.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|values| values.first()?.parse().ok()).unwrap_or(0_u64);
        std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink())?;
        let (tls, certificate) = known(&stream);
        book.lock().unwrap_or_else(PoisonError::into_inner).push(Asked {
            method: method.clone(),
            path: path.clone(),
            headers,
            tls,
            certificate,
        });
        if method == "CONNECT" {
            return pass_on(stream, raw, &path);
        }
        let (code, body) = if path.split('?').next().unwrap_or("").ends_with("/version") {
            ("200 OK", r#"{"major":"1","minor":"36","gitVersion":"v1.36.0"}"#)
        } else {
            (
                "401 Unauthorized",
                r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
            )
        };
        let head = format!("HTTP/1.1 {code}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.answer(&[head.as_bytes(), body.as_bytes()].concat())?;
    }
}

/// Passes the bytes of both sides on.
fn pass_on<S: Answering>(mut stream: S, raw: &TcpStream, to: &str) -> std::io::Result<()> {
    let port: u16 = to.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let target = TcpStream::connect(("127.0.0.1", port))?;
    stream.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_target, mut to_client) = (target.try_clone()?, raw.try_clone()?);
    std::thread::spawn(move || {
        let _copied = std::io::copy(&mut from_target, &mut to_client);
        let _closed = to_client.shutdown(Shutdown::Write);
    });
    let mut target = target;
    // Nothing comes before the answer to CONNECT, so that nothing is left in the buffer.
    let _copied = std::io::copy(&mut raw.try_clone()?, &mut target);
    let _closed = target.shutdown(Shutdown::Write);
    Ok(())
}
