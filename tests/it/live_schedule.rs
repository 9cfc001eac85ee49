//! The shipped schedule on a real control plane: the server takes it under the Pod Security level restricted, and the job's own command line,
//! run as its service account, does its work and speaks to nobody else.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::clinic::Clinic;
use crate::support::control_plane::ControlPlane;
use crate::support::program::{kube_hipaa, said};
use crate::support::signing::Authority;
use crate::support::stores::{SECRET, Server, variables};
use crate::support::walkthrough::walk;

type Proven = Result<(), Box<dyn Error>>;

const LIMIT: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "kube-hipaa";
const SCHEDULE: &str = "deploy/schedule.yaml";

#[test]
#[ignore = "needs the control plane and strace: make test"]
#[expect(clippy::print_stderr, reason = "the numbers are for people, with --nocapture")]
fn the_schedule_runs_under_enforcement_and_keeps_a_record() -> Proven {
    let clinic = Clinic::start();
    clinic.apply_path(Path::new(SCHEDULE));
    let (_, namespace) = clinic.api("GET", "/api/v1/namespaces/kube-hipaa", None);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let pod = pod_of_a_job(&clinic);
    what_is_less_hardened_is_refused(&clinic, &pod);

    let folder = tempfile::tempdir()?;
    let mut job = Job::new(&clinic, &pod, folder.path())?;
    let asked_before = audited(&clinic).len();
    let first = job.run()?;
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(first.stdout.is_empty(), "quiet: {}", said(&first));
    let events = log(&first);
    assert_eq!(events.last().map(|line| (&line["event"], &line["exit"])), Some((&json!("finished"), &json!(0))));
    let critical = |lines: &[Value]| event(lines, "assessed")["findings"]["critical"].as_u64().unwrap_or_default();
    let (before, stored) = (critical(&events), event(&events, "stored").clone());

    // Somebody becomes an administrator in the meantime.
    clinic.apply(
        &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "night-shift"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "night-shift"}]})
        .to_string(),
    );
    // The only one that it ever speaks to.
    let server = clinic.url().trim_start_matches("https://").to_owned();
    let (second, spoken_to) = job.run_and_watch(&[])?;
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!(spoken_to, BTreeSet::from([server.clone()]));
    let after = critical(&log(&second));
    assert!(after > before, "{before} critical findings, then {after}");
    the_record_is_whole(&folder.path().join("record"), &stored)?;

    // With a bucket instead of a volume, of a real store that locks what is written: these two, and nobody else.
    let store = Server::versitygw(None);
    store.bucket("record", Some(("COMPLIANCE", 7)));
    job.keep_in("s3://record")?;
    let mut spoken_to = BTreeSet::new();
    let bucket = format!("127.0.0.1:{}", store.port);
    for _ in 0..2 {
        let (output, addresses) = job.run_and_watch(&variables(&store.url()))?;
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(!said(&output).contains(SECRET), "no secret is told");
        spoken_to.extend(addresses);
    }
    assert_eq!(spoken_to, BTreeSet::from([server.clone(), bucket.clone()]));
    // And with a timestamp: these three.
    let authority = Authority::honest();
    job.arguments.extend(["--timestamp-url".to_owned(), authority.url.clone()]);
    let (output, spoken_to) = job.run_and_watch(&variables(&store.url()))?;
    assert!(output.status.code() == Some(0) && authority.asked() == 1, "{}", said(&output));
    let stamps = authority.url.trim_start_matches("http://").trim_end_matches("/tsr").to_owned();
    assert_eq!(spoken_to, BTreeSet::from([server, bucket, stamps]));
    let verified = job.ask(&["verify", "s3://record"], &variables(&store.url()))?;
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(said(&verified).contains("3 bundles of 1 cluster"), "{}", said(&verified));

    // What no control of today rests on is asked for, too, and refused; that no verdict was lost by it, exit 0 says.
    let asked = audited(&clinic).split_off(asked_before);
    for event in &asked {
        let verb = event["verb"].as_str().unwrap_or_default();
        let resource = event["objectRef"]["resource"].as_str().unwrap_or_default();
        assert!(["get", "list"].contains(&verb) || (verb == "create" && resource.starts_with("selfsubject")), "{event}");
        assert_ne!(resource, "secrets", "{event}");
    }
    let asked = asked.len();
    assert!(asked > 100, "{asked} requests");
    what_operators_are_told_works(&clinic)?;
    what_auditors_are_told_works(&clinic)?;
    eprintln!(
        "schedule: {asked} requests of five runs, all of them get, list or a review of its own rights; {before} critical findings, then {after}"
    );
    Ok(())
}

