//! Credentials of the operator are used and never told: not by the program's messages, and not by what it keeps.

use kube_hipaa::collect::Clients;

/// What the program says when the kubeconfig has this plugin, and its exit code.
fn told(exec: &str, arguments: &[&str]) -> (String, Option<i32>) {
    told_of(
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: \"https://admin:url-s3cret@127.0.0.1:1\"}}}}]\n\
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
        (r#"command: sh, args: ["-c", "echo stdout-s3cret; exit 7"]"#, "the credential plugin failed (status 7)"),
        (r#"command: sh, args: ["-c", "echo stdout-s3cret"]"#, "the credential plugin failed (what it printed is not a credential)"),
        (
            r#"command: sh, args: ["-c", "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"token\": \"stdout-s3cret\"}'"]"#,
            "the credential plugin failed",
        ),
        ("command: no-such-plugin", "the credential plugin could not be started"),
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
    assert_eq!(Clients::new(config).unwrap().server, "https://127.0.0.1:6443/base");
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
