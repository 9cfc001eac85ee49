//! The container image of the tests: the statically linked program, packed by scripts/image.sh.

use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use kube_hipaa::digest::sha256_hex;
use serde_json::Value;

use super::program::said;

/// The program that `scripts/static.sh` links.
pub fn static_program() -> PathBuf {
    let program = std::env::var_os("KUBE_HIPAA_STATIC").map(PathBuf::from);
    let program =
        program.unwrap_or_else(|| panic!("KUBE_HIPAA_STATIC names no program: make live, or KUBE_HIPAA_STATIC=$(scripts/static.sh)"));
    assert!(program.is_file(), "{} is no file", program.display());
    program
}

/// Packs a program, and gives what the script said.
pub fn pack(program: &Path, folder: &Path) -> std::process::Output {
    let mut command = Command::new("sh");
    command.arg("scripts/image.sh").arg(program).arg(folder);
    // As if it had been built from one commit.
    command.env("SOURCE_DATE_EPOCH", "1795867200").env("KUBE_HIPAA_COMMIT", "0123456789abcdef0123456789abcdef01234567");
    command.output().unwrap_or_else(|error| panic!("scripts/image.sh: {error}"))
}

/// An image, read as the specification of OCI layouts has it; every digest and size is compared.
pub struct Image {
    pub digest: String,
    pub manifest: Value,
    pub config: Value,
    /// The one layer, unpacked from gzip.
    pub layer: Vec<u8>,
}

impl Image {
    /// Packs the static program.
    pub fn packed(folder: &Path) -> Self {
        let output = pack(&static_program(), folder);
        assert!(output.status.success(), "{}", said(&output));
        let image = Self::open(folder);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), image.digest, "the digest that is printed");
        image
    }

    pub fn open(folder: &Path) -> Self {
        let json = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}")) };
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut known = 0;
        let mut blob = |descriptor: &Value| -> Vec<u8> {
            let digest = descriptor["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
            let bytes = read(&format!("blobs/sha256/{digest}"));
            assert_eq!(sha256_hex(&bytes), digest);
            assert_eq!(descriptor["size"].as_u64(), Some(bytes.len() as u64), "{descriptor}");
            known += 1;
            bytes
        };
        assert_eq!(json(&read("oci-layout"))["imageLayoutVersion"], "1.0.0");
        let index = json(&read("index.json"));
        assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
        let manifest = json(&blob(&index["manifests"][0]));
        let config = json(&blob(&manifest["config"]));
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
        let packed = blob(&manifest["layers"][0]);
        let mut layer = Vec::new();
        std::io::Read::read_to_end(&mut GzDecoder::new(packed.as_slice()), &mut layer).expect("gzip");
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", sha256_hex(&layer)));
        assert_eq!(std::fs::read_dir(folder.join("blobs/sha256")).expect("readable").count(), known, "nothing else lies there");
        let digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
        Self { digest, manifest, config, layer }
    }

    /// Unpacks the layer, as a runtime does.
    pub fn unpack(&self, root: &Path) {
        let mut child = Command::new("tar")
            .args(["-x", "-p", "-f", "-", "-C"])
            .arg(root)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("tar: {error}"));
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), &self.layer).expect("tar reads");
        assert!(child.wait().expect("tar ends").success());
    }

    /// What starts the image's program in its root as its user and with its variables, as a runtime does. It needs root, or sudo without a
    /// password.
    pub fn words(&self, root: &Path) -> Vec<String> {
        let mut words = as_root();
        // By its place: the variables of the image say nothing of this machine.
        let chroot = ["/usr/sbin/chroot", "/usr/bin/chroot"].into_iter().find(|path| Path::new(path).is_file()).expect("chroot");
        words.extend([chroot.to_owned(), format!("--userspec={}", self.config["config"]["User"].as_str().expect("a user"))]);
        words.push(root.display().to_string());
        let entry = self.config["config"]["Entrypoint"].as_array().expect("an entry point");
        words.extend(entry.iter().filter_map(Value::as_str).map(str::to_owned));
        words
    }

    /// The variables of the image.
    pub fn environment(&self) -> Vec<(String, String)> {
        let all = self.config["config"]["Env"].as_array().expect("variables").iter().filter_map(Value::as_str);
        all.filter_map(|one| one.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// What stands in front of a command that needs root; the variables are kept.
pub fn as_root() -> Vec<String> {
    let id = Command::new("id").arg("-u").output().unwrap_or_else(|error| panic!("id: {error}"));
    if id.stdout == b"0\n" { Vec::new() } else { ["sudo", "-n", "-E", "--"].map(str::to_owned).to_vec() }
}
