//! Signatures: what we sign `ssh-keygen` accepts, what it signs we accept, and neither takes one that was not made for this bundle.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use kube_hipaa::bundle::{Bag, Expected, MarkState, SIGNATURE, TAG_MANIFEST, Verdict, verify};
use kube_hipaa::signing::AllowedSigners;
use serde_json::Value;

use crate::cli::{assert_error, code, run, stderr, stdout};
use crate::support::bundles::{Files, by_shell, problems, read, small, with_lists_rewritten, write, zipped};
use crate::support::signing::{Agent, Authority, KINDS, made, tried};

const VECTOR: &str = "examples/bundle-vector.zip";

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// The small bundle with this signature.
fn with(signature: Vec<u8>) -> Files {
    let mut files = small(None);
    files.insert(SIGNATURE.to_owned(), signature);
    files
}

fn list() -> Vec<u8> {
    small(None)[TAG_MANIFEST].clone()
}

fn checked(files: &Files, signers: Option<&str>) -> Verdict {
    let signers = signers.map(|path| AllowedSigners::read(&std::fs::read_to_string(path).unwrap()).unwrap());
    verify(&Bag::in_memory(files.clone()), Expected { signers: signers.as_ref(), ..Expected::default() }).unwrap()
}

/// What the script says of a bundle with these options.
fn shell(files: &Files, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("bag"), files);
    by_shell(&folder.path().join("bag"), options)
}

