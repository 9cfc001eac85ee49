//! Timestamps: what we ask `openssl` reads, what its authority stamps we accept, and neither takes one that is not over this bundle.

use std::path::Path;
use std::process::Output;

use kube_hipaa::bundle::{Bag, Expected, MarkState, TAG_MANIFEST, TIMESTAMP, Verdict, verify};
use kube_hipaa::signing::{Authorities, Request, Timestamp};
use serde_json::Value;

use crate::cli::{assert_error, code, run, stderr, stdout};
use crate::support::bundles::{Files, by_shell, problems, small, with_lists_rewritten, write};
use crate::support::chance::Chance;
use crate::support::signing::{Authority, content, forged, made, must, reply, tried};

const VECTOR: &str = "examples/bundle-vector.zip";

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

fn list() -> Vec<u8> {
    small(None)[TAG_MANIFEST].clone()
}

fn with(stamp: Vec<u8>) -> Files {
    let mut files = small(None);
    files.insert(TIMESTAMP.to_owned(), stamp);
    files
}

fn checked(files: &Files, authority: Option<&str>) -> Verdict {
    let authorities = authority.map(|name| Authorities::read(&std::fs::read(made().path(name)).unwrap()).unwrap());
    verify(&Bag::in_memory(files.clone()), Expected { authorities: authorities.as_ref(), ..Expected::default() }).unwrap()
}

fn shell(files: &Files, authority: Option<&str>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("bag"), files);
    let path = authority.map(|name| made().path(name));
    let options: Vec<&str> = path.iter().flat_map(|path| ["--tsa-ca", path.as_str()]).collect();
    by_shell(&folder.path().join("bag"), &options)
}

fn accepted(name: &str, files: &Files, authority: Option<&str>) {
    let verdict = checked(files, authority);
    let state = if authority.is_some() { MarkState::Trusted } else { MarkState::Valid };
    assert!(verdict.whole && verdict.timestamp.state == state, "{name}: {:?}", verdict.problems);
    let output = shell(files, authority);
    assert_eq!(code(&output), 0, "{name}: {}", stdout(&output));
}

/// Both verifiers refuse it, and name the file.
fn refused(name: &str, files: &Files, authority: Option<&str>, why: &str) {
    let verdict = checked(files, authority);
    assert_eq!(problems(&verdict), [format!("timestamp {TIMESTAMP}")], "{name}: {:?}", verdict.problems);
    assert!(verdict.problems[0].what.contains(why), "{name}: {:?}", verdict.problems);
    assert_eq!(verdict.timestamp.state, MarkState::Bad, "{name}");
    let output = shell(files, authority);
    assert!(code(&output) == 5 && stdout(&output).contains(TIMESTAMP), "{name}: {}", stdout(&output));
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn an_authority_is_asked_once_and_its_answer_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("stamped").display().to_string();
    let authority = Authority::honest();
    let output = run(&["bundle", VECTOR, "-o", &place, "--timestamp-url", &authority.url]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("Stamped  20") && stdout(&output).contains("by O=Example, CN=Stamps rsa"), "{}", stdout(&output));
    assert_eq!(authority.asked(), 1);
    let root = made().path("root.pem");
    let judge = must(Path::new(&place), "openssl", &["ts", "-verify", "-data", TAG_MANIFEST, "-in", TIMESTAMP, "-CAfile", &root]);
    assert!(stdout(&judge).contains("Verification: OK"), "{}", stdout(&judge));
    let output = run(&["verify", &place, "--tsa-ca", &root, "--require-timestamp", "--format", "json"]);
    let verdict = json(&output);
    assert_eq!((code(&output), &verdict["timestamp"]["state"]), (0, &"trusted".into()), "{verdict}");
    assert_eq!(
        (&verdict["timestamp"]["policy"], &verdict["timestamp"]["authority"]),
        (&"1.2.3.4.1".into(), &"O=Example, CN=Stamps rsa".into())
    );
    let text = stdout(&run(&["verify", &place]));
    assert!(text.contains("Timestamp 20") && text.contains("not checked against an authority"), "{text}");
    let output = by_shell(Path::new(&place), &["--tsa-ca", &root, "--require-timestamp"]);
    assert!(code(&output) == 0 && stdout(&output).contains("Timestamp 20"), "{}", stdout(&output));
    // Without one it is said where one is required.
    let unstamped = tempfile::tempdir().unwrap();
    write(unstamped.path(), &small(None));
    for output in
        [run(&["verify", unstamped.path().to_str().unwrap(), "--require-timestamp"]), by_shell(unstamped.path(), &["--require-timestamp"])]
    {
        assert!(code(&output) == 5 && stdout(&output).contains("a timestamp is required"), "{}", stdout(&output));
    }
}