/// Two bundles, the second names the first; a changed one is seen, and the numbers for an alert say so.
fn the_record_is_whole(record: &Path, first: &Value) -> Proven {
    let verify = |format: &str| kube_hipaa(["verify".as_ref(), record.as_os_str(), "--format".as_ref(), format.as_ref()]);
    let whole = verify("json");
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    let verdict: Value = serde_json::from_slice(&whole.stdout)?;
    let bundles = verdict["clusters"][0]["bundles"].as_array().ok_or("bundles")?;
    assert_eq!(bundles.len(), 2, "{verdict:#}");
    assert_eq!(bundles[0]["id"], first["id"]);
    assert_eq!(bundles[1]["previous"]["id"], first["id"]);
    let numbers = |intact: u8| {
        let output = verify("prometheus");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("kube_hipaa_chain_intact{")).map(str::to_owned);
        assert!(line.is_some_and(|line| line.ends_with(&format!(" {intact}"))), "{text}");
    };
    numbers(1);
    let path =
        record.join(verdict["clusters"][0]["cluster"].as_str().ok_or("a cluster")?).join(bundles[0]["name"].as_str().ok_or("a name")?);
    let kept = std::fs::read(&path)?;
    let mut changed = kept.clone();
    // More than one bit: a few bits of an archive, such as those that fill up a byte, belong to no file in it.
    let middle = changed.len() / 2;
    changed[middle..middle + 16].iter_mut().for_each(|byte| *byte ^= 0xff);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    std::fs::write(&path, changed)?;
    assert_eq!(verify("json").status.code(), Some(5));
    numbers(0);
    std::fs::write(&path, kept)?;
    numbers(1);
    Ok(())
}

/// `docs/operator.md`, from start to end.
fn what_operators_are_told_works(clinic: &ControlPlane) -> Proven {
    let folder = tempfile::tempdir()?;
    let printed = walk("docs/operator.md", folder.path(), &clinic.kubeconfig_admin());
    let of = |command: &str| {
        let all = printed.iter().filter(|(text, _)| text.starts_with(command)).map(|(_, printed)| printed.as_str());
        all.collect::<Vec<_>>().join("\n")
    };
    assert!(of("kube-hipaa scan").contains("\"event\":\"finished\""), "{printed:#?}");
    assert!(of("kube-hipaa verify").contains("Whole: ") && of("kube-hipaa verify").contains("2 bundles of 1 cluster"), "{printed:#?}");
    let numbers = of("cat evidence-2");
    for line in ["kube_hipaa_last_success_timestamp_seconds{", "cluster=\"production\",severity=\"critical\"}", "kube_hipaa_chain_intact{"]
    {
        assert!(numbers.contains(line), "{line} is not in {numbers}");
    }
    assert!(numbers.lines().any(|line| line.starts_with("kube_hipaa_chain_intact{") && line.ends_with(" 1")), "{numbers}");
    Ok(())
}

/// `docs/auditor.md`, from start to end: what each check of it must show stands here.
fn what_auditors_are_told_works(clinic: &ControlPlane) -> Proven {
    let folder = tempfile::tempdir()?;
    let printed = walk("docs/auditor.md", folder.path(), &clinic.kubeconfig_admin());
    let of = |command: &str| {
        let all = printed.iter().filter(|(text, _)| text.contains(command)).map(|(_, printed)| printed.as_str());
        all.collect::<Vec<_>>().join("\n")
    };
    let shown = |command: &str, expected: &[&str]| {
        // A terminal breaks lines where they end.
        let text = of(command).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in expected {
            assert!(text.contains(part), "`{command}` does not say {part:?}:\n{text}");
        }
    };
    shown("kube-hipaa diff", &["New (", "weekend-cover", "cluster: "]);
    shown("kube-hipaa history record", &["2 bundles from", "2 answered", "1 waiver is in force, 1 decision"]);
    shown("for bundle in", &["Whole, as it was sealed", "Timestamp 20", "Signature by evidence@clinic.example"]);
    assert_eq!(of("for bundle in").matches("Whole, as it was sealed").count(), 2, "{}", of("for bundle in"));
    shown("ssh-keygen -Y verify", &["Good \"kube-hipaa\" signature for evidence@clinic.example"]);
    shown("openssl ts -verify", &["Verification: OK"]);
    shown("jq .metadata.name", &["weekend-cover", "cluster-admin"]);
    shown("ls audit/second", &["manual-audit-log-review.yaml", "scope.yaml"]);
    shown("uniq -c", &[" get", " list"]);
    let tampered: Vec<&str> = printed.iter().filter(|(text, _)| text.contains("|| echo")).map(|(_, printed)| printed.as_str()).collect();
    let [answer, lists, night] = tampered.as_slice() else { return Err(format!("three ways to tamper: {tampered:#?}").into()) };
    assert!(answer.contains("altered: data/workspace/answers/") && answer.contains("exit status 5"), "{answer}");
    assert!(lists.contains("chain: ") && lists.contains("signature: ") && lists.contains("timestamp: "), "{lists}");
    assert!(lists.contains("altered: data/workspace/answers/") && lists.contains("exit status 5"), "{lists}");
    assert!(night.contains("exit status 5"), "{night}");
    assert!(folder.path().join("history/history.html").is_file());
    Ok(())
}

