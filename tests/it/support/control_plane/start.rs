//! The flags of each component, and the order in which they start.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::api::Api;
use super::certificates::{Authority, token_key};
use super::kubeadm;
use super::options::Options;
use super::process::{Components, Root};

/// From the start of etcd to `/readyz`, which takes about 3 s on two idle cores.
const START_LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// Where everything of one plane lies, and who it trusts.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) url: String,
    pub(super) authority: Authority,
    pub(super) audit_log: PathBuf,
}

impl Place {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<String, String> {
        let path = self.path(name);
        fs::write(&path, content).map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// A kubeconfig for a client certificate of this user in these groups.
    pub(super) fn kubeconfig(&self, user: &str, groups: &[&str]) -> Result<PathBuf, String> {
        let identity = self.authority.client(user, groups)?;
        let name = self.free_name(user);
        let certificate = self.write(&format!("{name}.crt"), &identity.certificate)?;
        let key = self.write(&format!("{name}.key"), &identity.key)?;
        self.write_kubeconfig(&name, &json!({"client-certificate": certificate, "client-key": key}))
    }

    /// A kubeconfig for a bearer token.
    pub(super) fn kubeconfig_for_token(&self, user: &str, token: &str) -> Result<PathBuf, String> {
        self.write_kubeconfig(&self.free_name(user), &json!({"token": token}))
    }

    fn write_kubeconfig(&self, name: &str, user: &serde_json::Value) -> Result<PathBuf, String> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {
                "server": self.url,
                "certificate-authority": self.text("ca.crt"),
            }}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        });
        self.write(&format!("{name}.kubeconfig"), &config.to_string()).map(PathBuf::from)
    }

    /// A file name that no earlier identity has; user names may hold anything.
    fn free_name(&self, user: &str) -> String {
        let plain: String = user.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(60).collect();
        let taken = |name: &String| self.path(&format!("{name}.kubeconfig")).exists();
        std::iter::once(plain.clone()).chain((2_u32..).map(|number| format!("{plain}-{number}"))).find(|name| !taken(name)).unwrap_or(plain)
    }
}

/// What a started plane consists of.
pub(super) struct Started {
    pub(super) place: Place,
    pub(super) components: Components,
    pub(super) api: Api,
    pub(super) admin: PathBuf,
}

