//! What a few bytes unpack to is not held in memory: the peak of the program itself, measured from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use kube_hipaa::model::{SourceId, SourceState};
use kube_hipaa::snapshot::Snapshot;

const MIB: u64 = 1024 * 1024;

/// The peak of resident memory while a command ran, in bytes, and what it said.
fn peak(command: &mut Command) -> (u64, Output) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watcher = std::thread::spawn(move || {
        let mut highest = 0;
        // Of a process that has ended, nobody says any more how much it had: its last word counts.
        while let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kilobytes) = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()) else { break };
            highest = kilobytes * 1024;
            std::thread::sleep(Duration::from_millis(5));
        }
        highest
    });
    let output = child.wait_with_output().unwrap();
    (watcher.join().unwrap(), output)
}

/// Answers of a server: the body of a path, and whether it is packed.
type Answers = Arc<dyn Fn(&str) -> Option<(Vec<u8>, bool)> + Send + Sync>;

/// A server in the clear with core discovery, pods and namespaces, and what `answers` says; everything else is empty.
fn server(answers: Answers) -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in socket.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || {
                let mut writer = connection.try_clone().unwrap();
                let mut reader = BufReader::new(connection);
                loop {
                    let (mut line, mut length) = (String::new(), 0_u64);
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    let path = line.split_whitespace().nth(1).unwrap_or("").to_owned();
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                            break;
                        }
                        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                            length = text.trim().parse().unwrap_or(0);
                        }
                    }
                    let _body = std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink());
                    let (body, packed) = answers(&path).unwrap_or_else(|| (usual(&path), false));
                    let packed = if packed { "content-encoding: gzip\r\n" } else { "" };
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{packed}content-length: {}\r\n\r\n", body.len());
                    if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&body)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn usual(path: &str) -> Vec<u8> {
    let resources = |names: &[(&str, &str)]| {
        names
            .iter()
            .map(|(name, kind)| format!(r#"{{"resource":"{name}","responseKind":{{"group":"","version":"v1","kind":"{kind}"}},"scope":"Namespaced","singularResource":"x","verbs":["list"]}}"#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let text = match path.split('?').next().unwrap_or("") {
        "/version" => r#"{"major":"1","minor":"36","gitVersion":"v1.36.0"}"#.to_owned(),
        "/api" => format!(
            r#"{{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{{}},"items":[{{"metadata":{{"name":""}},"versions":[{{"version":"v1","freshness":"Current","resources":[{}]}}]}}]}}"#,
            resources(&[("pods", "Pod"), ("namespaces", "Namespace"), ("services", "Service")])
        ),
        "/apis" => r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[]}"#.to_owned(),
        "/api/v1/services" => r#"{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[]}"#.to_owned(),
        "/api/v1/namespaces" => r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{},"items":[]}"#.to_owned(),
        "/api/v1/pods" => r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}"#.to_owned(),
        _ => r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.to_owned(),
    };
    text.into_bytes()
}

/// Collects from such a server; the peak, what became of pods, and how many bytes pods were.
fn collect(answers: Answers) -> (u64, SourceState, Output) {
    let port = server(answers);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    std::fs::write(&kubeconfig, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    command
        .args(["collect", "--quiet", "--allow-incomplete", "--timeout", "600s", "--kubeconfig"])
        .arg(&kubeconfig)
        .args(["-o", "snapshot"])
        .current_dir(folder.path());
    let (peak, output) = peak(&mut command);
    let state = Snapshot::open(&folder.path().join("snapshot"))
        .map(|snapshot| snapshot.index().record(&SourceId::core("pods")).unwrap().state.clone())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (peak, state, output)
}

/// A gzip member that begins with a text and goes on with so many mebibytes of spaces. It has no end: nobody gets there.
fn bomb(begin: &str, mebibytes: usize) -> Vec<u8> {
    // Each part ends at a byte (a sync flush), so that one stands behind the other.
    let part = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(bytes.len() + 1024);
        Compress::new(Compression::new(6), false).compress_vec(bytes, &mut out, FlushCompress::Sync).unwrap();
        out
    };
    let spaces = part(&vec![b' '; 4 * 1024 * 1024]);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&header[..], &part(begin.as_bytes()), &spaces.repeat(mebibytes / 4)].concat()
}

const BEGIN: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":["#;

fn pods_are(body: Vec<u8>, packed: bool) -> Answers {
    Arc::new(move |path| path.starts_with("/api/v1/pods").then(|| (body.clone(), packed)))
}

