//! Keys made by `ssh-keygen`, an agent, and a timestamp authority made by `openssl`: the judges of what we sign and of what we take.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Runs a program in a folder; it must end well.
pub fn must(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = tried(folder, program, arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {}", super::program::said(&output));
    output
}

/// Runs a program in a folder.
pub fn tried(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("TZ", "UTC").env("LC_ALL", "C").stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// Keys and certificates, made once for all tests.
pub struct Made {
    folder: tempfile::TempDir,
    stamps: Mutex<()>,
}

/// Kinds of keys with what `ssh-keygen` needs to make one.
pub const KINDS: [(&str, &[&str]); 6] = [
    ("ed25519", &["-t", "ed25519"]),
    ("p256", &["-t", "ecdsa", "-b", "256"]),
    ("p384", &["-t", "ecdsa", "-b", "384"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
    ("rsa2048", &["-t", "rsa", "-b", "2048"]),
    ("rsa4096", &["-t", "rsa", "-b", "4096"]),
];

const CONFIGURATION: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = x
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
[uncritical]
extendedKeyUsage = timeStamping
[both]
extendedKeyUsage = critical, timeStamping, codeSigning
[code]
extendedKeyUsage = critical, codeSigning
[authority]
serial = ./serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[older]
serial = ./serial
crypto_device = builtin
signer_digest = sha512
default_policy = 1.2.3.4.2
digests = sha256, sha384, sha512
ess_cert_id_chain = yes
ess_cert_id_alg = sha1
clock_precision_digits = 3
";

/// How an authority's key is made.
const AUTHORITIES: [(&str, &[&str], &str); 7] = [
    ("rsa", &["rsa:2048"], "stamps"),
    ("p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "stamps"),
    ("p384", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "stamps"),
    ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "stamps"),
    ("uncritical", &["rsa:2048"], "uncritical"),
    ("both", &["rsa:2048"], "both"),
    ("code", &["rsa:2048"], "code"),
];

/// All of it.
pub fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for (name, arguments) in KINDS {
            must(at, "ssh-keygen", &[&["-q", "-N", "", "-C", "a test", "-f", name], arguments].concat());
        }
        must(at, "ssh-keygen", &["-q", "-N", "open sesame", "-t", "ed25519", "-C", "a test", "-f", "locked"]);
        std::fs::write(at.join("openssl.cnf"), CONFIGURATION).unwrap();
        std::fs::write(at.join("serial"), "01\n").unwrap();
        for root in ["root", "other"] {
            let subject = format!("/O=Example/CN={root}");
            let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-config", "openssl.cnf", "-extensions", "root"];
            let (key, pem) = (format!("{root}.key"), format!("{root}.pem"));
            must(at, "openssl", &[&new[..], &["-subj", &subject, "-keyout", &key, "-out", &pem]].concat());
        }
        // An authority behind an authority.
        let (new, sign) =
            (["req", "-nodes", "-config", "openssl.cnf", "-newkey"], ["x509", "-req", "-extfile", "openssl.cnf", "-days", "3000"]);
        let middle = [&new[..], &["rsa:2048", "-subj", "/O=Example/CN=middle", "-keyout", "middle.key", "-out", "middle.csr"]].concat();
        must(at, "openssl", &middle);
        let by_root = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"];
        must(at, "openssl", &[&sign[..], &by_root, &["-in", "middle.csr", "-out", "middle.pem", "-extensions", "root"]].concat());
        for (name, key, extensions) in AUTHORITIES {
            let (private, request, pem) = (format!("tsa-{name}.key"), format!("tsa-{name}.csr"), format!("tsa-{name}.pem"));
            let subject = format!("/O=Example/CN=Stamps {name}");
            must(at, "openssl", &[&new[..], key, &["-subj", &subject, "-keyout", &private, "-out", &request]].concat());
            // That of P-384 stands behind another.
            let by: [&str; 5] = if name == "p384" { ["-CA", "middle.pem", "-CAkey", "middle.key", "-CAcreateserial"] } else { by_root };
            must(at, "openssl", &[&sign[..], &by, &["-in", &request, "-out", &pem, "-extensions", extensions]].concat());
        }
        let chain = [std::fs::read(at.join("root.pem")).unwrap(), std::fs::read(at.join("middle.pem")).unwrap()].concat();
        std::fs::write(at.join("chain.pem"), chain).unwrap();
        Made { folder, stamps: Mutex::new(()) }
    })
}

impl Made {
    /// The path of a file.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A list of allowed signers with one line: these words, and the key of that name.
    pub fn signers(&self, words: &str, key: &str) -> String {
        let public = std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        let list = format!("{words} {public}");
        let name = format!("signers-{}", &kube_hipaa::digest::sha256_hex(list.as_bytes())[..16]);
        std::fs::write(self.path(&name), list).unwrap();
        self.path(&name)
    }

    /// The signature that `ssh-keygen` makes over a message.
    pub fn signature(&self, key: &str, namespace: &str, message: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("message"), message).unwrap();
        must(folder.path(), "ssh-keygen", &["-q", "-Y", "sign", "-n", namespace, "-f", &self.path(key), "message"]);
        std::fs::read(folder.path().join("message.sig")).unwrap()
    }

    /// The answer of an authority to a request.
    pub fn answer(&self, authority: &str, section: &str, request: &[u8]) -> Vec<u8> {
        self.answered(authority, section, request, None)
    }

    /// The same; `certificates` names what else is put into the answer.
    pub fn answered(&self, authority: &str, section: &str, request: &[u8], certificates: Option<&str>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("request"), request).unwrap();
        // The serial number is a file.
        let _one = self.stamps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (pem, key) = (format!("tsa-{authority}.pem"), format!("tsa-{authority}.key"));
        let mut arguments = vec!["ts", "-reply", "-config", "openssl.cnf", "-section", section, "-signer", &pem, "-inkey", &key];
        if let Some(certificates) = certificates {
            arguments.extend(["-chain", certificates]);
        }
        let (request, reply) = (at("request"), at("reply"));
        arguments.extend(["-queryfile", &request, "-out", &reply]);
        must(self.folder(), "openssl", &arguments);
        std::fs::read(reply).unwrap()
    }

    /// A timestamp over a message, by a request that `openssl` makes.
    pub fn stamp(&self, authority: &str, section: &str, digest: &str, message: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("message"), message).unwrap();
        must(folder.path(), "openssl", &["ts", "-query", "-data", "message", digest, "-cert", "-out", "request"]);
        self.answer(authority, section, &std::fs::read(folder.path().join("request")).unwrap())
    }
}