/// Starts everything and waits until the API server is ready.
pub(super) fn start(folder: &Path, options: &Options) -> Result<Started, String> {
    let usual = options.static_api_server.as_ref().is_some_and(|server| server.usual_ports);
    let mut wanted = if usual { vec![2379, 2380, 6443] } else { vec![0; 3] };
    wanted.resize(3 + options.kubelets.len(), 0);
    let ports = free_ports(&wanted)?;
    let root = folder.join(kubeadm::ROOT);
    let rendered = options.static_api_server.as_ref().map(|server| kubeadm::render(&server.manifest, ports[0], ports[2])).transpose()?;
    let audit_log = rendered.as_ref().and_then(|rendered| kubeadm::audit_log(&root, &rendered.flags));
    let place = Place {
        folder: folder.to_owned(),
        url: format!("https://127.0.0.1:{}", ports[2]),
        authority: Authority::new()?,
        audit_log: audit_log.unwrap_or_else(|| folder.join("audit.log")),
    };
    let server = place.authority.server()?;
    let etcd_client = place.authority.client("etcd-client", &[])?;
    let (token_key, token_public_key) = token_key()?;
    place.write("ca.crt", &place.authority.pem())?;
    place.write("server.crt", &server.certificate)?;
    place.write("server.key", &server.key)?;
    place.write("etcd-client.crt", &etcd_client.certificate)?;
    place.write("etcd-client.key", &etcd_client.key)?;
    place.write("token.key", &token_key)?;
    place.write("token.pub", &token_public_key)?;
    let admin = place.kubeconfig("kubernetes-admin", &["system:masters"])?;

    let mut components = Components::default();
    components.start("etcd", "etcd", folder, &etcd_flags(&place, ports[0], ports[1]))?;
    let begin = Instant::now();
    until(&mut components, begin, "etcd listens", || TcpStream::connect(("127.0.0.1", ports[0])).is_ok())?;
    match (&options.static_api_server, &rendered) {
        (Some(server), Some(rendered)) => {
            let keys = kubeadm::Keys { authority: &place.authority, token_key: &token_key, token_public_key: &token_public_key };
            kubeadm::furnish(&root, &rendered.flags, options, &keys)?;
            let root = Root { folder: &root, host: &server.node };
            components.start_in_root("kube-apiserver", folder, &rendered.flags, &root)?;
        }
        _ => {
            let flags = api_server_flags(&place, options, ports[0], ports[2])?;
            components.start("kube-apiserver", "kube-apiserver", folder, &flags)?;
        }
    }
    let api = Api::connect(&admin)?;
    until(&mut components, begin, "/readyz answers 200", || {
        matches!(api.request("GET", "/readyz", "application/json", Vec::new()), Ok((200, _)))
    })?;

    if options.with_controller_manager {
        let kubeconfig = place.kubeconfig("system:kube-controller-manager", &[])?;
        let flags = controller_manager_flags(&place, options, &kubeconfig);
        components.start("kube-controller-manager", "kube-controller-manager", folder, &flags)?;
    }
    if options.with_scheduler {
        let kubeconfig = place.kubeconfig("system:kube-scheduler", &[])?;
        let flags =
            render(&[("kubeconfig", &kubeconfig.display()), ("leader-elect", &false), ("secure-port", &0), ("bind-address", &"127.0.0.1")]);
        components.start("kube-scheduler", "kube-scheduler", folder, &flags)?;
    }
    for ((node, pods), port) in options.kubelets.iter().zip(&ports[3..]) {
        let name = format!("kubelet-{node}");
        let mut pods = pods.clone();
        if let (Some(server), Some(rendered)) = (&options.static_api_server, &rendered)
            && server.node == *node
        {
            pods.push(rendered.manifest.clone());
        }
        let flags = kubelet_flags(&place, options, node, &pods, *port)?;
        components.start("kubelet", &name, folder, &flags)?;
    }
    Ok(Started { place, components, api, admin })
}

