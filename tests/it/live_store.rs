//! Records in real object stores, with real faults between.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use kube_hipaa::history::store::Entry;
use serde_json::Value;

use crate::cli::{code, stderr, stdout};
use crate::support::bundles::{Files, evidence, listed, sealed, write};
use crate::support::control_plane::{ControlPlane, Options};
use crate::support::listener::Papers;
use crate::support::program::{said, scanner};
use crate::support::record::{before, name, nights, real};
use crate::support::stores::{Fault, KEY, Proxy, SECRET, Server, variables};

const SNAPSHOT: &str = "tests/golden/empty-cluster.zip";

/// Runs the program with these variables. Whatever happens, nothing secret comes out.
fn run_with(variables: &[(&str, String)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| {
        ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|known| name.starts_with(known)) || name.to_lowercase().ends_with("_proxy")
    }) {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().map(|(name, value)| (*name, value))).output().unwrap();
    for secret in [KEY, SECRET, "another-secret"] {
        assert!(!said(&output).contains(secret), "{secret} in: {}", said(&output));
    }
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// The bundles of a bucket, as its own client lists them.
fn keys(server: &Server, bucket: &str) -> Vec<String> {
    let text = server.must(&format!("print('\\n'.join(o['Key'] for o in s3.list_objects_v2(Bucket='{bucket}').get('Contents', [])))"));
    text.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs moto: make setup"]
fn what_the_store_says_of_its_lock_is_shown_as_evidence() {
    let server = Server::moto();
    server.bucket("locked", Some(("COMPLIANCE", 7)));
    server.bucket("short", Some(("GOVERNANCE", 1)));
    server.bucket("open", None);
    let variables = variables(&server.url());
    let output = run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://locked/clusters/eu"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(text.contains("Stored    s3://locked/clusters/eu/") && text.contains("read back and compared"), "{text}");
    assert!(text.contains("Kept      locked until 20") && text.contains("(mode compliance)"), "{text}");
    assert!(text.contains("by default locked for 7 years from writing on"), "{text}");
    assert!(text.contains("it reaches six years beyond the collection; evidence relevant to 164.316(b)(2)(i), grade A"), "{text}");
    let [key] = keys(&server, "locked").try_into().unwrap();
    let parts: Vec<&str> = key.split('/').collect();
    assert!(key.starts_with("clusters/eu/") && Entry::parse(parts[2], parts[3], 0).is_some(), "{key}");
    let verdict = json(&run_with(&variables, &["verify", "s3://locked/clusters/eu", "--format", "json"]));
    assert_eq!(verdict["whole"], true, "{verdict:#}");
    let kept = &verdict["clusters"][0]["bundles"][0]["retention"];
    assert_eq!((&kept["state"], &kept["mode"]), (&"until".into(), &"compliance".into()), "{kept}");
    assert_eq!((&verdict["retention"]["state"], &verdict["retention"]["period"]), (&"for".into(), &"7 years".into()));
    let text = stdout(&run_with(&variables, &["verify", "s3://locked/clusters/eu"]));
    assert!(text.contains("Locked    1 of 1, and 1 for six years or longer (164.316(b)(2)(i), grade A)"), "{text}");
    // A year is not six.
    let text = stdout(&run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://short"]));
    assert!(text.contains("(mode governance)") && text.contains("it ends before six years after the collection"), "{text}");
    // Nothing keeps it, and the store says so itself.
    let text = stdout(&run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://open"]));
    assert!(text.contains("Kept      the store names no lock of it"), "{text}");
    assert!(text.contains("observed: GetObjectLockConfiguration (404); evidence relevant to"), "{text}");
}

#[test]
#[ignore = "needs versitygw: make setup"]
fn a_locked_record_cannot_be_removed_from() {
    let server = Server::versitygw(None);
    server.bucket("locked", Some(("COMPLIANCE", 7)));
    server.bucket("open", None);
    let variables = variables(&server.url());
    let output = run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://locked"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", said(&output));
    // This store keeps by its default, and names no lock of the object: what it says of both is shown.
    assert!(
        text.contains("the store names no lock of it") && text.contains("by default locked for 7 years from writing on (mode compliance)"),
        "{text}"
    );
    let [key] = keys(&server, "locked").try_into().unwrap();
    // The store itself refuses to remove it.
    let remove = format!(
        "v = s3.head_object(Bucket='locked', Key='{key}').get('VersionId')\ns3.delete_object(Bucket='locked', Key='{key}', **({{'VersionId': v}} if v else {{}}))"
    );
    let removed = server.python(&remove);
    assert!(!removed.status.success() && stderr(&removed).contains("AccessDenied"), "{}", said(&removed));
    // A lock of the object itself.
    server.must(&format!(
        "until = datetime.datetime(2040, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)\ns3.put_object_retention(Bucket='locked', Key='{key}', Retention={{'Mode': 'COMPLIANCE', 'RetainUntilDate': until}})"
    ));
    let verdict = json(&run_with(&variables, &["verify", "s3://locked", "--format", "json"]));
    let kept = &verdict["clusters"][0]["bundles"][0]["retention"];
    assert!(verdict["whole"] == true && kept["until"].as_str().unwrap().starts_with("2040-01-02T03:04:05"), "{verdict:#}");
    let removed = server.python(&remove);
    assert!(!removed.status.success() && stderr(&removed).contains("AccessDenied"), "{}", said(&removed));
    // The same again is there already.
    let text = stdout(&run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://locked"]));
    assert!(text.contains("it was there already"), "{text}");
    // Another cluster, and what is no bundle.
    let folder = tempfile::tempdir().unwrap();
    let clinic = evidence("clinic", folder.path());
    assert_eq!(code(&run_with(&variables, &["assess", SNAPSHOT, "-q", "--store", "s3://open"])), 0);
    assert_eq!(code(&run_with(&variables, &["bundle", clinic.to_str().unwrap(), "--store", "s3://open"])), 0);
    let cluster = keys(&server, "open")[0].split('/').next().unwrap().to_owned();
    server.must(&format!("s3.put_object(Bucket='open', Key='{cluster}/notes', Body=b'x')"));
    let text = stdout(&run_with(&variables, &["verify", "s3://open"]));
    assert!(text.contains("2 bundles of 2 clusters") && text.contains("/notes is no bundle, and was not read"), "{text}");
}

#[test]
#[ignore = "needs versitygw: make setup"]
fn a_store_that_cannot_be_used_is_known_before_anything_is_read() {
    let server = Server::versitygw(None);
    server.bucket("open", None);
    let variables = variables(&server.url());
    let refused = |variables: &[(&str, String)], place: &str, what: &str| {
        let output = run_with(variables, &["assess", "no-such-snapshot.zip", "-q", "--store", place]);
        assert!(code(&output) == 2 && stderr(&output).contains(what), "{}", said(&output));
    };
    refused(&variables, "s3://nothing", "NoSuchBucket");
    for (name, value) in [("AWS_SECRET_ACCESS_KEY", "another-secret-that-is-wrong"), ("AWS_ACCESS_KEY_ID", "NOBODY")] {
        let mut wrong = variables.clone();
        wrong.retain(|(known, _)| *known != name);
        wrong.push((name, value.to_owned()));
        refused(&wrong, "s3://open", "cannot list the clusters in the store s3://open");
    }
    // Not in the clear, unless it is allowed.
    let careful: Vec<_> = variables.iter().filter(|(name, _)| *name != "AWS_ALLOW_HTTP").cloned().collect();
    refused(&careful, "s3://open", "is not spoken to without TLS");
    refused(&[], "s3://open", "the environment names no credentials");
}

#[test]
#[ignore = "needs versitygw: make setup"]
fn a_store_with_tls_is_trusted_by_its_authority_only() {
    let (papers, folder) = (Papers::issue(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = papers.server();
    let (certificate, key, authority) = (file("tls.crt", certificate), file("tls.key", key), file("ca.crt", &papers.authority));
    let server = Server::versitygw(Some((&certificate, &key)));
    server.bucket("tls", None);
    let mut variables = variables(&server.url());
    variables.retain(|(name, _)| *name != "AWS_ALLOW_HTTP");
    let output = run_with(&variables, &["assess", SNAPSHOT, "-q", "--store", "s3://tls"]);
    assert!(code(&output) == 2 && stderr(&output).to_lowercase().contains("certificate"), "{}", said(&output));
    variables.push(("AWS_CA_BUNDLE", authority.display().to_string()));
    assert_eq!(code(&run_with(&variables, &["assess", SNAPSHOT, "-q", "--store", "s3://tls"])), 0);
    assert_eq!(code(&run_with(&variables, &["verify", "s3://tls"])), 0);
}

#[test]
#[ignore = "needs versitygw and moto: make setup"]
fn what_networks_do_ends_in_one_whole_bundle_or_in_an_error() {
    for server in [Server::versitygw(None), Server::moto()] {
        let proxy = Proxy::before(&server);
        let variables = variables(&proxy.url());
        let put = "PUT /";
        let mut number = 0;
        let mut with = |faults: &[(&str, Fault)]| {
            number += 1;
            let bucket = format!("faults-{number}");
            server.bucket(&bucket, None);
            proxy.plan(faults);
            let output = run_with(&variables, &["assess", SNAPSHOT, "--store", &format!("s3://{bucket}")]);
            assert_eq!(proxy.left(), 0, "every fault happened: {faults:?}");
            (output, keys(&server, &bucket), bucket)
        };
        // Those after which it is tried again, or recognised.
        for (faults, was_there) in [
            (&[(put, Fault::Unavailable), (put, Fault::Unavailable)][..], false),
            (&[(put, Fault::Reset)][..], false),
            (&[(put, Fault::AnswerLost)][..], true),
            (&[(put, Fault::ErrorAfter)][..], true),
            (&[("list-type=2", Fault::Unavailable), ("list-type=2", Fault::Reset)][..], false),
            (&[(put, Fault::AnswerLost), ("GET", Fault::Unavailable), ("HEAD", Fault::Reset)][..], true),
        ] {
            let (output, listed, bucket) = with(faults);
            assert_eq!(code(&output), 0, "{faults:?}: {}", said(&output));
            assert_eq!(listed.len(), 1, "{faults:?}: {listed:?}");
            let text = if was_there { "it was there already; read and compared" } else { "\n          read back and compared" };
            assert!(stdout(&output).contains(text), "{faults:?}: {}", stdout(&output));
            assert_eq!(code(&run_with(&variables, &["verify", &format!("s3://{bucket}")])), 0);
        }
        // Those that only reading back shows.
        for (fault, what) in [(("GET /faults-7/", Fault::Flipped), "does not come back"), ((put, Fault::Lie), "cannot read")] {
            let (output, ..) = with(&[fault]);
            assert_eq!(code(&output), 2, "{fault:?}: {}", said(&output));
            assert!(
                stderr(&output).contains(what) && stderr(&output).contains("The evidence was not stored. It is in"),
                "{}",
                stderr(&output)
            );
            let place = stderr(&output).split_once("It is in ").unwrap().1.split_once(';').unwrap().0.to_owned();
            std::fs::remove_dir_all(Path::new(&place).parent().unwrap()).unwrap();
        }
        // Nothing but reading and creating was ever asked for.
        for line in proxy.seen() {
            assert!(["GET ", "HEAD ", "PUT "].iter().any(|verb| line.starts_with(verb)), "{line}");
        }
    }
}

#[test]
#[ignore = "needs versitygw and moto: make setup"]
fn a_large_bundle_is_written_in_parts_and_once() {
    // To a store they are only bytes.
    for server in [Server::versitygw(None), Server::moto()] {
        server.bucket("large", None);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.zip");
        let bytes: Vec<u8> = (0..40_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&file, &bytes).unwrap();
        let script = format!(
            "{}exec \"$0\" \"$@\"",
            variables(&server.url()).iter().map(|(name, value)| format!("export {name}='{value}'; ")).collect::<String>()
        );
        // The variables are read when a store is opened: in a process of its own.
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .args(["live_store::add_a_large_file", "--exact", "--ignored", "--nocapture"])
            .env("LARGE_FILE", &file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let size = server.must("o = s3.list_objects_v2(Bucket='large')['Contents']\nprint(len(o), o[0]['Size'])");
        assert_eq!(size, "1 40000000");
        assert_eq!(server.must("print(len(s3.list_multipart_uploads(Bucket='large').get('Uploads', [])))"), "0", "nothing half is left");
    }
}

/// Run by the test above, with the variables of a store.
#[test]
#[ignore = "a part of a_large_bundle_is_written_in_parts_and_once"]
fn add_a_large_file() {
    use kube_hipaa::history::store::Store;
    let file = std::env::var("LARGE_FILE").unwrap();
    let store = Store::open("s3://large").unwrap();
    let id = "0123456789ab".to_owned() + &"0".repeat(52);
    let add = || store.add("8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d", "20261128T030000Z", &id, None, Path::new(&file));
    assert!(!add().unwrap().was_there);
    assert!(add().unwrap().was_there, "never written again");
    std::fs::write(&file, vec![7; 33 * 1024 * 1024]).unwrap();
    assert!(add().unwrap_err().to_string().contains("something else is there under this name"));
}

#[test]
#[ignore = "needs moto: make setup"]
fn odd_names_in_a_bucket_hide_no_bundle() {
    let server = Server::moto();
    server.bucket("odd", None);
    let variables = variables(&server.url());
    assert_eq!(code(&run_with(&variables, &["assess", SNAPSHOT, "-q", "--store", "s3://odd/record"])), 0);
    let cluster = keys(&server, "odd")[0].split('/').nth(1).unwrap().to_owned();
    for odd in ["/x", "../x", "a/b/c", "zzz"] {
        server.must(&format!("s3.put_object(Bucket='odd', Key='record/{cluster}/{odd}', Body=b'x')"));
    }
    let verdict = json(&run_with(&variables, &["verify", "s3://odd/record", "--format", "json"]));
    assert_eq!((&verdict["whole"], &verdict["bundles"]), (&true.into(), &1.into()), "{verdict:#}");
    let text = stdout(&run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://odd/record"]));
    assert!(text.contains("it was there already"), "{text}");
    // What has the name of a bundle and cannot be read is a problem, and ends nothing.
    server.must(&format!("s3.put_object(Bucket='odd', Key='record/{cluster}/20991128T030000Z-000000000000.zip/', Body=b'x')"));
    let verdict = json(&run_with(&variables, &["verify", "s3://odd/record", "--format", "json"]));
    assert_eq!((&verdict["whole"], &verdict["bundles"]), (&false.into(), &2.into()), "{verdict:#}");
    let text = stdout(&run_with(&variables, &["assess", SNAPSHOT, "--store", "s3://odd/record"]));
    assert!(text.contains("it was there already") && text.contains("▲ Damaged 20991128T030000Z-000000000000.zip"), "{text}");
}

#[test]
#[ignore = "needs the control plane and moto: make setup"]
fn two_scans_of_a_live_cluster_are_a_chain() {
    let (plane, server, folder) = (ControlPlane::start(&Options::default()), Server::moto(), tempfile::tempdir().unwrap());
    server.bucket("record", Some(("COMPLIANCE", 7)));
    let (kubeconfig, evidence, variables) = (scanner(&plane), folder.path().join("evidence"), variables(&server.url()));
    let scan = |more: &[&str]| {
        let always = ["scan", "--kubeconfig", kubeconfig.to_str().unwrap(), "--allow-incomplete", "--store", "s3://record"];
        let output = run_with(&variables, &[&always, more].concat());
        assert_eq!(code(&output), 0, "{}", said(&output));
        stdout(&output)
    };
    let text = scan(&["-o", evidence.to_str().unwrap()]);
    assert!(text.contains("the record of this cluster begins here") && text.contains("(mode compliance)"), "{text}");
    assert!(evidence.join("report.html").is_file() && evidence.join("snapshot/index.json").is_file(), "the folder is written, too");
    let first = keys(&server, "record").remove(0);
    plane.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: records}\n");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let text = scan(&[]);
    assert!(text.contains(&format!("Before    {}", first.split('/').nth(1).unwrap())), "{text}");
    let verdict = json(&run_with(&variables, &["verify", "s3://record", "--format", "json"]));
    assert_eq!((&verdict["whole"], &verdict["bundles"]), (&true.into(), &2.into()), "{verdict:#}");
}

/// A year of one cluster: what `verify` takes, and that adding takes the same on the first and on the last night.
#[test]
#[ignore = "needs moto: make setup"]
fn a_year_in_a_bucket_is_verified() {
    let server = Server::moto();
    server.bucket("year", None);
    let folder = tempfile::tempdir().unwrap();
    let uid = "8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d";
    let all = nights(folder.path(), uid, 365);
    server.must(&format!(
        "import os, concurrent.futures\nd = '{}'\nput = lambda f: s3.upload_file(d + '/' + f, 'year', '{uid}/' + f)\nlist(concurrent.futures.ThreadPoolExecutor(8).map(put, os.listdir(d)))",
        folder.path().join(uid).display()
    ));
    let proxy = Proxy::before(&server);
    let variables = variables(&proxy.url());
    let begin = Instant::now();
    let verdict = json(&run_with(&variables, &["verify", "s3://year", "--format", "json"]));
    assert_eq!((&verdict["whole"], &verdict["bundles"]), (&true.into(), &365.into()), "{}", verdict["clusters"][0]["chain"]);
    eprintln!("365 bundles in a bucket: verified in {:.1} s with {} requests", begin.elapsed().as_secs_f32(), proxy.seen().len());
    assert_eq!(verdict["clusters"][0]["bundles"].as_array().unwrap().len(), all.len());
}

/// 1,000 clusters, 365 nights: one of them real, of the others the names that a list holds. What adding, verifying and reading take.
#[test]
#[ignore = "a measurement, on a built release: see docs/store.md"]
fn measure_a_record_of_a_thousand_clusters() {
    let place = std::env::var("KUBE_HIPAA_MEASURE").unwrap();
    let program = std::env::var("KUBE_HIPAA_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_kube-hipaa").to_owned());
    let (bucket, base) = (Path::new(&place).join("year"), sealed("clinic"));
    let uid = "8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d";
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let date = |day: i64| first + chrono::TimeDelta::days(day);
    std::fs::create_dir_all(bucket.join(uid)).unwrap();
    let mut previous = None;
    for day in 0..365 {
        let night = real(&base, uid, &format!("{}T03:00:00Z", date(day)), previous);
        std::fs::write(bucket.join(uid).join(name(&night)), &night.zip).unwrap();
        previous = Some(before(&night));
    }
    for cluster in 1..1000_u32 {
        let folder = bucket.join(format!("{cluster:08x}-9f43-4d57-8c2e-0d1f0a1b2c3d"));
        std::fs::create_dir(&folder).unwrap();
        let one = folder.join(format!("{}T030000Z-000000000000.zip", date(0).format("%Y%m%d")));
        std::fs::write(&one, "x").unwrap();
        for day in 1..365 {
            std::fs::hard_link(&one, folder.join(format!("{}T030000Z-000000000000.zip", date(day).format("%Y%m%d")))).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let timed = |what: &str, arguments: &[&str], variables: &[(&str, String)]| {
        let begin = Instant::now();
        let output = Command::new("/usr/bin/env")
            .arg("time")
            .args(["-f", "%M kB"])
            .arg(&program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", said(&output));
        eprintln!("{what}: {:.2} s, {}", begin.elapsed().as_secs_f32(), stderr(&output).trim());
    };
    let store = bucket.to_str().unwrap();
    timed("folder: verify of one chain of 365", &["verify", store, "--cluster", uid], &[]);
    let empty = folder.path().join("first");
    std::fs::create_dir(&empty).unwrap();
    let evidence = |name: &str, finished: &str| {
        let night = real(&base, uid, finished, None);
        let place = folder.path().join(name);
        let mut files: Files =
            night.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("data/")?.to_owned(), bytes.clone()))).collect();
        files.retain(|name, _| !name.starts_with("catalog/") && !["previous.json", "summary.json"].contains(&name.as_str()));
        let list = listed(&files);
        files.insert("manifest-sha256.txt".to_owned(), list);
        write(&place, &files);
        place
    };
    let last = evidence("last", "2027-01-01T03:00:00Z");
    timed("folder: adding the first", &["bundle", last.to_str().unwrap(), "--store", empty.to_str().unwrap()], &[]);
    timed("folder: adding the 366th of 1,000 clusters", &["bundle", last.to_str().unwrap(), "--store", store], &[]);
}
