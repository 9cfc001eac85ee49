//! Who stands behind a timestamp, with `openssl` as the judge.

use kube_hipaa::bundle::{Bag, Expected, TAG_MANIFEST, TIMESTAMP, verify};
use kube_hipaa::signing::Authorities;

use crate::cli::{stderr, stdout};
use crate::support::bundles::small;
use crate::support::signing::{must, tried};

/// Roots and ways to them that RFC 5280 does not allow: a certificate that was named is judged as every other that issues some.
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn roots_and_ways_to_them_are_judged_as_by_openssl() {
    const EXTENSIONS: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = x
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[without-usage]
basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
[signs-nothing]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
[no-ca]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
[no-constraints]
subjectKeyIdentifier = hash
[nothing-between]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[unknown]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
1.2.3.4 = critical, ASN1:NULL
[stamps]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
[issuing]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[authority]
serial = ./stamps
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = yes
";
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (name, text) in [("cnf", EXTENSIONS), ("index", ""), ("serial", "01\n"), ("stamps", "01\n")] {
        std::fs::write(at.join(name), text).unwrap();
    }
    std::fs::write(at.join("list"), &small(None)[TAG_MANIFEST]).unwrap();
    must(at, "openssl", &["ts", "-query", "-data", "list", "-sha256", "-cert", "-out", "request"]);
    let (now, never, past) =
        (("20260101000000Z", "20491231000000Z"), ("20480101000000Z", "20491231000000Z"), ("20200101000000Z", "20210101000000Z"));
    let certificate = |name: &str, subject: &str, extensions: &str, issuer: Option<&str>, (from, until): (&str, &str)| {
        let (key, request, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        must(at, "openssl", &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
        must(at, "openssl", &["req", "-new", "-key", &key, "-subj", &format!("/CN={subject}"), "-config", "cnf", "-out", &request]);
        let by = issuer.map(|issuer| [format!("{issuer}.pem"), format!("{issuer}.key")]);
        let by: Vec<&str> = by.as_ref().map_or(vec!["-selfsign", "-keyfile", &key], |[pem, key]| vec!["-cert", pem, "-keyfile", key]);
        let ca =
            ["ca", "-batch", "-notext", "-config", "cnf", "-name", "issuing", "-in", &request, "-out", &pem, "-extensions", extensions];
        must(at, "openssl", &[&ca[..], &["-startdate", from, "-enddate", until], &by].concat());
    };
    let joined =
        |names: &[&str]| names.iter().map(|name| std::fs::read_to_string(at.join(format!("{name}.pem"))).unwrap()).collect::<String>();
    // Stamped by a key behind `issuer`; with `beside` the signature names these certificates, too.
    let judged = |name: &str, issuer: &str, file: &[&str], beside: Option<&str>| {
        certificate("tsa", "Stamps", "stamps", Some(issuer), now);
        let stamping = [
            "ts",
            "-reply",
            "-config",
            "cnf",
            "-section",
            "authority",
            "-signer",
            "tsa.pem",
            "-inkey",
            "tsa.key",
            "-queryfile",
            "request",
            "-out",
            "reply",
        ];
        let chain = beside.map(|names| std::fs::write(at.join("chain"), joined(&names.split(' ').collect::<Vec<_>>())).unwrap());
        must(at, "openssl", &[&stamping[..], if chain.is_some() { &["-chain", "chain"] } else { &[] }].concat());
        std::fs::write(at.join("file"), joined(file)).unwrap();
        let by = tried(at, "openssl", &["ts", "-verify", "-data", "list", "-in", "reply", "-CAfile", "file", "-untrusted", "file"]);
        let mut files = small(None);
        files.insert(TIMESTAMP.to_owned(), std::fs::read(at.join("reply")).unwrap());
        let why = match Authorities::read(joined(file).as_bytes()) {
            Err(error) => Some(error.to_string()),
            Ok(authorities) => {
                let verdict = verify(&Bag::in_memory(files), Expected { authorities: Some(&authorities), ..Expected::default() }).unwrap();
                (!verdict.whole).then(|| verdict.problems[0].what.clone())
            }
        };
        assert_eq!(why.is_none(), by.status.success(), "{name}: here {why:?}, openssl: {}{}", stdout(&by), stderr(&by));
        why
    };
    let good = |name: &str, why: Option<String>| assert_eq!(why, None, "{name}");
    let bad = |name: &str, why: Option<String>, what: &str| assert!(why.as_ref().is_some_and(|why| why.contains(what)), "{name}: {why:?}");
    certificate("root", "R", "ca", None, now);
    certificate("between", "B", "ca", Some("root"), now);
    certificate("alien", "A", "ca", None, now);
    good("a root", judged("a root", "root", &["root"], None));
    good("one between", judged("one between", "between", &["root", "between"], None));
    good("its way is named", judged("its way is named", "between", &["root", "between"], Some("between")));
    bad(
        "an alien is named",
        judged("an alien is named", "between", &["root", "between"], Some("between alien")),
        "names a certificate that is not on the way",
    );
    for (name, extensions, valid, what) in [
        ("expired", "ca", past, "the root had expired"),
        ("of the future", "ca", never, "the root was not valid yet"),
        ("no CA", "no-ca", now, "issues no certificates"),
        ("no constraints", "no-constraints", now, "does not say that it issues"),
        ("signs nothing", "signs-nothing", now, "not for signing certificates"),
        ("unknown", "unknown", now, "something critical"),
    ] {
        certificate("odd", "O", extensions, None, valid);
        bad(name, judged(name, "odd", &["odd"], None), what);
    }
    certificate("odd", "O", "without-usage", None, now);
    good("without usage", judged("without usage", "odd", &["odd"], None));
    certificate("short", "S", "nothing-between", None, now);
    good("nothing between", judged("nothing between", "short", &["short"], None));
    certificate("more", "M", "ca", Some("short"), now);
    bad("one between too many", judged("one between too many", "more", &["short", "more"], None), "more between than the root allows");
    certificate("weak", "W", "signs-nothing", Some("root"), now);
    bad(
        "one between that signs nothing",
        judged("one between that signs nothing", "weak", &["root", "weak"], None),
        "one between is not for signing",
    );
    // Called like its issuer, and signed by another of that name.
    certificate("twin", "R", "ca", Some("root"), now);
    bad("called like its issuer", judged("called like its issuer", "twin", &["twin"], None), "it holds no root");
}