fn until(components: &mut Components, begin: Instant, what: &str, mut reached: impl FnMut() -> bool) -> Result<(), String> {
    while !reached() {
        components.check()?;
        if begin.elapsed() > START_LIMIT {
            return Err(format!("not within {} s: {what}\n{}", START_LIMIT.as_secs(), components.tails()));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Ports that nobody listens on now, the wanted ones where they are free; 0 wants none. All are held until all are
/// known, so they differ.
fn free_ports(wanted: &[u16]) -> Result<Vec<u16>, String> {
    let trouble = |error: std::io::Error| format!("no free port on loopback: {error}");
    let held: Vec<TcpListener> = wanted
        .iter()
        .map(|port| TcpListener::bind(("127.0.0.1", *port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0))))
        .collect::<Result<_, _>>()
        .map_err(trouble)?;
    held.iter().map(|listener| Ok(listener.local_addr().map_err(trouble)?.port())).collect()
}

fn render(pairs: &[(&str, &dyn std::fmt::Display)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn etcd_flags(place: &Place, client: u16, peer: u16) -> Vec<String> {
    let client = format!("https://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    render(&[
        ("name", &"test"),
        ("data-dir", &place.text("etcd")),
        ("listen-client-urls", &client),
        ("advertise-client-urls", &client),
        ("listen-peer-urls", &peer),
        ("initial-advertise-peer-urls", &peer),
        ("initial-cluster", &format!("test={peer}")),
        ("cert-file", &place.text("server.crt")),
        ("key-file", &place.text("server.key")),
        ("client-cert-auth", &true),
        ("trusted-ca-file", &place.text("ca.crt")),
        // The data dies with the plane.
        ("unsafe-no-fsync", &true),
        ("log-level", &"warn"),
    ])
}

fn api_server_flags(place: &Place, options: &Options, etcd: u16, port: u16) -> Result<Vec<String>, String> {
    let mut flags = render(&[
        ("bind-address", &"127.0.0.1"),
        ("secure-port", &port),
        // A loopback address is refused for the endpoint of the kubernetes Service; this one is for documentation.
        ("advertise-address", &"192.0.2.1"),
        ("etcd-servers", &format!("https://127.0.0.1:{etcd}")),
        ("etcd-cafile", &place.text("ca.crt")),
        ("etcd-certfile", &place.text("etcd-client.crt")),
        ("etcd-keyfile", &place.text("etcd-client.key")),
        ("tls-cert-file", &place.text("server.crt")),
        ("tls-private-key-file", &place.text("server.key")),
        ("client-ca-file", &place.text("ca.crt")),
        ("service-account-issuer", &"https://kubernetes.default.svc.cluster.local"),
        ("service-account-key-file", &place.text("token.pub")),
        ("service-account-signing-key-file", &place.text("token.key")),
        ("service-cluster-ip-range", &"10.96.0.0/16"),
        ("authorization-mode", &"Node,RBAC"),
        ("enable-admission-plugins", &"NodeRestriction"),
        ("allow-privileged", &true),
        ("kubelet-preferred-address-types", &"InternalIP"),
    ]);
    if let Some(policy) = options.audit.policy() {
        flags.push(format!("--audit-policy-file={}", place.write("audit-policy.yaml", policy)?));
        flags.push(format!("--audit-log-path={}", place.text("audit.log")));
    }
    if let Some(config) = options.encryption.config() {
        flags.push(format!("--encryption-provider-config={}", place.write("encryption.yaml", config)?));
    }
    if let Some(anonymous) = options.anonymous_auth {
        flags.push(format!("--anonymous-auth={anonymous}"));
    }
    flags.extend(options.feature_gates.iter().map(|(gate, on)| format!("--feature-gates={gate}={on}")));
    flags.extend(options.api_server_flags.iter().cloned());
    Ok(flags)
}

fn controller_manager_flags(place: &Place, options: &Options, kubeconfig: &Path) -> Vec<String> {
    // Invented nodes never report: these would empty them and delete their pods.
    let evicting = if options.kubelets.is_empty() {
        ",-node-lifecycle-controller,-taint-eviction-controller,-pod-garbage-collector-controller"
    } else {
        ""
    };
    let mut flags = render(&[
        ("kubeconfig", &kubeconfig.display()),
        ("root-ca-file", &place.text("ca.crt")),
        ("service-account-private-key-file", &place.text("token.key")),
        ("use-service-account-credentials", &true),
        ("leader-elect", &false),
        ("secure-port", &0),
        ("bind-address", &"127.0.0.1"),
        ("controllers", &format!("*,-node-ipam-controller{evicting}")),
    ]);
    flags.extend(options.controller_manager_flags.iter().cloned());
    flags
}

fn kubelet_flags(place: &Place, options: &Options, node: &str, pods: &[String], port: u16) -> Result<Vec<String>, String> {
    let root = format!("kubelet-{node}");
    let static_pods = place.path(&root).join("static-pods");
    fs::create_dir_all(&static_pods).map_err(|error| format!("{} could not be made: {error}", static_pods.display()))?;
    for (number, pod) in pods.iter().enumerate() {
        place.write(&format!("{root}/static-pods/pod-{number}.yaml"), pod)?;
    }
    let kubeconfig = place.kubeconfig(&format!("system:node:{node}"), &["system:nodes"])?;
    let mut flags = render(&[
        ("kubeconfig", &kubeconfig.display()),
        ("name", &node),
        ("root-dir", &place.text(&root)),
        ("port", &port),
        ("tls-cert-file", &place.text("server.crt")),
        ("tls-private-key-file", &place.text("server.key")),
    ]);
    if let Some(config) = options.kubelet_configs.get(node) {
        flags.push(format!("--config={}", place.write(&format!("{root}/config.yaml"), config)?));
    }
    Ok(flags)
}
