//! Credentials of the operator are used and never told: not by the program's messages, and not by what it keeps.

use kube_hipaa::collect::Clients;

/// What the program says when the kubeconfig has this plugin, and its exit code.
fn told(exec: &str, arguments: &[&str]) -> (String, Option<i32>) {
    told_of(
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: \"https://127.0.0.1:1\"}}}}]\n\
         users:\n- name: a\n  user:\n    exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
         env: [{{name: CLIENT_SECRET, value: env-s3cret}}], {exec}}}\n"
        ),
        arguments,
    )
}

/// What the program says with this kubeconfig, and its exit code.
fn told_of(kubeconfig: String, arguments: &[&str]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
    let out = assert_cmd::Command::cargo_bin("kube-hipaa")
        .unwrap()
        .args(arguments)
        .args(["--kubeconfig", "kubeconfig"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap();
    (String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned(), out.status.code())
}

#[test]
fn what_a_credential_plugin_gets_and_prints_is_not_told() {
    let plugins = [
        (r#"command: sh, args: ["-c", "echo stdout-s3cret; exit 7"]"#, "the credential plugin sh failed (status 7)"),
        (r#"command: sh, args: ["-c", "echo stdout-s3cret"]"#, "the credential plugin sh failed (what it printed is not a credential)"),
        (
            r#"command: sh, args: ["-c", "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"token\": \"stdout-s3cret\"}'"]"#,
            "the credential plugin sh failed",
        ),
        ("command: no-such-plugin", "the credential plugin no-such-plugin could not be started"),
    ];
    for (exec, expected) in plugins {
        for arguments in [&["scan"][..], &["preflight"]] {
            let (told, code) = told(exec, arguments);
            assert_eq!(code, Some(3), "{told}");
            assert!(told.contains(expected), "{exec}\n{told}");
            assert!(!told.contains("s3cret"), "{exec}\n{told}");
        }
    }
}

#[tokio::test]
async fn credentials_in_the_url_of_the_server_are_not_kept() {
    let config = kube::Config::new("https://admin:s3cret@127.0.0.1:6443/base".parse().unwrap());
    assert_eq!(Clients::new(config, std::time::Duration::from_secs(5)).await.unwrap().server, "https://127.0.0.1:6443/base");
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
    let wrongs = [
        ("users: [{name: a, user: {token: s3cret, bad", "line 3"),
        ("users:\n- name: a\n  user:\n    token: s3cret\n   bad: [", "line 7"),
        ("users:\n- name: a\n  user:\n    token: {x: s3cret}\n", "line 6"),
        ("users: s3cret\n", "line 3"),
        ("users:\n- name: a\n  user:\n    token: s3cret\n    token: s3cret\n", "line 7"),
    ];
    for (wrong, place) in wrongs {
        let (told, code) = told_of(format!("apiVersion: v1\nkind: Config\n{wrong}"), &["preflight"]);
        assert_ne!(code, Some(0));
        assert!(!told.contains("s3cret"), "{told}");
        assert!(told.contains("cannot use the kubeconfig") && told.contains(place), "{told}");
    }
}

#[test]
fn a_token_that_no_header_can_hold_is_an_error_and_no_panic() {
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                      clusters: [{name: a, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
                      users: [{name: a, user: {token: \"x\\ns3cret\"}}]\n";
    let (told, code) = told_of(kubeconfig.to_owned(), &["preflight"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("the token has signs that no token has") && !told.contains("s3cret") && !told.contains("panicked"), "{told}");
}

/// A kubeconfig with this user, and a server at this address.
fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: a, user: {user}}}]\n"
    )
}

fn exec(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [\"-c\", {script}]}}}}")
}

#[test]
fn a_plugin_that_hangs_or_prints_without_end_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let scripts = [
        format!("sleep 300 & echo $! > {}; wait", mark.display()),
        format!("sleep 300 & echo $! > {}; while :; do echo s3cret; done", mark.display()),
        format!("sleep 300 & echo $! > {}; while :; do echo s3cret >&2; done", mark.display()),
    ];
    for script in scripts {
        let before = std::time::Instant::now();
        let (told, code) = told_of(kubeconfig("https://127.0.0.1:1", &exec(&script)), &["preflight", "--timeout", "2s"]);
        assert!(before.elapsed().as_secs() < 20, "{script}: {:?}", before.elapsed());
        assert_eq!(code, Some(3), "{told}");
        assert!(told.contains("the credential plugin sh") && told.contains("was ended") && !told.contains("s3cret"), "{told}");
        let child = std::fs::read_to_string(&mark).unwrap();
        let alive = || std::fs::read_to_string(format!("/proc/{}/cmdline", child.trim())).is_ok_and(|line| line.contains("sleep"));
        let gone = (0..50).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            !alive()
        });
        assert!(gone, "the child of the plugin is still there: {script}");
    }
}

#[test]
fn what_kubectl_refuses_of_a_plugin_is_an_error_with_its_last_line() {
    let credential = |status: &str| {
        format!("echo '{{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {status}}}'")
    };
    let cases = [
        (credential(r#"{"token": "a\\ns3cret"}"#), "the token has signs that no token has, such as a line break"),
        (credential("{}"), "it gave neither a token nor a certificate"),
        (credential(r#"{"clientCertificateData": "s3cret"}"#), "it gave a certificate without its key"),
        (
            "echo 'x' >&2; echo 'Error: session s3cret has expired, log in again' >&2; exit 3".to_owned(),
            "its last line: Error: session [redacted] has expired, log in again",
        ),
    ];
    for (script, expected) in cases {
        let (told, code) = told_of(kubeconfig("https://127.0.0.1:1", &exec(&script)), &["preflight"]);
        assert_eq!(code, Some(3), "{told}");
        assert!(told.contains(expected), "{script}\n{told}");
        assert!(!told.contains("s3cret") && !told.contains("panicked"), "{told}");
    }
}

#[test]
fn a_context_whose_user_is_not_there_is_an_error() {
    let text = kubeconfig("https://127.0.0.1:1", "{token: t}").replace("users: [{name: a", "users: [{name: b");
    let (told, code) = told_of(text, &["preflight"]);
    assert_ne!(code, Some(0), "{told}");
    assert!(told.contains("its context `a` names the user `a`, which is not in it"), "{told}");
}

#[test]
fn pipes_are_refused_as_kubeconfig_and_as_token_file() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let user = format!("{{tokenFile: {}}}", pipe.display());
    let (told, code) = told_of(kubeconfig("https://127.0.0.1:1", &user), &["preflight"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("it is no regular file"), "{told}");
    let out = assert_cmd::Command::cargo_bin("kube-hipaa")
        .unwrap()
        .args(["preflight", "--kubeconfig"])
        .arg(&pipe)
        .timeout(std::time::Duration::from_secs(20))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("it is no regular file"), "{out:?}");
}

/// What the program says with this value of KUBECONFIG.
fn told_with_list(folder: &std::path::Path, list: &str) -> String {
    let out = assert_cmd::Command::cargo_bin("kube-hipaa")
        .unwrap()
        .args(["preflight"])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("KUBECONFIG", list)
        .output()
        .unwrap();
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

#[test]
fn of_several_kubeconfigs_missing_ones_are_left_out_and_a_broken_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good", &kubeconfig("https://127.0.0.1:1", "{token: t}"));
    write("broken", "users: [{name: a, user: {token: s3cret, bad");
    write("empty", "apiVersion: v1\nkind: Config\ncurrent-context: \"\"\n");
    let told = told_with_list(folder.path(), "missing::empty:good");
    assert!(told.contains("cannot reach the API server https://127.0.0.1:1"), "{told}");
    let told = told_with_list(folder.path(), "good:broken");
    assert!(told.contains("cannot use the kubeconfig broken") && !told.contains("s3cret"), "{told}");
    let told = told_with_list(folder.path(), "missing:also-missing");
    assert!(told.contains("there is no cluster to ask"), "{told}");
}

/// What the server with TLS saw of the first request with this user.
fn asked_as(user: &str) -> (Option<crate::support::listener::Asked>, String) {
    use base64::Engine;
    let papers = crate::support::listener::Papers::issue();
    let server = crate::support::listener::Listener::with_tls(&papers);
    let authority = base64::engine::general_purpose::STANDARD.encode(&papers.authority);
    let text = kubeconfig(&format!("https://127.0.0.1:{}", server.port), user)
        .replace("server:", &format!("certificate-authority-data: {authority}, server:"));
    let (told, _) = told_of(text, &["preflight"]);
    (server.take().into_iter().next(), told)
}

/// A token file with a final newline is sent without it, as kubectl does.
#[test]
fn the_newline_at_the_end_of_a_token_file_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "  abc.def\n\n").unwrap();
    let (asked, told) = asked_as(&format!("{{tokenFile: {}}}", token.display()));
    assert_eq!(asked.unwrap().headers["authorization"], ["Bearer abc.def"], "{told}");
}

#[test]
fn what_is_not_encrypted_carries_no_credentials() {
    let server = crate::support::listener::Listener::in_the_clear();
    let (told, _) = told_of(kubeconfig(&format!("http://127.0.0.1:{}", server.port), "{token: s3cret, as: jane}"), &["preflight"]);
    let asked = server.take().into_iter().next().unwrap();
    assert!(!asked.headers.contains_key("authorization"), "{asked:?}\n{told}");
    assert_eq!(asked.headers["impersonate-user"], ["jane"]);
}

#[test]
fn a_user_without_credentials_is_an_error() {
    let (asked, told) = asked_as("{}");
    assert!(asked.is_none() && told.contains("its user `a` has no credentials"), "{told}");
}