/// Both verifiers refuse it, and name the file.
fn refused(name: &str, files: &Files, signers: Option<&str>, why: &str) {
    let verdict = checked(files, signers);
    assert_eq!(problems(&verdict), [format!("signature {SIGNATURE}")], "{name}: {:?}", verdict.problems);
    assert!(verdict.problems[0].what.contains(why), "{name}: {:?}", verdict.problems);
    assert_eq!(verdict.signature.state, MarkState::Bad, "{name}");
    let options: Vec<&str> = signers.into_iter().flat_map(|path| ["--allowed-signers", path]).collect();
    let output = shell(files, &options);
    assert!(code(&output) == 5 && stdout(&output).contains(SIGNATURE), "{name}: {}", stdout(&output));
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn what_is_signed_here_is_accepted_by_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, _) in KINDS {
        let place = folder.path().join(kind).display().to_string();
        let output = run(&["bundle", VECTOR, "-o", &place, "--sign-key", &made().path(kind)]);
        assert_eq!(code(&output), 0, "{kind}: {}", stderr(&output));
        let signers = made().signers("ops@clinic.example namespaces=\"kube-hipaa\"", kind);
        let judge = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-f", &signers, "-I", "ops@clinic.example", "-n", "kube-hipaa", "-s", SIGNATURE])
            .current_dir(&place)
            .stdin(std::fs::File::open(Path::new(&place).join(TAG_MANIFEST)).unwrap())
            .output()
            .unwrap();
        assert!(judge.status.success(), "{kind}: {}", stderr(&judge));
        let fingerprint = stdout(&tried(Path::new("."), "ssh-keygen", &["-l", "-f", &made().path(kind)]));
        let fingerprint = fingerprint.split(' ').nth(1).unwrap();
        assert!(stdout(&output).contains(&format!("Signed   by {fingerprint}\n")), "{}", stdout(&output));
        let output = run(&["verify", &place, "--allowed-signers", &signers, "--require-signature", "--format", "json"]);
        let verdict = json(&output);
        assert_eq!((code(&output), &verdict["signature"]["state"]), (0, &"trusted".into()), "{kind}: {verdict}");
        assert_eq!(
            (&verdict["signature"]["signers"][0], &verdict["signature"]["key"]),
            (&"ops@clinic.example".into(), &fingerprint.into())
        );
        let output = by_shell(Path::new(&place), &["--allowed-signers", &signers, "--require-signature"]);
        assert!(code(&output) == 0 && stdout(&output).contains("Signature by ops@clinic.example"), "{kind}: {}", stdout(&output));
    }
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn what_ssh_keygen_signs_is_accepted_here() {
    for (kind, _) in KINDS {
        let files = with(made().signature(kind, "kube-hipaa", &list()));
        let signers = made().signers("\"a b\"", kind);
        let verdict = checked(&files, Some(&signers));
        assert!(verdict.whole && verdict.signature.state == MarkState::Trusted, "{kind}: {:?}", verdict.problems);
        assert_eq!(verdict.signature.signers, ["a b"], "{kind}");
        // Without a list nobody says that this key may sign.
        assert_eq!(checked(&files, None).signature.state, MarkState::Valid, "{kind}");
    }
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn without_a_list_it_is_said_that_there_was_none() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &with(made().signature("ed25519", "kube-hipaa", &list())));
    let output = run(&["verify", folder.path().to_str().unwrap()]);
    let text = stdout(&output);
    assert!(code(&output) == 0 && text.contains("Signature signed by SHA256:") && text.contains("not checked against a list"), "{text}");
    let output = by_shell(folder.path(), &[]);
    assert!(code(&output) == 0 && stdout(&output).contains("not checked against a list"), "{}", stdout(&output));
    let unsigned = tempfile::tempdir().unwrap();
    write(unsigned.path(), &small(None));
    for output in
        [run(&["verify", unsigned.path().to_str().unwrap(), "--require-signature"]), by_shell(unsigned.path(), &["--require-signature"])]
    {
        assert!(code(&output) == 5 && stdout(&output).contains("a signature is required"), "{}", stdout(&output));
    }
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_signature_that_was_not_made_for_this_bundle() {
    let (ours, anybody) = (made().signers("ops", "ed25519"), made().signers("ops namespaces=\"*\"", "p256"));
    let good = made().signature("ed25519", "kube-hipaa", &list());
    for signers in [None, Some(ours.as_str())] {
        refused("of another bundle", &with(made().signature("ed25519", "kube-hipaa", b"another list")), signers, "not made over this");
        refused("of another purpose", &with(made().signature("ed25519", "file", &list())), signers, "another purpose");
        refused("empty", &with(Vec::new()), signers, "not the form");
        refused("cut", &with(good[..good.len() - 40].to_vec()), signers, "not the form");
        refused("with something behind", &with([good.as_slice(), b"more\n"].concat()), signers, "not the form");
        refused("twice", &with([good.as_slice(), &good].concat()), signers, "not the form");
    }
    refused("of a stranger", &with(good.clone()), Some(&anybody), "is not in the list");
    assert!(checked(&with(good), Some(&ours)).whole);
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn the_list_says_for_what_and_when_a_key_may_sign() {
    // The bundle was collected on 28 November 2026.
    let files = with(made().signature("ed25519", "kube-hipaa", &list()));
    let signers = |options: &str| made().signers(&format!("ops {options}"), "ed25519");
    for options in ["namespaces=\"kube-*\"", "valid-after=\"20261128Z\"", "valid-after=\"20261127Z\",valid-before=\"20261128160300Z\""] {
        let list = signers(options);
        assert!(checked(&files, Some(&list)).whole, "{options}: {:?}", checked(&files, Some(&list)).problems);
        let output = shell(&files, &["--allowed-signers", &list]);
        assert_eq!(code(&output), 0, "{options}: {}", stdout(&output));
    }
    for (options, why) in [
        ("namespaces=\"file\"", "not for the namespace"),
        ("valid-after=\"20261129Z\"", "from a later time on"),
        ("valid-before=\"20261128160259Z\"", "until an earlier time"),
        ("cert-authority", "signs certificates"),
    ] {
        refused(options, &files, Some(&signers(options)), why);
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files);
    let output = run(&["verify", folder.path().to_str().unwrap(), "--allowed-signers", &signers("valid-after=\"20261128\"")]);
    assert_error(&output, 2, "has 1 problem(s)", "Correct the lines");
    assert!(stderr(&output).contains(":1: `20261128` means another moment in each time zone"), "{}", stderr(&output));
    let output = run(&["verify", folder.path().to_str().unwrap(), "--allowed-signers", "README.md"]);
    assert_error(&output, 2, "README.md", "Correct the lines");
}

/// A list is read as ssh-keygen reads it: what it trusts nobody for, nobody is trusted for here.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_list_is_no_weaker_here_than_for_ssh_keygen() {
    let signature = made().signature("ed25519", "kube-hipaa", &list());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    write(Path::new(&at("bag")), &with(signature.clone()));
    std::fs::write(at("sig"), signature).unwrap();
    std::fs::write(at("list"), list()).unwrap();
    let public =
        |key: &str| std::fs::read_to_string(made().path(&format!("{key}.pub"))).unwrap().split(' ').take(2).collect::<Vec<_>>().join(" ");
    let (key, other) = (public("ed25519"), public("p256"));
    let (kind, blob) = key.split_once(' ').unwrap();
    let ours = "namespaces=\"kube-hipaa\"";
    // Whether somebody may sign by it, and whom ssh-keygen is asked for.
    let lists = [
        (true, "a", format!("a {key}")),
        (true, "a", format!("a {ours} {key}")),
        (true, "a", format!("a\t{kind}\t{blob}")),
        (true, "a", format!("a  {kind}  {blob}  a comment")),
        (true, "a", format!(" \t\"a\"{key}")),
        (true, "c", format!("!a,c {key}")),
        (true, "c", format!("*,!a {key}")),
        (true, "a", format!("a,, {key}")),
        (true, "a", format!("a {key}\r")),
        (true, "a", format!("a namespaces=\"file\" {key}\na {key}")),
        (false, "a", format!("a namespaces=\"file\",{ours} {key}")),
        (false, "a", format!("a {ours},namespaces=\"file\" {key}")),
        (false, "a", format!("a valid-before=\"20200101Z\",valid-before=\"20300101Z\" {key}")),
        (false, "a", format!("a valid-after=\"20300101Z\",valid-after=\"20200101Z\" {key}")),
        (false, "a", format!("a valid-after=\"20260101Z\",valid-before=\"20260101Z\" {key}")),
        (false, "a", format!("a valid-after=\"19700101Z\" {key}")),
        (false, "a", format!("!a {key}")),
        (false, "a", format!("!* {key}")),
        (false, "a", format!("a,!* {key}")),
        (false, "a", format!(", {key}")),
        (false, "a", format!("a\0 {key}")),
        (false, "a", format!("\u{a0}a {key}")),
        (false, "a", format!("\u{feff}a {key}")),
        (false, "a", format!("a cert-authority {key}")),
        (false, "a", format!("a namespaces=\"!kube-hipaa,*\" {key}")),
        (false, "a", format!("a {other}")),
    ];
    for (may, who, text) in lists {
        std::fs::write(at("signers"), format!("{text}\n")).unwrap();
        let judge = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-f", &at("signers"), "-I", who, "-n", "kube-hipaa", "-s", &at("sig"), "-Overify-time=20261128160300"])
            .env("TZ", "UTC")
            .stdin(std::fs::File::open(at("list")).unwrap())
            .output()
            .unwrap();
        assert_eq!(judge.status.success(), may, "ssh-keygen: {text:?}: {}", stderr(&judge));
        let options = ["--allowed-signers", &at("signers"), "--require-signature"];
        let here = run(&[&["verify", &at("bag")], &options[..]].concat());
        assert_eq!(code(&here) == 0, may, "{text:?}: {}{}", stdout(&here), stderr(&here));
        let shell = by_shell(Path::new(&at("bag")), &options);
        assert_eq!(code(&shell) == 0, may, "verify.sh: {text:?}: {}", stdout(&shell));
    }
}