fn pod(name: &str, image: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"records","uid":"{name}"}},"spec":{{"containers":[{{"name":"c","image":"{image}"}}]}},"status":{{}}}}"#
    )
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn an_answer_that_unpacks_to_gigabytes_is_not_held() {
    // 2 GiB of spaces are about 2 MB on the wire.
    let body = bomb(BEGIN, 2048);
    assert!(body.len() < 4 * 1024 * 1024, "{}", body.len());
    let (peak, state, _) = collect(pods_are(body, true));
    assert!(matches!(&state, SourceState::Failed { why } if why.contains("larger than")), "{state:?}");
    assert!(peak < 480 * MIB, "{} MiB", peak / MIB);
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn an_object_of_seventy_megabytes_is_the_problem_of_that_object() {
    let list = format!("{BEGIN}{},{},{}]}}", pod("a", "i"), pod("huge", &"x".repeat(70 * 1024 * 1024)), pod("b", "i"));
    let (peak, state, output) = collect(pods_are(list.into_bytes(), false));
    assert!(matches!(state, SourceState::Read { count: 2, .. } | SourceState::Partial { read: 2, .. }), "{state:?} {output:?}");
    assert!(peak < 560 * MIB, "{} MiB", peak / MIB);
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn half_a_million_small_objects_are_read_page_by_page() {
    const ALL: usize = 500_000;
    const PAGE: usize = 5000;
    let answers: Answers = Arc::new(|path| {
        let query = path.strip_prefix("/api/v1/pods")?;
        let from: usize = query.split('&').find_map(|pair| pair.strip_prefix("continue=")).map_or(0, |token| token.parse().unwrap());
        let to = (from + PAGE).min(ALL);
        let next = if to < ALL { format!(r#","continue":"{to}","remainingItemCount":{}"#, ALL - to) } else { String::new() };
        let items: Vec<String> = (from..to)
            .map(|i| format!(r#"{{"metadata":{{"name":"p{i}","namespace":"n","uid":"{i}"}},"spec":{{}},"status":{{}}}}"#))
            .collect();
        Some((
            format!(r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"1"{next}}},"items":[{}]}}"#, items.join(","))
                .into_bytes(),
            false,
        ))
    });
    let (peak, state, _) = collect(answers);
    assert_eq!(state, SourceState::Read { count: ALL as u64, resource_version: Some("1".to_owned()) });
    // Two hashes of each are kept, so that no object is counted twice.
    assert!(peak < 260 * MIB, "{} MiB", peak / MIB);
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn depth_without_end_costs_one_object_or_one_list() {
    for depth in [200_usize, 100_000, 5_000_000] {
        let deep = format!("{}{}", r#"{"a":"#.repeat(depth), "1") + &"}".repeat(depth);
        let odd = format!(
            r#"{{"metadata":{{"name":"deep","namespace":"records","uid":"d"}},"spec":{{"containers":[{{"name":"c","image":{deep}}}]}},"status":{{}}}}"#
        );
        let list = format!("{BEGIN}{},{odd}]}}", pod("a", "i"));
        let (peak, state, output) = collect(pods_are(list.into_bytes(), false));
        assert!(output.status.code().is_some(), "{depth}: {output:?}");
        assert!(!matches!(state, SourceState::Read { count: 2, .. }), "{depth}: {state:?}");
        assert!(peak < 220 * MIB, "{depth}: {} MiB", peak / MIB);
        // Up to what an API server reads it is one object; from there on, no API server gave the page.
        match depth {
            ..10_000 => assert!(matches!(state, SourceState::Partial { read: 1, .. } | SourceState::Read { count: 1, .. }), "{state:?}"),
            _ => assert!(matches!(&state, SourceState::Failed { why } if why.contains("nested deeper than 10000 levels")), "{state:?}"),
        }
    }
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn levels_that_never_close_cost_no_memory() {
    // As many as an answer may have bytes; at the top of a list, in an object, and of an answer that is read as a whole.
    let open = "[".repeat(150 * 1024 * 1024);
    let in_item = format!("{BEGIN}{},{open}", pod("a", "i"));
    let (peak, state, _) = collect(pods_are(in_item.into_bytes(), false));
    assert!(matches!(&state, SourceState::Failed { why } if why.contains("nested deeper")), "{state:?}");
    assert!(peak < 480 * MIB, "{} MiB", peak / MIB);
    let whole = open.into_bytes();
    let (peak, ..) = collect(Arc::new(move |path| (path == "/version" || path.starts_with("/apis/auth")).then(|| (whole.clone(), false))));
    assert!(peak < 480 * MIB, "{} MiB", peak / MIB);
}

/// What is three bytes on the wire and a hundred in memory.
#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn values_without_end_cost_one_object_or_one_answer() {
    const MANY: usize = 15 * 1024 * 1024;
    let object =
        |inside: &str| format!(r#"{{"metadata":{{"name":"odd","namespace":"records","uid":"o"{inside}}},"spec":{{}},"status":{{}}}}"#);
    let containers = format!(
        r#"{{"metadata":{{"name":"odd","namespace":"records","uid":"o"}},"spec":{{"containers":[{}{{}}]}},"status":{{}}}}"#,
        "{},".repeat(MANY / 3)
    );
    let labels: String = (0..MANY / 15).map(|i| format!(r#""k{i}":"","#)).collect();
    let owners = format!(r#","ownerReferences":[{}{{}}]"#, "{},".repeat(MANY / 3));
    for (what, odd) in [
        ("containers", containers),
        ("labels", object(&format!(r#","labels":{{{labels}"z":""}}"#))),
        ("annotations", object(&format!(r#","annotations":{{{labels}"z":""}}"#))),
        ("owners", object(&owners)),
    ] {
        let list = format!("{BEGIN}{},{odd}]}}", pod("a", "i"));
        let (peak, state, output) = collect(pods_are(list.into_bytes(), false));
        assert!(matches!(state, SourceState::Partial { read: 1, .. } | SourceState::Read { count: 1, .. }), "{what}: {state:?} {output:?}");
        assert!(peak < 220 * MIB, "{what}: {} MiB", peak / MIB);
    }
    // Discovery and the questions about oneself are read as a whole.
    let resources = format!(
        r#"{{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{{}},"items":[{{"metadata":{{"name":""}},"versions":[{}{{}}]}}]}}"#,
        "{},".repeat(50 * 1024 * 1024)
    );
    let rules = format!(
        r#"{{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","metadata":{{}},"spec":{{}},"status":{{"resourceRules":[{}{{}}]}}}}"#,
        "{},".repeat(50 * 1024 * 1024)
    );
    for (what, path, body) in [("discovery", "/apis", resources), ("rules", "/apis/authorization.k8s.io", rules)] {
        let body = body.into_bytes();
        let (peak, ..) = collect(Arc::new(move |asked| {
            let is_it = if path == "/apis" { asked == path } else { asked.starts_with(path) };
            is_it.then(|| (body.clone(), false))
        }));
        assert!(peak < 480 * MIB, "{what}: {} MiB", peak / MIB);
    }
}

fn program(arguments: &[&str], here: &Path) -> (u64, Output) {
    peak(Command::new(env!("CARGO_BIN_EXE_kube-hipaa")).args(arguments).current_dir(here).env_remove("KUBECONFIG"))
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn expressions_without_measure_are_refused() {
    let here = tempfile::tempdir().unwrap();
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clinic-snapshot.zip").display().to_string();
    let nested = format!("{}true{}", "(".repeat(30_000), ")".repeat(30_000));
    let list = format!("row.name in [{}'x']", "'x',".repeat(20_000));
    let loops = "[1,2,3,4,5,6,7,8,9].all(a, ".repeat(12) + "true" + &")".repeat(12);
    let fields = format!("row{} == 'x'", ".a".repeat(30_000));
    let words = vec!["row.privileged"; 6_000].join(" || ");
    let doubled = "'".to_owned() + &"x".repeat(100_000) + "' + row.name == ''";
    // One argument of a program has room for 128 KiB.
    for expression in [&nested, &list, &loops, &fields, &words, &doubled] {
        let (peak, output) = program(&["facts", &snapshot, "containers", "--where", expression], here.path());
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 2)), "{:.40}: {}", expression, String::from_utf8_lossy(&output.stderr));
        assert!(peak < 480 * MIB, "{:.40}: {} MiB", expression, peak / MIB);
    }
}

/// A zip with these files, each given as its parts.
fn archive(path: &Path, files: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
#[ignore = "measures memory, takes a minute: make test"]
fn archives_that_unpack_without_end_are_refused() {
    let here = tempfile::tempdir().unwrap();
    let clinic = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clinic-snapshot.zip");
    // Whatever file of a snapshot it is, what it unpacks to is another thing than it says.
    let mut original = zip::ZipArchive::new(std::fs::File::open(&clinic).unwrap()).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for i in 0..original.len() {
        let mut file = original.by_index(i).unwrap();
        let (name, mut bytes) = (file.name().to_owned(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        files.push((name, bytes));
    }
    let bomb = bomb("", 2048);
    let changed: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), if name.ends_with("core.pods.jsonl.gz") { bomb.clone() } else { bytes.clone() }))
        .collect();
    assert!(changed.iter().any(|(_, bytes)| *bytes == bomb), "there are pods in it");
    archive(&here.path().join("bomb.zip"), &changed);
    archive(&here.path().join("index.zip"), &[("index.json", vec![b' '; 300 * 1024 * 1024])]);
    let sparse = std::fs::File::create(here.path().join("sparse.json")).unwrap();
    sparse.set_len(40 * 1024 * MIB).unwrap();
    for arguments in [
        ["assess", "bomb.zip", "-o", "out"],
        ["facts", "bomb.zip", "pods", "--format=json"],
        ["who-can", "get", "secrets", "--from=bomb.zip"],
        ["assess", "index.zip", "-o", "out"],
        ["render", "sparse.json", "-o", "out"],
        ["assess", "sparse.json", "-o", "out"],
    ] {
        let (peak, output) = program(&arguments, here.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) || arguments[0] == "who-can", "{arguments:?}: {:?} {told}", output.status);
        assert!(!here.path().join("out").exists(), "{arguments:?}");
        assert!(peak < 420 * MIB, "{arguments:?}: {} MiB", peak / MIB);
    }
}
