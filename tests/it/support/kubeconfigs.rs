//! Kubeconfigs as people have them, and as nobody should: made up from chances, the same in every run.

mod plugins;

use std::path::{Path, PathBuf};

use base64::Engine;
use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::listener::Papers;

/// Where the servers listen.
pub struct Ports {
    pub tls: u16,
    pub clear: u16,
    pub proxy: u16,
}

/// A set of files, and how the program and kubectl are called with it.
pub struct Case {
    /// The folder in which both run.
    pub at: PathBuf,
    /// The files in the order in which they are merged, as named.
    pub files: Vec<String>,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub context: Option<String>,
    /// We refuse on purpose what kubectl takes.
    pub stricter: bool,
    /// What is special about it, for messages.
    pub told: Vec<String>,
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

struct Making<'a> {
    chance: &'a mut Chance,
    papers: &'a Papers,
    ports: &'a Ports,
    /// The folder of the file that the part will stand in.
    folder: PathBuf,
    told: Vec<String>,
    environment: Vec<(String, String)>,
    /// How many things may still be odd.
    odd: usize,
}

impl Making<'_> {
    /// The first, or one of the others, told. Of a case, few things are odd: of many, none would be used by anybody.
    fn pick<'s>(&mut self, what: &str, from: &[&'s str]) -> &'s str {
        if self.odd == 0 || !self.chance.one_in(3) {
            return from[0];
        }
        self.odd -= 1;
        self.vary(what, from)
    }

    /// One of these, told.
    fn vary<'s>(&mut self, what: &str, from: &[&'s str]) -> &'s str {
        let picked = self.chance.pick(from);
        if picked != from[0] {
            self.told.push(format!("{what}: {picked}"));
        }
        picked
    }

    fn file(&self, name: &str, content: &str) -> String {
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.folder.join(name), content).unwrap();
        if name.starts_with("abs") { self.folder.join(name).display().to_string() } else { name.to_owned() }
    }

    /// Base64 with and without what an editor makes of it.
    fn bytes(&mut self, text: &str) -> String {
        let plain = base64(text);
        match self.pick("base64", &["plain", "plain", "plain", "lines", "CRLF", "without padding", "a space", "url", "no base64"]) {
            "lines" => plain.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect(),
            "CRLF" => plain.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect(),
            // One more byte, so that there is padding to leave out.
            "without padding" => base64(&format!("{}\n", text.trim_end())).trim_end_matches('=').to_owned(),
            "a space" => format!("{plain} "),
            "url" => plain.replace('+', "-").replace('/', "_"),
            "no base64" => "!!!".to_owned(),
            _ => plain,
        }
    }

    fn cluster(&mut self) -> Value {
        let mut fields = Map::new();
        let scheme = self
            .pick("scheme", &["https", "https", "https", "https", "https", "https", "https", "http", "none", "HTTPS", "no server", "ftp"]);
        let path = self.vary("path", &["", "", "", "/", "/k8s/clusters/c-1", "/base/", "/a?x=1", "/a//b"]);
        let host = self.vary(
            "host",
            &[
                "127.0.0.1",
                "127.0.0.1",
                "127.0.0.1",
                "127.0.0.1",
                "localhost",
                "localhost",
                "api.example.test",
                "api.example.test",
                "u%40:p%3Aw@127.0.0.1",
            ],
        );
        match scheme {
            "http" => drop(fields.insert("server".into(), json!(format!("http://{host}:{}{path}", self.ports.clear)))),
            "none" => drop(fields.insert("server".into(), json!(format!("{host}:{}{path}", self.ports.clear)))),
            "no server" => {}
            scheme => drop(fields.insert("server".into(), json!(format!("{scheme}://{host}:{}{path}", self.ports.tls)))),
        }
        let authority = self.papers.authority.clone();
        let kinds = [
            "data",
            "data",
            "data",
            "file",
            "absolute",
            "insecure",
            "insecure and data",
            "both",
            "none",
            "empty",
            "missing file",
            "no PEM",
            "two",
        ];
        let kind = self.pick("authority", &kinds);
        if ["data", "insecure and data", "both"].contains(&kind) {
            fields.insert("certificate-authority-data".into(), json!(self.bytes(&authority)));
        }
        match kind {
            "two" => {
                drop(fields.insert("certificate-authority-data".into(), json!(base64(&format!("{}{authority}", self.papers.clients[0].0)))))
            }
            "no PEM" => drop(fields.insert("certificate-authority-data".into(), json!(base64("no certificate")))),
            "empty" => {
                fields.insert("certificate-authority-data".into(), json!(""));
                fields.insert("certificate-authority".into(), json!(self.file("ca.crt", &authority)));
            }
            "file" | "both" => drop(fields.insert("certificate-authority".into(), json!(self.file("ca.crt", &authority)))),
            "absolute" => drop(fields.insert("certificate-authority".into(), json!(self.file("abs-ca.crt", &authority)))),
            "missing file" => drop(fields.insert("certificate-authority".into(), json!("nowhere.crt"))),
            _ => {}
        }
        if kind.starts_with("insecure") {
            fields.insert("insecure-skip-tls-verify".into(), json!(true));
        }
        match self.pick("name of the server", &["", "", "", "other.example.test", "wrong.example.test"]) {
            "" => {}
            name => drop(fields.insert("tls-server-name".into(), json!(name))),
        }
        let proxy = self.ports.proxy;
        let proxied = host == "api.example.test";
        // For a server without TLS, Go hands the whole request to the proxy and we ask it for a tunnel: both reach the same server.
        let kinds = if scheme == "http" || scheme == "none" {
            vec![""]
        } else if proxied {
            vec!["http", "environment", "environment, lower", "exception", "with password"]
        } else {
            vec!["", "", "", "", "http", "no URL", "environment", "with password"]
        };
        let proxy_kind = if proxied { self.vary("proxy", &kinds) } else { self.pick("proxy", &kinds) };
        match proxy_kind {
            "http" => drop(fields.insert("proxy-url".into(), json!(format!("http://127.0.0.1:{proxy}")))),
            "with password" => drop(fields.insert("proxy-url".into(), json!(format!("http://me:w%40rd@127.0.0.1:{proxy}")))),
            "no URL" => drop(fields.insert("proxy-url".into(), json!("127.0.0.1:9"))),
            "environment" => self.environment.push(("HTTPS_PROXY".into(), format!("http://127.0.0.1:{proxy}"))),
            "environment, lower" => {
                self.environment.push(("https_proxy".into(), format!("127.0.0.1:{proxy}")));
                self.environment.push(("NO_PROXY".into(), "other.test,10.0.0.0/8,".into()));
            }
            "exception" => {
                self.environment.push(("HTTPS_PROXY".into(), format!("http://127.0.0.1:{proxy}")));
                self.environment.push(("no_proxy".into(), ".example.test".into()));
            }
            _ => {}
        }
        if self.chance.one_in(8) {
            fields.insert("disable-compression".into(), json!(true));
        }
        if self.chance.one_in(8) {
            fields.insert(
                "extensions".into(),
                json!([{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "us", "n": 1}}]),
            );
        }
        Value::Object(fields)
    }

    fn user(&mut self) -> Value {
        let mut fields = Map::new();
        let put = |fields: &mut Map<String, Value>, name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        let kinds = [
            "token",
            "token",
            "tokenFile",
            "certificate",
            "certificate files",
            "exec",
            "exec",
            "exec",
            "password",
            "none",
            "odd token",
            "odd file",
            "odd password",
            "odd certificate",
            "token and password",
            "token and file",
            "token and exec",
            "certificate and exec",
            "certificate and token",
            "password and exec",
            "auth-provider",
            "key alone",
            "token and key",
        ];
        let kind = self.vary("user", &kinds);
        // Whom the URL names is told to the server; which certificate a plugin would add is not asked.
        let kind = if kind.contains("exec") && self.told.iter().any(|told| told.starts_with("host: u%40")) { "token" } else { kind };
        let (certificate, key) = self.papers.clients[0].clone();
        let has = |words: &[&str]| kind.split(" and ").any(|part| words.contains(&part));
        if has(&["token"]) {
            put(&mut fields, "token", json!("abc.def"));
        }
        if kind == "odd token" {
            let token = self.vary("token", &["", " abc", "abc  ", "a\nb", "Bearer abc", "ü", "", "abc\n"]);
            put(&mut fields, "token", json!(token));
        }
        if has(&["tokenFile", "file"]) {
            let content = self.vary("content", &["of.file", "of.file\n", "  of.file \r\n\n"]);
            let name = self.vary("name", &["token", "abs-token", "./token"]);
            let written = self.file(name.trim_start_matches("./"), content);
            put(&mut fields, "tokenFile", json!(if name.starts_with("./") { name.to_owned() } else { written }));
        }
        if kind == "odd file" {
            let content = self.vary("content", &["", "\n", "a\nb", "missing"]);
            let name = if content == "missing" { "nowhere".to_owned() } else { self.file("token", content) };
            put(&mut fields, "tokenFile", json!(name));
            if self.chance.one_in(2) {
                put(&mut fields, "token", json!("beside-the-file"));
                self.told.push("with a token".to_owned());
            }
        }
        if has(&["certificate"]) {
            put(&mut fields, "client-certificate-data", json!(self.bytes(&certificate)));
            put(&mut fields, "client-key-data", json!(self.bytes(&key)));
        }
        if kind == "certificate files" {
            put(&mut fields, "client-certificate", json!(self.file("client.crt", &certificate)));
            put(&mut fields, "client-key", json!(self.file("abs-client.key", &key)));
        }
        if kind == "odd certificate" {
            let other = self.papers.clients[1].1.clone();
            match self.vary("certificate", &["both", "no key", "key in a file", "another key", "missing", "both keys", "no PEM"]) {
                "both" => {
                    put(&mut fields, "client-certificate", json!(self.file("client.crt", &certificate)));
                    put(&mut fields, "client-certificate-data", json!(base64(&certificate)));
                    put(&mut fields, "client-key-data", json!(base64(&key)));
                }
                "no key" => put(&mut fields, "client-certificate-data", json!(base64(&certificate))),
                "key in a file" => {
                    put(&mut fields, "client-certificate-data", json!(base64(certificate.trim_end())));
                    put(&mut fields, "client-key", json!(self.file("client.key", &key)));
                }
                "another key" => {
                    put(&mut fields, "client-certificate-data", json!(base64(&certificate)));
                    put(&mut fields, "client-key-data", json!(base64(&other)));
                }
                "both keys" => {
                    put(&mut fields, "client-certificate-data", json!(base64(&certificate)));
                    put(&mut fields, "client-key-data", json!(base64(&key)));
                    put(&mut fields, "client-key", json!(self.file("client.key", &key)));
                }
                "no PEM" => {
                    put(&mut fields, "client-certificate-data", json!(base64("x")));
                    put(&mut fields, "client-key-data", json!(base64("y")));
                }
                _ => {
                    put(&mut fields, "client-certificate", json!("nowhere.crt"));
                    put(&mut fields, "client-key", json!("nowhere.key"));
                }
            }
        }
        if has(&["key alone", "key"]) {
            put(&mut fields, "client-key-data", json!(base64(&key)));
        }
        if has(&["password"]) {
            put(&mut fields, "username", json!("me"));
            put(&mut fields, "password", json!("w:rd"));
        }
        if kind == "odd password" {
            let name = self.vary("of", &["username", "password"]);
            put(&mut fields, name, json!("alone"));
        }
        if has(&["exec"]) {
            let exec = self.exec();
            put(&mut fields, "exec", exec);
        }
        if kind == "auth-provider" {
            put(&mut fields, "auth-provider", json!({"name": "gcp", "config": {"access-token": "x"}}));
        }
        match self.vary("impersonates", &["", "", "", "", "", "", "", "user", "user and more", "groups"]) {
            "user" => put(&mut fields, "as", json!("jane")),
            "groups" => put(&mut fields, "as-groups", json!(["a"])),
            "user and more" => {
                put(&mut fields, "as", json!("jane"));
                put(&mut fields, "as-groups", json!(["a", "b c"]));
                put(&mut fields, "as-uid", json!("17"));
                put(&mut fields, "as-user-extra", json!({"example.org/reason%": ["on call", "x"]}));
            }
            _ => {}
        }
        Value::Object(fields)
    }
}

