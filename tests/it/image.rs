//! The container image: reproducible, of nothing but the program and what it needs, and it runs.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use kube_hipaa::digest::sha256_hex;
use serde_json::Value;

use crate::support::image::{Image, pack, static_program};
use crate::support::program::said;

/// Names of the files of a tar archive with mode, owner and content; a reader that shares nothing with tar.
fn entries(tar: &[u8]) -> BTreeMap<String, (u32, u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut rest = tar;
    while rest.len() >= 512 && rest[0] != 0 {
        let (head, after) = rest.split_at(512);
        let text = |from: usize, to: usize| String::from_utf8_lossy(&head[from..to]).trim_matches(['\0', ' ']).to_owned();
        let number = |from: usize, to: usize| u64::from_str_radix(&text(from, to), 8).expect("octal digits");
        let size = number(124, 136) as usize;
        assert_eq!(number(136, 148), 1_795_867_200, "one time for all");
        found.insert(text(0, 100), (number(100, 108) as u32, number(108, 116) + number(116, 124), after[..size].to_vec()));
        rest = &after[size.div_ceil(512) * 512..];
    }
    found
}

#[test]
#[ignore = "needs the program linked statically: make test"]
fn two_images_of_one_program_are_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let first = Image::packed(&one);
    let second = Image::packed(&two);
    assert_eq!(first.digest, second.digest);
    assert_eq!(
        std::fs::read(folder.path().join("one.cdx.json")).expect("beside it"),
        std::fs::read(folder.path().join("two.cdx.json")).expect("beside it")
    );

    let found = entries(&first.layer);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let files: Vec<&&str> = names.iter().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(
        files,
        [
            &"./etc/group",
            &"./etc/nsswitch.conf",
            &"./etc/passwd",
            &"./etc/ssl/certs/ca-certificates.crt",
            &"./usr/bin/kube-hipaa",
            &"./usr/share/doc/kube-hipaa/LICENSE"
        ]
    );
    for (name, (mode, owner, _)) in &found {
        assert_eq!(*owner, 0, "{name}");
        // Nobody but root may change anything, except in /tmp.
        assert!(name == "./tmp/" || mode & 0o022 == 0, "{name}: {mode:o}");
        assert_eq!(mode & 0o6000, 0, "{name}: {mode:o}");
    }
    assert_eq!(sha256_hex(&found["./usr/bin/kube-hipaa"].2), sha256_hex(&std::fs::read(static_program()).expect("readable")));
    assert!(found["./etc/ssl/certs/ca-certificates.crt"].2.starts_with(b"-----BEGIN CERTIFICATE-----"));

    let config = &first.config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Labels"], first.manifest["annotations"]);
    for (label, expected) in [
        ("title", "kube-hipaa"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("licenses", "Apache-2.0"),
        ("revision", "0123456789abcdef0123456789abcdef01234567"),
        ("created", "2026-11-28T12:00:00Z"),
    ] {
        assert_eq!(config["Labels"][format!("org.opencontainers.image.{label}")], expected, "{label}");
    }
    assert!(config.get("Volumes").is_none() && config.get("ExposedPorts").is_none());
}

#[test]
#[ignore = "needs the program linked statically, and root: make test"]
fn the_image_runs_as_nobody_and_finds_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = Image::packed(&folder.path().join("image"));
    let root = folder.path().join("root");
    std::fs::create_dir(&root).expect("made");
    // The way to it: tempfile gives it to the owner alone.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("opened");
    image.unpack(&root);
    let run = |arguments: &[&str]| {
        let words = image.words(&root);
        Command::new(&words[0])
            .args(&words[1..])
            .args(arguments)
            .env_clear()
            .envs(image.environment())
            .output()
            .expect("chroot starts (as root)")
    };
    let version = run(&["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("kube-hipaa {}\n", env!("CARGO_PKG_VERSION")), "{}", said(&version));
    let demo = run(&["demo", "-o", "/tmp/demo", "--quiet"]);
    assert_eq!(demo.status.code(), Some(0), "{}", said(&demo));
    let assessed = std::fs::metadata(root.join("tmp/demo/assessment.json")).expect("written");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&assessed), 65532);
    // Nowhere else may it write.
    let elsewhere = run(&["demo", "-o", "/demo"]);
    assert_eq!(elsewhere.status.code(), Some(2), "{}", said(&elsewhere));

    // A static program has to find names by itself: one from /etc/hosts, one by asking a server for names.
    let server = UdpSocket::bind("127.0.0.53:53").or_else(|_| UdpSocket::bind("127.0.0.54:53")).expect("port 53 of loopback, as root");
    server.set_read_timeout(Some(std::time::Duration::from_millis(100))).expect("a limit");
    std::fs::write(
        root.join("etc/resolv.conf"),
        format!("nameserver {}\noptions attempts:1 timeout:5\n", server.local_addr().expect("bound").ip()),
    )
    .expect("written");
    std::fs::write(root.join("etc/hosts"), "127.0.0.1 api.cluster\n").expect("written");
    let kubeconfig = |host: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://{host}:1'}}}}]\nusers: [{{name: u, user: {{}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
        );
        std::fs::write(root.join("tmp/kubeconfig"), text).expect("written");
        run(&["scan", "--kubeconfig", "/tmp/kubeconfig", "--timeout", "20s"])
    };
    let known = kubeconfig("api.cluster");
    let words = said(&known);
    assert!(known.status.code() == Some(3) && words.contains("refused"), "found, and nothing listens there: {words}");
    // The program tries again, with longer and longer pauses, and each time it asks for the name again.
    let ended = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let answering = scope.spawn(|| answer_names(&server, &ended));
        let output = kubeconfig("control.plane.example");
        ended.store(true, Ordering::Relaxed);
        (said(&output), answering.join().expect("a thread"))
    });
    assert!(asked.1.contains("control") && asked.0.contains("refused"), "asked for {:?}: {}", asked.1, asked.0);
}