/// What is in a record cannot be signed any more: that it is there already is no answer to who asks for a signature.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_bundle_that_is_in_a_record_is_not_said_to_be_signed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let evidence = crate::support::bundles::evidence("empty", folder.path()).display().to_string();
    let (key, other) = (made().path("ed25519"), made().path("p256"));
    let (record, signed) = (at("record"), at("signed"));
    std::fs::create_dir(&record).unwrap();
    std::fs::create_dir(&signed).unwrap();
    let adding = |record: &str, more: &[&str]| run(&[&["bundle", &evidence, "--store", record], more].concat());
    assert_eq!(code(&adding(&record, &[])), 0);
    assert_error(&adding(&record, &["--sign-key", &key]), 2, "will not sign", "in the run that adds");
    // Nobody is asked for what could not be kept.
    let authority = Authority::honest();
    assert_error(&adding(&record, &["--timestamp-url", &authority.url]), 2, "will not stamp", "in the run that adds");
    assert_eq!(authority.asked(), 0);
    assert!(stdout(&adding(&record, &[])).contains("it was there already"));
    let output = run(&["assess", "tests/golden/empty-cluster.zip", "-q", "--store", &record, "--sign-key", &key]);
    assert!(!stderr(&output).contains("was not stored"), "{}", stderr(&output));
    // The same run again, such as one whose answer was lost, is done.
    let marks = ["--sign-key", &key, "--timestamp-url", &authority.url];
    for word in ["read back and compared", "it was there already"] {
        let output = adding(&signed, &marks);
        assert!(
            code(&output) == 0 && stdout(&output).contains(word) && stdout(&output).contains("Signed    by SHA256:"),
            "{}{}",
            stdout(&output),
            stderr(&output)
        );
    }
    assert_eq!(authority.asked(), 1);
    assert_error(&adding(&signed, &["--sign-key", &other]), 2, "will not sign", "kube-hipaa bundle");
}

