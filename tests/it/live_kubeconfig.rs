//! Kubeconfigs, read by us and by kubectl: the same server, the same identity, the same proxy, or both refuse.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base64::Engine;
use kube_hipaa::collect::testing::reading_of;
use kube_hipaa::collect::{ConnectOptions, Connection};
use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::control_plane::kubectl;
use crate::support::kubeconfigs::{Case, Ports, generate};
use crate::support::listener::{Asked, Listener, Papers};

/// How many are made up.
const CASES: u64 = 280;
const WORKERS: u64 = 4;

#[test]
#[ignore = "needs the control plane, for kubectl: make test"]
#[expect(clippy::print_stderr, reason = "the number of kubeconfigs is for people, with --nocapture")]
fn kubeconfigs_mean_to_us_what_they_mean_to_kubectl() {
    let papers = Papers::issue();
    let results: Vec<(Sum, Vec<String>)> = std::thread::scope(|scope| {
        let papers = &papers;
        let running: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(papers, worker))).collect();
        running.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let (mut all, mut wrong) = (Sum::default(), Vec::new());
    for (sum, of_worker) in results {
        all.both += sum.both;
        all.neither += sum.neither;
        all.stricter += sum.stricter;
        wrong.extend(of_worker);
    }
    let tried = all.both + all.neither + all.stricter;
    eprintln!("kubeconfigs: {tried}; both asked {}, neither {}, kubectl alone {}", all.both, all.neither, all.stricter);
    assert!(wrong.is_empty(), "{} of {CASES}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(all.both >= 70 && all.neither >= 40 && tried >= 200, "{all:?}");
}

#[derive(Debug, Default)]
struct Sum {
    both: usize,
    neither: usize,
    stricter: usize,
}

#[expect(clippy::print_stderr, reason = "what both refuse is told to whoever asks with KUBE_HIPAA_TELL")]
fn work(papers: &Papers, worker: u64) -> (Sum, Vec<String>) {
    let (tls, clear, proxy) = (Listener::with_tls(papers), Listener::in_the_clear(), Listener::in_the_clear());
    let (mut sum, mut wrong) = (Sum::default(), Vec::new());
    for number in (worker..CASES).step_by(usize::try_from(WORKERS).unwrap()) {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports { tls: tls.port, clear: clear.port, proxy: proxy.port };
        let case = generate(&mut Chance::new(0x9e37_79b9_7f4a_7c15 ^ ((number + 1) << 20)), papers, &ports, folder.path());
        let look = |output: Output| {
            let asked: Vec<Asked> = [&tls, &clear].into_iter().flat_map(Listener::take).collect();
            let through = proxy.take().into_iter().find(|asked| asked.method == "CONNECT" || asked.path.starts_with("http"));
            let version = asked.into_iter().find(|asked| asked.path.ends_with("/version"));
            (version.map(|asked| said(&asked)), through.map(|through| said_to_proxy(&through)), output)
        };
        let theirs = look(run_kubectl(&case, &["get", "--raw", "/version"]));
        let ours = look(run(&case, Command::new(env!("CARGO_BIN_EXE_kube-hipaa")).args(["preflight", "--timeout", "2s"])));
        let complain = |what: String| {
            let (own, other) = (String::from_utf8_lossy(&ours.2.stderr), String::from_utf8_lossy(&theirs.2.stderr));
            format!("case {number} ({}): {what}\n  we: {}\n  kubectl: {}", case.told.join(", "), own.trim(), other.trim())
        };
        match (&ours.0, &theirs.0) {
            (None, None) => {
                sum.neither += 1;
                if std::env::var_os("KUBE_HIPAA_TELL").is_some() {
                    eprintln!("neither: {}", complain(String::new()));
                }
            }
            (Some(own), Some(other)) if own == other && ours.1 == theirs.1 => sum.both += 1,
            (None, Some(_)) if case.stricter => sum.stricter += 1,
            (own, other) => {
                wrong.push(complain(format!("we sent {own:?} by {:?}, kubectl {other:?} by {:?}", ours.1, theirs.1)));
            }
        }
        if ours.0.is_none() && ours.2.status.code() != Some(3) {
            wrong.push(complain(format!("our exit is {}", ours.2.status)));
        }
        if ours.0.is_some() {
            wrong.extend(compare_views(&case).map(complain));
        }
    }
    (sum, wrong)
}

/// What tells who asked whom for what.
fn said(asked: &Asked) -> Value {
    let of = |start: &str| -> Vec<(&String, &Vec<String>)> { asked.headers.iter().filter(|(name, _)| name.starts_with(start)).collect() };
    json!({"path": asked.path, "authorization": asked.headers.get("authorization"), "impersonates": of("impersonate-"), "tls": asked.tls,
        "certificate": asked.certificate})
}

fn said_to_proxy(asked: &Asked) -> Value {
    json!({"to": asked.path, "as": asked.headers.get("proxy-authorization")})
}

fn run(case: &Case, command: &mut Command) -> Output {
    command.current_dir(&case.at).stdin(Stdio::null()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", &case.at).envs(case.environment.iter().cloned()).args(&case.arguments);
    command.output().unwrap()
}

fn run_kubectl(case: &Case, arguments: &[&str]) -> Output {
    run(case, kubectl().args(arguments).args(["--cache-dir", "cache"]))
}

/// What our reading and `kubectl config view` say differently.
fn compare_views(case: &Case) -> Option<String> {
    let output = run_kubectl(case, &["config", "view", "--minify", "--flatten", "--raw", "-o", "json"]);
    let Ok(view) = serde_json::from_slice::<Value>(&output.stdout) else { return Some("kubectl config view says nothing".to_owned()) };
    let paths: Vec<PathBuf> = case.files.iter().map(|path| case.at.join(path)).collect();
    let options = ConnectOptions { context: case.context.clone(), ..ConnectOptions::default() };
    let ours = match reading_of(&paths, &options) {
        Ok(Some(connection)) => ours(&connection),
        other => return Some(format!("our reading is {other:?}")),
    };
    let theirs = theirs(&view);
    (ours != theirs).then(|| format!("we read {ours}, kubectl {theirs}"))
}

fn ours(connection: &Connection) -> Value {
    let config = &connection.config;
    json!({"context": connection.name, "server": config.cluster_url.to_string().trim_end_matches('/'), "insecure": config.accept_invalid_certs,
        "name": config.tls_server_name, "namespace": config.default_namespace, "compressed": !config.disable_compression,
        "authorities": config.root_cert.as_ref().map(|all| all.iter().map(|der| kube_hipaa::digest::sha256_hex(der)).collect::<Vec<_>>())})
}

fn theirs(view: &Value) -> Value {
    let cluster = &view["clusters"][0]["cluster"];
    let server = cluster["server"].as_str().unwrap_or("").split('?').next().unwrap_or("");
    let (scheme, rest) = server.split_once("://").map_or(("http".to_owned(), server), |(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let rest = rest.split_once('@').map_or(rest, |(_, host)| host).replace("//", "/");
    let authorities = cluster["certificate-authority-data"].as_str().filter(|_| scheme == "https").map(|data| {
        let pem = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        pem::parse_many(pem).unwrap().iter().map(|block| kube_hipaa::digest::sha256_hex(block.contents())).collect::<Vec<_>>()
    });
    let namespace = view["contexts"][0]["context"]["namespace"].as_str().unwrap_or("default");
    json!({"context": view["current-context"], "server": format!("{scheme}://{rest}").trim_end_matches('/'),
        "insecure": cluster["insecure-skip-tls-verify"] == true, "name": cluster["tls-server-name"], "namespace": namespace,
        "compressed": cluster["disable-compression"] != true, "authorities": authorities})
}