/// Makes a Job of the CronJob's template, as `kubectl create job --from` does, and waits for the pod that the controller makes of it.
fn pod_of_a_job(clinic: &ControlPlane) -> Value {
    let (status, cron) = clinic.api("GET", "/apis/batch/v1/namespaces/kube-hipaa/cronjobs/kube-hipaa", None);
    assert_eq!(status, 200, "{cron}");
    assert_eq!(cron["spec"]["concurrencyPolicy"], "Forbid");
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "first"}, "spec": cron["spec"]["jobTemplate"]["spec"]});
    let (status, stored) = clinic.api("POST", "/apis/batch/v1/namespaces/kube-hipaa/jobs", Some(&job));
    assert_eq!(status, 201, "{stored}");
    clinic.wait_until("the job has a pod", LIMIT, || {
        let (_, pods) = clinic.api("GET", "/api/v1/namespaces/kube-hipaa/pods?labelSelector=job-name%3Dfirst", None);
        pods["items"].as_array().and_then(|items| items.first().cloned())
    })
}

/// The server enforces: without any one of these the same pod is refused, so that the schedule has them for a reason.
fn what_is_less_hardened_is_refused(clinic: &ControlPlane, pod: &Value) {
    let path = "/api/v1/namespaces/kube-hipaa/pods?dryRun=All";
    let bare = |change: &dyn Fn(&mut Value)| {
        let mut spec = pod["spec"].clone();
        // What admission added.
        spec["volumes"]
            .as_array_mut()
            .expect("some")
            .retain(|volume| !volume["name"].as_str().unwrap_or_default().starts_with("kube-api-access"));
        spec["containers"][0]["volumeMounts"]
            .as_array_mut()
            .expect("some")
            .retain(|mount| !mount["name"].as_str().unwrap_or_default().starts_with("kube-api-access"));
        change(&mut spec);
        clinic.api("POST", path, Some(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec})))
    };
    let (status, answer) = bare(&|_| {});
    assert_eq!(status, 201, "{answer}");
    let remove = |pointer: &'static str, name: &'static str| {
        move |spec: &mut Value| {
            let found = spec.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|object| object.remove(name));
            assert!(found.is_some(), "{pointer}/{name} is there");
        }
    };
    for (what, change) in [
        ("runAsNonRoot", remove("/securityContext", "runAsNonRoot")),
        ("seccompProfile", remove("/securityContext", "seccompProfile")),
        ("allowPrivilegeEscalation", remove("/containers/0/securityContext", "allowPrivilegeEscalation")),
        ("capabilities", remove("/containers/0/securityContext", "capabilities")),
    ] {
        let (status, answer) = bare(&change);
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(status == 403 && message.contains("PodSecurity \"restricted") && message.contains(what), "{what}: {status} {message}");
    }
}

/// The command line, the environment and the files of the job's pod, on this machine.
struct Job {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    kubeconfig: PathBuf,
    folder: PathBuf,
}