/// Answers every question for a name of version 4 with 127.0.0.1 until it is told to end; the first name.
fn answer_names(server: &UdpSocket, ended: &AtomicBool) -> String {
    let mut first = String::new();
    let mut packet = [0; 512];
    while !ended.load(Ordering::Relaxed) {
        let Ok((length, from)) = server.recv_from(&mut packet) else { continue };
        let question = &packet[12..length];
        let end = question.iter().position(|byte| *byte == 0).expect("a name ends") + 5;
        if first.is_empty() {
            first = String::from_utf8_lossy(&question[..end - 5]).into_owned();
        }
        let is_v4 = question[end - 3] == 1;
        let mut answer = packet[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
        answer.extend(&question[..end]);
        if is_v4 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        let _ = server.send_to(&answer, from);
    }
    first
}

#[test]
#[ignore = "needs the program linked statically: make test"]
fn what_cannot_be_an_image_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("script"), "#!/bin/sh\n").expect("written");
    std::fs::create_dir(here.join("there")).expect("made");
    let dynamic = Path::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    let fixed = static_program();
    for (program, target, what) in [
        (here.join("script").as_path(), "image", "which is no ELF program"),
        (here.join("missing").as_path(), "image", "which is no file"),
        (dynamic, "image", "which needs a loader and libraries"),
        (fixed.as_path(), "there", "which exists"),
    ] {
        let output = pack(program, &here.join(target));
        let words = said(&output);
        assert!(!output.status.success() && words.contains(what) && words.contains("try: "), "{words}");
    }
    let left: Vec<_> = std::fs::read_dir(here).expect("readable").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is left behind: {left:?}");
}

/// The list of parts is what the official schema wants, and names what Cargo.lock holds.
#[test]
#[ignore = "needs the schemas of CycloneDX, fetched by tests/deploy-tools: make test"]
fn the_list_of_parts_is_as_cyclonedx_wants_it() {
    let run = |command: &mut Command| {
        let output = command.output().expect("starts");
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    };
    let schemas = String::from_utf8(run(Command::new("sh").arg("tests/deploy-tools/schemas.sh"))).expect("a path");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(Path::new(schemas.trim_end()).join(name)).expect("fetched")).expect("JSON")
    };
    let mut schema = read("bom-1.6.json");
    let mut licences = read("spdx.json");
    licences.as_object_mut().expect("a schema").retain(|name, _| name == "enum" || name == "type");
    put_in(&mut schema, "spdx.SNAPSHOT.schema.json", &licences);
    // Signatures within the list: there are none in ours.
    put_in(&mut schema, "jsf-0.82.SNAPSHOT.schema.json#/definitions/signature", &Value::Bool(false));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let parts = |target: &str| -> Value {
        serde_json::from_slice(&run(Command::new("sh").args(["scripts/sbom.sh", target]).env("SOURCE_DATE_EPOCH", "1795867200")))
            .expect("JSON")
    };
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        let list = parts(target);
        let wrong: Vec<String> = validator.iter_errors(&list).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(list, parts(target));
        let lock = std::fs::read_to_string("Cargo.lock").expect("readable");
        let components = list["components"].as_array().expect("components");
        assert!(components.len() > 100);
        for component in components {
            let (name, version) = (component["name"].as_str().expect("a name"), component["version"].as_str().expect("a version"));
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            let rest = lock.split_once(&entry).unwrap_or_else(|| panic!("{name} {version} is not in Cargo.lock")).1;
            let sum = rest.split("checksum = \"").nth(1).and_then(|rest| rest.get(..64)).expect("a checksum");
            assert_eq!(component["hashes"][0]["content"], sum, "{name}");
        }
        let has = |name: &str| components.iter().any(|component| component["name"] == name);
        assert!(has("ring") && has("kube-client") && !has("proptest") && !has("scraper"), "what tests use is no part");
    }
    let mut wrong = parts("x86_64-unknown-linux-musl");
    wrong["components"][0]["type"] = "crate".into();
    assert!(!validator.is_valid(&wrong), "a mistake would be seen");
}

/// Replaces every reference to another file by what stands there.
fn put_in(value: &mut Value, reference: &str, content: &Value) {
    match value {
        Value::Object(map) if map.get("$ref").is_some_and(|found| found == reference) => *value = content.clone(),
        Value::Object(map) => map.values_mut().for_each(|below| put_in(below, reference, content)),
        Value::Array(list) => list.iter_mut().for_each(|below| put_in(below, reference, content)),
        _ => {}
    }
}