/// Whoever writes the lists again needs the key, too.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn lists_that_were_written_again_without_the_signature() {
    let mut files = with(made().signature("ed25519", "kube-hipaa", &list()));
    files.get_mut("data/report.md").unwrap()[2] ^= 1;
    let forged = with_lists_rewritten(files);
    refused("forged", &forged, Some(&made().signers("ops", "ed25519")), "not made over this");
    // With a signature of their own it is whole, and signed by nobody whom the list knows.
    let mut signed = forged;
    signed.insert(SIGNATURE.to_owned(), made().signature("p256", "kube-hipaa", &signed[TAG_MANIFEST]));
    assert!(checked(&signed, None).whole);
    refused("signed again", &signed, Some(&made().signers("ops", "ed25519")), "is not in the list");
}

fn with_environment(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    // Not this session's terminal, and not its agent.
    command.args(arguments).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).envs(variables.iter().copied());
    command.output().unwrap()
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_key_with_a_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("right"), "open sesame\n").unwrap();
    std::fs::write(at("wrong"), "open barley\n").unwrap();
    let key = made().path("locked");
    let sealing = |to: &str, more: &[&str], variables: &[(&str, &str)]| {
        with_environment(&[&["bundle", VECTOR, "-o", &at(to), "--sign-key", &key], more].concat(), variables)
    };
    let right = at("right");
    for (to, more, variables) in [
        ("a", &["--sign-key-passphrase", right.as_str()][..], &[][..]),
        ("b", &[][..], &[("KUBE_HIPAA_SIGN_KEY_PASSPHRASE_FILE", right.as_str())][..]),
        ("c", &[][..], &[("KUBE_HIPAA_SIGN_KEY_PASSPHRASE", "open sesame")][..]),
    ] {
        let output = sealing(to, more, variables);
        assert_eq!(code(&output), 0, "{to}: {}", stderr(&output));
        let output = run(&["verify", &at(to), "--allowed-signers", &made().signers("ops", "locked"), "--require-signature"]);
        assert_eq!(code(&output), 0, "{to}: {}", stdout(&output));
    }
    assert_error(&sealing("x", &["--sign-key-passphrase", &at("wrong")], &[]), 2, "the passphrase does not open it", "ssh-keygen -y");
    assert_error(&sealing("x", &[], &[("KUBE_HIPAA_SIGN_KEY_PASSPHRASE", "")]), 2, "the passphrase does not open it", "");
    assert!(!Path::new(&at("x")).exists());
}

/// On a terminal the passphrase is asked for, and not shown.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_passphrase_is_asked_for_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("asked").display().to_string();
    let program = env!("CARGO_BIN_EXE_kube-hipaa");
    let command = format!("'{program}' bundle {VECTOR} -o '{place}' --sign-key '{}'", made().path("locked"));
    let typed = |text: &'static str| {
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", &command, "/dev/null"])
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = child.stdin.take().unwrap();
        let typing = std::thread::spawn(move || {
            // Once it was asked; what is typed before is not lost, but shown.
            std::thread::sleep(std::time::Duration::from_millis(1500));
            let _typed = keys.write_all(text.as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(3000));
        });
        let output = child.wait_with_output().unwrap();
        typing.join().unwrap();
        output
    };
    let output = typed("open barley\u{15}open sesamm\u{7f}e\r");
    let text = stdout(&output);
    assert!(output.status.success() && text.contains("Passphrase of ") && text.contains("Signed   by SHA256:"), "{text}");
    assert!(!text.contains("sesam"), "{text}");
    assert_eq!(code(&run(&["verify", &place, "--allowed-signers", &made().signers("ops", "locked"), "--require-signature"])), 0);
    std::fs::remove_dir_all(&place).unwrap();
    let output = typed("open \u{3}");
    assert!(!output.status.success() && stdout(&output).contains("interrupted"), "{}", stdout(&output));
    assert!(!Path::new(&place).exists());
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn an_agent_signs_with_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for kind in ["ed25519", "p521", "rsa2048"] {
        let agent = Agent::start(kind);
        let socket = agent.socket().display().to_string();
        let public = made().path(&format!("{kind}.pub"));
        let sealing =
            |to: &str, key: &str| with_environment(&["bundle", VECTOR, "-o", &at(to), "--sign-agent", key], &[("SSH_AUTH_SOCK", &socket)]);
        let output = sealing(kind, &public);
        assert_eq!(code(&output), 0, "{kind}: {}", stderr(&output));
        let signers = made().signers("ops", kind);
        let output = run(&["verify", &at(kind), "--allowed-signers", &signers, "--require-signature"]);
        assert_eq!(code(&output), 0, "{kind}: {}", stdout(&output));
        let output = by_shell(Path::new(&at(kind)), &["--allowed-signers", &signers, "--require-signature"]);
        assert_eq!(code(&output), 0, "{kind}: {}", stdout(&output));
        assert_error(&sealing("x", &made().path("p384.pub")), 2, "the agent did not sign with the key SHA256:", "ssh-add -L");
        assert_error(&sealing("x", VECTOR), 2, "it is no public key", ".pub");
    }
    let public = made().path("ed25519.pub");
    let without = |variables: &[(&str, &str)]| with_environment(&["bundle", VECTOR, "-o", &at("x"), "--sign-agent", &public], variables);
    assert_error(&without(&[]), 2, "SSH_AUTH_SOCK is not set", "ssh-agent");
    assert_error(&without(&[("SSH_AUTH_SOCK", &at("nobody"))]), 2, "cannot ask the key agent at", "ssh-agent");
    assert!(!Path::new(&at("x")).exists());
}