impl Job {
    fn new(clinic: &ControlPlane, pod: &Value, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let here = |text: &str| {
            let mut text = text.to_owned();
            for place in ["/etc/kube-hipaa", "/record"] {
                text = text.replace(place, &format!("{}{place}", folder.display()));
            }
            text
        };
        let (_, map) = clinic.api("GET", "/api/v1/namespaces/kube-hipaa/configmaps/kube-hipaa", None);
        let config = folder.join("etc/kube-hipaa");
        std::fs::create_dir_all(&config)?;
        std::fs::create_dir_all(folder.join("record"))?;
        std::fs::create_dir_all(folder.join("tmp"))?;
        for (name, text) in map["data"].as_object().ok_or("a configuration")? {
            std::fs::write(config.join(name), here(text.as_str().ok_or("a text")?))?;
        }
        let container = &pod["spec"]["containers"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let arguments = container["args"].as_array().ok_or("arguments")?.iter().filter_map(text).collect();
        let variables = container["env"].as_array().ok_or("variables")?.iter();
        let environment = variables.filter_map(|one| Some((text(&one["name"])?, here(one["value"].as_str()?)))).collect();
        let account = pod["spec"]["serviceAccountName"].as_str().ok_or("a service account")?;
        let kubeconfig = clinic.kubeconfig_for_service_account(NAMESPACE, account);
        Ok(Self { arguments, environment, kubeconfig, folder: folder.to_owned() })
    }

    /// Another place for the record, as the chart writes it with a bucket.
    fn keep_in(&self, store: &str) -> Proven {
        let path = self.folder.join("etc/kube-hipaa/kube-hipaa.yaml");
        let text = std::fs::read_to_string(&path)?;
        let volume = format!("store: {}\n", self.folder.join("record").display());
        assert!(text.contains(&volume), "{text}");
        std::fs::write(&path, text.replace(&volume, &format!("store: {store}\n")))?;
        Ok(())
    }

    /// The program as it would run in the pod; who it is comes from a file instead of the pod's own.
    fn command(&self, wrapper: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_kube-hipaa");
        let mut command = match wrapper {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(&self.arguments).arg("--kubeconfig").arg(&self.kubeconfig).current_dir("/").env_clear();
        command.env("TMPDIR", self.folder.join("tmp")).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self) -> Result<Output, Box<dyn Error>> {
        Ok(self.command(&[]).output()?)
    }

    /// Another command, in the same environment.
    fn ask(&self, arguments: &[&str], variables: &[(&str, String)]) -> Result<Output, Box<dyn Error>> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
        command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        Ok(command.output()?)
    }

    /// The same under strace: with every address that it opens a connection to, or sends to.
    fn run_and_watch(&self, variables: &[(&str, String)]) -> Result<(Output, BTreeSet<String>), Box<dyn Error>> {
        let trace = self.folder.join("trace");
        let trace_to = trace.display().to_string();
        let wrapper = ["/usr/bin/env", "strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", &trace_to];
        let output = self.command(&wrapper).envs(variables.iter().map(|(name, value)| (name, value))).output()?;
        let text = std::fs::read_to_string(&trace).map_err(|error| format!("{error}: {}", said(&output)))?;
        Ok((output, addresses(&text)))
    }
}

/// Every address of a network that a trace of strace names; anything that is no address of one stands there as it is.
fn addresses(trace: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in trace.lines().filter(|line| line.contains("sa_family=")) {
        let part = |from: &str, to: char| {
            line.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(value, _)| value.trim_matches('"').to_owned())
        };
        let port = part("port=htons(", ')').unwrap_or_default();
        let address = part("inet_addr(", ')').or_else(|| part("inet_pton(AF_INET6, ", ',').map(|address| format!("[{address}]")));
        found.insert(match address {
            Some(address) => format!("{address}:{port}"),
            None => line.to_owned(),
        });
    }
    found
}

/// What is read of a trace: also what the program must not do.
#[test]
fn addresses_of_a_trace_are_read() {
    let trace = "\
1 connect(9, {sa_family=AF_INET, sin_port=htons(6443), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = -1 EINPROGRESS
2 sendto(9, \"x\", 1, MSG_NOSIGNAL, NULL, 0) = 1
3 connect(10, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 28) = 0
4 sendto(11, \"q\", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"10.0.0.2\")}, 16) = 1
5 connect(12, {sa_family=AF_UNIX, sun_path=\"/var/run/nscd/socket\"}, 110) = -1 ENOENT
";
    let found = addresses(trace);
    assert_eq!(found.len(), 4, "{found:?}");
    for expected in ["127.0.0.1:6443", "[::1]:443", "10.0.0.2:53"] {
        assert!(found.contains(expected), "{found:?}");
    }
    assert!(found.iter().any(|line| line.contains("nscd")));
}

/// The line of the log that says that something happened.
fn event<'a>(lines: &'a [Value], name: &str) -> &'a Value {
    lines.iter().find(|line| line["event"] == name).unwrap_or_else(|| panic!("no event {name}: {lines:#?}"))
}

/// The lines of the log, each an object.
fn log(output: &Output) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    String::from_utf8_lossy(&output.stderr).lines().map(line).collect()
}

/// What the server witnessed of the job's account.
fn audited(clinic: &ControlPlane) -> Vec<Value> {
    let user = format!("system:serviceaccount:{NAMESPACE}:{NAMESPACE}");
    clinic.audit_events().into_iter().filter(|event| event["user"]["username"] == user.as_str()).collect()
}