/// The parts of a kubeconfig go into one to four files, some of which are missing, empty, or say the same names again.
pub fn generate(chance: &mut Chance, papers: &Papers, ports: &Ports, at: &Path) -> Case {
    let count = 1 + chance.below(4);
    let names: Vec<String> = (0..count).map(|i| ["one.yaml", "deep/er/two.yaml", "three", "deep/four.json"][i].to_owned()).collect();
    let folder_of = |name: &str| at.join(name).parent().unwrap().to_owned();
    let mut documents: Vec<Value> =
        names.iter().map(|_| json!({"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []})).collect();
    let mut making = Making { chance, papers, ports, folder: at.to_owned(), told: Vec::new(), environment: Vec::new(), odd: 0 };
    making.odd = if making.chance.one_in(2) { 0 } else { 1 + making.chance.below(2) };
    // Each name may stand in several files: the first decides. In the files behind, it is somebody else's.
    for (list, inner) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
        let first = making.chance.below(count);
        for (i, name) in names.iter().enumerate().skip(first) {
            if i > first && !making.chance.one_in(2) {
                continue;
            }
            making.folder = folder_of(name);
            let told = making.told.len();
            let environment = making.environment.len();
            let value = match list {
                "clusters" => making.cluster(),
                "users" => making.user(),
                _ => {
                    let mut context = json!({"cluster": making.pick("cluster", &["it", "it", "it", "it", "it", "it", "nobody"]),
                        "user": making.pick("user", &["it", "it", "it", "it", "it", "it", "", "nobody"])});
                    match making.pick("namespace", &["", "", "records", "empty"]) {
                        "" => {}
                        "empty" => context["namespace"] = json!(""),
                        namespace => context["namespace"] = json!(namespace),
                    }
                    context
                }
            };
            if i > first {
                making.told.truncate(told);
                making.environment.truncate(environment);
                making.told.push(format!("{inner} again in {name}"));
            }
            documents[i][list].as_array_mut().unwrap().push(json!({"name": "it", inner: value}));
        }
    }
    let (given, context) =
        match making.vary("context", &["current", "current", "flag", "empty first", "current", "flag", "empty first", "none", "unknown"]) {
            "flag" => (false, Some("it".to_owned())),
            "none" => (false, None),
            "unknown" => (false, Some("unknown".to_owned())),
            "empty first" => {
                documents[0]["current-context"] = json!("");
                (true, None)
            }
            _ => (true, None),
        };
    if given {
        let place = documents.iter().position(|document| document["current-context"].is_null()).unwrap_or(0);
        documents[place]["current-context"] = json!("it");
    }
    let mut stricter = false;
    let odd = making.chance.below(count);
    let kinds = [
        "",
        "",
        "",
        "",
        "",
        "",
        "twice",
        "kind",
        "version",
        "no kind",
        "mark",
        "second document",
        "unknown fields",
        "null",
        "number",
        "key twice",
        "list",
        "UTF-16",
    ];
    let whole = making.pick("whole file", &kinds);
    let document = &mut documents[odd];
    match whole {
        "twice" => {
            let list = ["clusters", "users", "contexts"][making.chance.below(3)];
            let inner = list.trim_end_matches('s');
            document[list]
                .as_array_mut()
                .unwrap()
                .extend([json!({"name": "two", inner: {"cluster": "it"}}), json!({"name": "two", inner: {}})]);
        }
        "kind" => document["kind"] = json!("Pod"),
        "version" => document["apiVersion"] = json!("v2"),
        "no kind" => {
            document.as_object_mut().unwrap().remove("kind");
            document.as_object_mut().unwrap().remove("apiVersion");
        }
        "unknown fields" => {
            document["preferences"] = json!({"colors": true});
            document["x-of-ours"] = json!({"a": [1]});
            document["users"].as_array_mut().unwrap().push(json!({"name": "bare"}));
            document["users"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "odd", "user": {"exec": {"interactiveMode": "Sometimes", "command": "x", "apiVersion": "y"}}}));
        }
        "null" => {
            document["preferences"] = Value::Null;
            for list in ["clusters", "users", "contexts"] {
                if document[list].as_array().is_some_and(Vec::is_empty) {
                    document[list] = Value::Null;
                }
            }
        }
        "number" => document["users"].as_array_mut().unwrap().push(json!({"name": "number", "user": {"token": 12345}})),
        "list" => document["clusters"] = json!({"it": {}}),
        _ => {}
    }
    let missing = (count > 1 && making.chance.one_in(4)).then(|| making.chance.below(count));
    for (i, (name, document)) in names.iter().zip(&documents).enumerate() {
        if missing == Some(i) {
            making.told.push(format!("{name} is missing"));
            continue;
        }
        let mut text = if making.chance.one_in(2) {
            serde_json::to_string_pretty(document).unwrap()
        } else {
            serde_saphyr::to_string(document).unwrap()
        };
        let mut bytes = None;
        if i == odd {
            match whole {
                "mark" => text = format!("\u{feff}{text}"),
                "second document" => {
                    text = format!(
                        "{text}\n---\napiVersion: v1\nkind: Config\ncurrent-context: other\ncontexts: [{{name: it, context: {{cluster: x, user: y}}}}]\n"
                    )
                }
                "key twice" => {
                    text = format!("{}\n", document).replacen('{', "{\"current-context\": \"first\", ", 1);
                    stricter = true;
                }
                "UTF-16" => bytes = Some([vec![0xFF, 0xFE], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()),
                _ => {}
            }
        }
        std::fs::create_dir_all(folder_of(name)).unwrap();
        std::fs::write(at.join(name), bytes.unwrap_or_else(|| text.into_bytes())).unwrap();
    }
    let mut arguments: Vec<String> = context.iter().flat_map(|context| ["--context".to_owned(), context.clone()]).collect();
    let mut files = names.clone();
    let mut environment = making.environment.clone();
    if count == 1 && making.chance.one_in(2) {
        arguments.extend(["--kubeconfig".to_owned(), names[0].clone()]);
    } else {
        files.insert(0, "no-such-file".to_owned());
        let list = format!("{}:", files.join("::"));
        environment.push(("KUBECONFIG".to_owned(), list));
    }
    // kubectl needs no user where nothing is encrypted; we say that the one who was named is not there.
    stricter |= making.told.iter().any(|told| told == "user: nobody");
    Case { at: at.to_owned(), files, arguments, environment, context, stricter, told: making.told }
}