#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn what_is_no_key_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let sealing = |key: &str| run(&["bundle", VECTOR, "-o", &at("x.zip"), "--sign-key", key]);
    std::fs::write(at("damaged"), std::fs::read_to_string(made().path("ed25519")).unwrap().replace('A', "B")).unwrap();
    assert_error(&sealing(&at("damaged")), 2, "it is no private key in the form of OpenSSH", "ssh-keygen -t ed25519");
    assert_error(&sealing(&made().path("ed25519.pub")), 2, "it is a public key", "--sign-agent");
    assert_error(&sealing(&made().path("root.key")), 2, "in another form than that of OpenSSH", "ssh-keygen -p");
    assert_error(&sealing(&at("nowhere")), 2, "cannot read", "Check the path");
    assert_error(&sealing("/dev/null"), 2, "not a regular file", "");
    assert!(!Path::new(&at("x.zip")).exists());
    assert_error(&run(&["bundle", VECTOR, "-o", &at("x.zip")]), 2, "it is a bundle", "--sign-key");
    let twice = run(&["bundle", VECTOR, "-o", &at("x.zip"), "--sign-key", "a", "--sign-agent", "b"]);
    assert_eq!(code(&twice), 2, "{}", stderr(&twice));
}

/// A bundle that was sealed elsewhere is signed where the key is: everything else stays as it is.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn a_bundle_is_signed_later() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let key = made().path("ed25519");
    for (from, to) in [(VECTOR.to_owned(), "a"), (VECTOR.to_owned(), "b.zip"), (at("a"), "c.zip")] {
        let output = run(&["bundle", &from, "-o", &at(to), "--sign-key", &key]);
        assert_eq!(code(&output), 0, "{to}: {}", stderr(&output));
    }
    let mut signed: BTreeMap<String, Vec<u8>> = read(Path::new(&at("a")));
    assert!(signed.remove(SIGNATURE).is_some());
    assert!(signed == small(None));
    assert!(std::fs::read(at("b.zip")).unwrap() == std::fs::read(at("c.zip")).unwrap(), "the same key and bundle, the same bytes");
    // What it says about itself cannot be said again, and one that is not whole is not signed.
    for flag in ["--previous", "--snapshot", "--controls"] {
        let output = run(&["bundle", VECTOR, "-o", &at("x"), "--sign-key", &key, flag, VECTOR]);
        assert_error(&output, 2, &format!("{flag} does nothing here"), "");
    }
    let mut broken = small(None);
    broken.get_mut("data/report.md").unwrap()[2] ^= 1;
    std::fs::write(at("broken.zip"), zipped(&broken)).unwrap();
    assert_error(&run(&["bundle", &at("broken.zip"), "-o", &at("x"), "--sign-key", &key]), 2, "it is not whole", "kube-hipaa verify");
    assert_error(&run(&["bundle", &at("a"), "-o", &at("a"), "--force", "--sign-key", &key]), 2, "it is in the evidence", "another place");
    assert!(!Path::new(&at("x")).exists());
}