/// An answer that no authority gives: what `content` says, signed as a timestamp with the key of a certificate that `openssl ts` would not
/// sign with.
pub fn forged(authority: &str, content: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("content"), content).unwrap();
    let at = |name: &str| made().path(&format!("tsa-{authority}.{name}"));
    let sign = ["cms", "-sign", "-cades", "-binary", "-nodetach", "-md", "sha256", "-econtent_type", "1.2.840.113549.1.9.16.1.4"];
    let files = ["-in", "content", "-signer", &at("pem"), "-inkey", &at("key"), "-outform", "DER", "-out", "token"];
    must(folder.path(), "openssl", &[&sign[..], &files].concat());
    let token = std::fs::read(folder.path().join("token")).unwrap();
    let length = u16::try_from(token.len() + 5).unwrap().to_be_bytes();
    [&[0x30, 0x82][..], &length, &[0x30, 3, 2, 1, 0], &token].concat()
}

/// What was signed in an answer.
pub fn content(answer: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("answer"), answer).unwrap();
    must(folder.path(), "openssl", &["ts", "-reply", "-in", "answer", "-token_out", "-out", "token"]);
    must(folder.path(), "openssl", &["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "token", "-out", "content"]);
    std::fs::read(folder.path().join("content")).unwrap()
}

/// A key agent of OpenSSH with one key.
pub struct Agent {
    child: Child,
    folder: tempfile::TempDir,
}

impl Agent {
    /// Starts one that holds a key of that name.
    pub fn start(key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let child = Command::new("ssh-agent").args(["-D", "-a", socket.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap();
        let agent = Self { child, folder };
        for _ in 0..500 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = Command::new("ssh-add").args(["-q", &made().path(key)]).env("SSH_AUTH_SOCK", agent.socket()).output().unwrap();
        assert!(output.status.success(), "{}", super::program::said(&output));
        agent
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A timestamp authority that is asked over HTTP. It goes on until the tests end.
pub struct Authority {
    /// Its address.
    pub url: String,
    asked: Arc<AtomicUsize>,
}

impl Authority {
    /// Starts one that answers with what `answer` makes of a request: the whole answer of HTTP.
    pub fn start(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/tsr", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                count.fetch_add(1, Ordering::Relaxed);
                let Some((head, body)) = request(&mut stream) else { continue };
                assert!(head.starts_with("POST /tsr HTTP/1.1\r\n") && head.contains("application/timestamp-query"), "{head}");
                // Whoever was given a wrong answer may have gone away.
                let _sent = stream.write_all(&answer(&body));
            }
        });
        Self { url, asked }
    }

    /// One that stamps what it is asked.
    pub fn honest() -> Self {
        Self::start(|request| reply(&made().answer("rsa", "authority", request)))
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// An answer of HTTP with these bytes.
pub fn reply(bytes: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\ncontent-length: {}\r\n\r\n", bytes.len());
    [head.as_bytes(), bytes].concat()
}

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&buffer[..n]);
        let Some(end) = read.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
        if read.len() >= end + 4 + length {
            let head = String::from_utf8_lossy(&read[..end + 4]).into_owned();
            return Some((head, read[end + 4..].to_vec()));
        }
    }
}