/// What an authority makes of a request: the whole answer of HTTP.
type Answer = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

fn made_of(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Answer {
    Box::new(answer)
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn an_answer_that_is_no_timestamp_over_this_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("x.zip").display().to_string();
    let of_another = |request: &[u8]| made().answer("rsa", "authority", Request::new(&[request, b"x"].concat(), [7; 8]).bytes());
    let older = made().answer("rsa", "authority", Request::new(&list(), [1; 8]).bytes());
    let cases = [
        ("of another request", made_of(move |_| reply(&older)), "it answers another request"),
        ("over something else", made_of(move |request| reply(&of_another(request))), "it answers another request"),
        ("refused", made_of(|_| reply(&[0x30, 5, 0x30, 3, 2, 1, 2])), "the authority refused: status 2"),
        ("an error", made_of(|_| b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec()), "it answered 503"),
        (
            "elsewhere",
            made_of(|_| b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec()),
            "it sends on to another address",
        ),
        ("a page", made_of(|_| reply(b"<html>")), "it cannot be read as the answer"),
        ("nothing", made_of(|_| reply(b"")), "it cannot be read as the answer"),
        ("too much", made_of(|_| reply("x".repeat(300_000).as_bytes())), "cannot ask"),
        ("no HTTP", made_of(|_| b"SSH-2.0\r\n".to_vec()), "cannot ask"),
        (
            "changed",
            made_of(|request| {
                let mut answer = made().answer("rsa", "authority", request);
                // The last byte of the signature.
                *answer.last_mut().unwrap() ^= 1;
                reply(&answer)
            }),
            "its signature is not good",
        ),
    ];
    for (name, answer, why) in cases {
        let authority = Authority::start(answer);
        let output = run(&["bundle", VECTOR, "-o", &place, "--timestamp-url", &authority.url]);
        assert_error(&output, 2, why, "add the timestamp later");
        assert!(!Path::new(&place).exists(), "{name}");
    }
    for (url, why) in
        [("127.0.0.1:1", "it is no address"), ("ftp://x/", "it is no address"), ("http://127.0.0.1:1/", "cannot ask http://127.0.0.1:1/")]
    {
        assert_error(&run(&["bundle", VECTOR, "-o", &place, "--timestamp-url", url]), 2, why, "");
    }
    // A password in an address is nobody's business.
    let output = run(&["bundle", VECTOR, "-o", &place, "--timestamp-url", "http://me:secret@127.0.0.1:1/"]);
    assert!(code(&output) == 2 && !stderr(&output).contains("secret"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Where there is no network: the request is written, taken elsewhere, and the answer brought back.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_request_is_taken_elsewhere_and_the_answer_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let output = run(&["bundle", VECTOR, "-o", &at("a"), "--timestamp-request", &at("request.tsq")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("curl") && stdout(&output).contains("--timestamp-reply"), "{}", stdout(&output));
    let read = must(folder.path(), "openssl", &["ts", "-query", "-in", "request.tsq", "-text"]);
    let text = stdout(&read);
    assert!(text.contains("Hash Algorithm: sha256") && text.contains("Nonce: 0x") && text.contains("Certificate required: yes"), "{text}");
    let request = std::fs::read(at("request.tsq")).unwrap();
    assert!(Request::read(&request).unwrap().is_for(&list()));
    std::fs::write(at("reply"), made().answer("rsa", "authority", &request)).unwrap();
    let stamping = |to: &str, reply: &str, request: &str| {
        run(&["bundle", &at("a"), "-o", &at(to), "--timestamp-reply", &at(reply), "--timestamp-request", &at(request)])
    };
    let output = stamping("b.zip", "reply", "request.tsq");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = run(&["verify", &at("b.zip"), "--tsa-ca", &made().path("root.pem"), "--require-timestamp"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    // Of another request, over another bundle, and what is none.
    std::fs::write(at("other.tsq"), Request::new(&list(), [9; 8]).bytes()).unwrap();
    assert_error(&stamping("x", "reply", "other.tsq"), 2, "it answers another request", "the same id");
    std::fs::write(at("other"), made().stamp("rsa", "authority", "-sha256", b"another")).unwrap();
    let output = run(&["bundle", &at("a"), "-o", &at("x"), "--timestamp-reply", &at("other")]);
    assert_error(&output, 2, "it was not made over this bundle", "the same id");
    assert_error(&stamping("x", "request.tsq", "request.tsq"), 2, "it cannot be read as the answer", "");
    assert_error(&stamping("x", "reply", "reply"), 2, "it is no request for a timestamp", "--timestamp-request wrote");
    assert!(!Path::new(&at("x")).exists());
    // A request is not written over something else.
    assert_error(&run(&["bundle", VECTOR, "-o", &at("x"), "--timestamp-request", &at("reply")]), 2, "already exists", "--force");
    let output = run(&["bundle", VECTOR, "-o", &at("x"), "--timestamp-request", &at("reply"), "--force"]);
    assert_error(&output, 2, "it is no request for a timestamp", "");
    let output = run(&["bundle", VECTOR, "-o", &at("a"), "--timestamp-request", &at("request.tsq"), "--force"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn authorities_of_every_kind() {
    for authority in ["rsa", "p256", "p521"] {
        for (section, digest) in [("authority", "-sha256"), ("older", "-sha512"), ("authority", "-sha384")] {
            let files = with(made().stamp(authority, section, digest, &list()));
            accepted(authority, &files, Some("root.pem"));
        }
    }
    // One that stands behind another, which is in the file or in the answer.
    let request = Request::new(&list(), [3; 8]);
    let (bare, whole) =
        (made().answer("p384", "older", request.bytes()), made().answered("p384", "older", request.bytes(), Some("chain.pem")));
    accepted("the chain in the file", &with(bare.clone()), Some("chain.pem"));
    accepted("the chain in the answer", &with(whole), Some("root.pem"));
    accepted("nobody named", &with(bare.clone()), None);
    refused("no chain", &with(bare), Some("root.pem"), "its issuer is not among them");
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_timestamp_that_is_not_over_this_bundle_or_of_nobody_named() {
    let good = made().stamp("rsa", "authority", "-sha256", &list());
    for authority in [None, Some("root.pem")] {
        accepted("good", &with(good.clone()), authority);
        refused(
            "of another bundle",
            &with(made().stamp("rsa", "authority", "-sha256", b"another")),
            authority,
            "not made over this bundle",
        );
        refused("empty", &with(Vec::new()), authority, "cannot be read");
        refused("cut", &with(good[..good.len() - 1].to_vec()), authority, "cannot be read");
        refused("with something behind", &with([good.as_slice(), b"x"].concat()), authority, "cannot be read");
        let mut changed = good.clone();
        *changed.last_mut().unwrap() ^= 1;
        refused("another signature", &with(changed), authority, "its signature is not good");
    }
    refused("another authority", &with(good.clone()), Some("other.pem"), "its issuer is not among them");
    let mut rewritten = with(good);
    rewritten.get_mut("data/report.md").unwrap()[2] ^= 1;
    refused("lists written again", &with_lists_rewritten(rewritten), Some("root.pem"), "not made over this bundle");
}

/// RFC 3161, section 2.3: a certificate for timestamps is for nothing else, and says so as a critical extension.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_certificate_for_something_else_stamps_nothing() {
    let honest = content(&made().stamp("rsa", "authority", "-sha256", &list()));
    accepted("the way it is forged", &with(forged("rsa", &honest)), Some("root.pem"));
    for (authority, why) in [
        ("uncritical", "does not say, as a critical extension"),
        ("both", "for something else than timestamps"),
        ("code", "for something else than timestamps"),
    ] {
        refused(authority, &with(forged(authority, &honest)), Some("root.pem"), why);
    }
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_timestamp_from_before_the_collection() {
    let later = |files: Files| -> Files {
        // Everything that is dated, two hundred years on.
        let files = files.into_iter().map(|(name, bytes)| {
            let text = String::from_utf8(bytes.clone());
            (name, text.map_or(bytes, |text| text.replace("2026-11-28", "2226-11-28").into_bytes()))
        });
        with_lists_rewritten(files.collect())
    };
    let mut files = later(small(None));
    files.insert(TIMESTAMP.to_owned(), made().stamp("rsa", "authority", "-sha256", &files[TAG_MANIFEST]));
    for authority in [None, Some("root.pem")] {
        refused("early", &files, authority, "from before the end of the collection");
    }
    // And it is not kept when it is made.
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let stamp = files.remove(TIMESTAMP).unwrap();
    write(Path::new(&at("bag")), &files);
    std::fs::write(at("reply"), stamp).unwrap();
    let output = run(&["bundle", &at("bag"), "-o", &at("x"), "--timestamp-reply", &at("reply")]);
    assert_error(&output, 2, "before the end of the collection at 2226-11-28", "clock");
    assert!(!Path::new(&at("x")).exists());
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_file_of_authorities_that_names_none() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &with(made().stamp("rsa", "authority", "-sha256", &list())));
    for (name, why) in [
        ("middle.pem", "it holds no root"),
        ("root.key", "something else than certificates in PEM"),
        ("ed25519.pub", "it holds no root"),
        ("tsa-rsa.pem", "it holds no root"),
    ] {
        let output = run(&["verify", folder.path().to_str().unwrap(), "--tsa-ca", &made().path(name)]);
        assert_error(&output, 2, why, "root certificate");
    }
}

/// No bytes whatever make it fail, and none that are not signed are believed.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn every_byte_of_an_answer_is_looked_at() {
    let good = made().stamp("p256", "authority", "-sha256", &list());
    let root = Authorities::read(&std::fs::read(made().path("root.pem")).unwrap()).unwrap();
    let check = |bytes: &[u8]| Timestamp::read(bytes).and_then(|stamp| stamp.check(&list(), Some(&root)));
    let stamp = check(&good).unwrap();
    let mut same = 0;
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            if let Ok(other) = check(&changed) {
                same += 1;
                assert_eq!(other, stamp, "bit {bit} of byte {at}");
            }
        }
        assert!(check(&good[..at]).is_err());
    }
    eprintln!("{} changes, of which {same} change nothing that is believed", good.len() * 8);
    assert!(same < good.len());
}

/// An answer may hold certificates that nothing needs and no signature covers: what `openssl` cannot read of them is not taken here either.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
#[expect(clippy::print_stderr, reason = "the numbers are for people, with --nocapture")]
fn a_flip_anywhere_in_an_answer_is_judged_as_by_openssl() {
    let request = Request::new(&list(), [3; 8]);
    let whole = made().answered("p384", "authority", request.bytes(), Some("chain.pem"));
    accepted("as it came", &with(whole.clone()), Some("root.pem"));
    let mut chance = Chance::new(20_261_129);
    let (mut passed, mut otherwise) = (0, Vec::new());
    for _ in 0..150 {
        let (at, bit) = (chance.below(whole.len()), chance.below(8));
        let mut changed = whole.clone();
        changed[at] ^= 1 << bit;
        let files = with(changed);
        let (ours, theirs) = (checked(&files, Some("root.pem")).whole, code(&shell(&files, Some("root.pem"))) == 0);
        passed += u32::from(ours);
        if ours != theirs {
            otherwise.push(format!("bit {bit} of byte {at}: {}", if ours { "passes here alone" } else { "passes by openssl alone" }));
        }
    }
    eprintln!("150 flips: {passed} pass, {} are judged otherwise", otherwise.len());
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

/// Every bundle of a record is signed and stamped; where nothing is sealed, nothing is signed.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_record_is_signed_and_stamped() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record").display().to_string();
    std::fs::create_dir(&record).unwrap();
    let (authority, snapshot) = (Authority::honest(), "tests/golden/empty-cluster.zip");
    let (key, root) = (made().path("ed25519"), made().path("root.pem"));
    let output = run(&["assess", snapshot, "--store", &record, "--sign-key", &key, "--timestamp-url", &authority.url]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("Signed    by SHA256:") && stdout(&output).contains("Stamped   20"), "{}", stdout(&output));
    assert_eq!(authority.asked(), 1);
    let verified = |signers: &str| {
        let marks = ["--allowed-signers", signers, "--require-signature", "--tsa-ca", &root, "--require-timestamp"];
        run(&[&["verify", &record], &marks[..]].concat())
    };
    let output = verified(&made().signers("ops", "ed25519"));
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let output = verified(&made().signers("ops", "p256"));
    assert_eq!(code(&output), 5, "{}", stdout(&output));
    assert_error(&run(&["assess", snapshot, "--sign-key", &key]), 2, "--sign-key does nothing here", "");
    let by_hand = run(&["assess", snapshot, "--store", &record, "--timestamp-request", "x"]);
    assert_error(&by_hand, 2, "--timestamp-request does nothing here", "");
}

/// The commands of README.txt, as they stand there.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn the_readme_says_how_to_check_both() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bag").display().to_string();
    let authority = Authority::honest();
    let output = run(&["bundle", VECTOR, "-o", &place, "--sign-key", &made().path("ed25519"), "--timestamp-url", &authority.url]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let readme = std::fs::read_to_string(Path::new(&place).join("README.txt")).unwrap();
    let (_, section) = readme.split_once("Signature and time\n").unwrap();
    let commands: String = section.lines().filter(|line| line.starts_with("     ")).map(|line| format!("{}\n", line.trim())).collect();
    let commands = commands
        .replace("SIGNERS", &made().signers("ops@clinic.example", "ed25519"))
        .replace("CA.pem", &made().path("root.pem"))
        .replace("=AT ", "=20261128160300 ");
    assert!(commands.contains("ssh-keygen -Y verify") && commands.contains("openssl ts -verify"), "{commands}");
    let output = tried(Path::new(&place), "sh", &["-e", "-c", &commands]);
    let said = format!("{}{}", stdout(&output), stderr(&output));
    assert!(output.status.success(), "{commands}{said}");
    assert!(said.contains("Good \"kube-hipaa\" signature for ops@clinic.example") && said.contains("Verification: OK"), "{said}");
}
