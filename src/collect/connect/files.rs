//! Kubeconfig files as client-go reads and merges them (`tools/clientcmd/loader.go`): the first document of each, what stands twice in a list is an
//! error, empty texts are nothing, relative paths count from the folder of the file, the first file that names something decides.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kube::config::Kubeconfig;
use serde_json::{Map, Value};

use super::super::credentials::open_regular;
use super::{ConnectError, KubeconfigProblem, wrong};

/// No kubeconfig comes near this.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Where a context, a cluster or a user was found.
pub(super) type Origins = BTreeMap<(&'static str, String), PathBuf>;

/// What the files say together.
pub(super) struct Files {
    pub(super) config: Kubeconfig,
    pub(super) origins: Origins,
}

impl Files {
    /// The file in which something of this name stands.
    pub(super) fn origin(&self, kind: &'static str, name: &str) -> Option<&Path> {
        self.origins.get(&(kind, name.to_owned())).map(PathBuf::as_path)
    }
}

/// Lists of a kubeconfig: the list, what an entry holds, and what that is called.
const LISTS: [(&str, &str, &str); 3] = [("clusters", "cluster", CLUSTER), ("users", "user", USER), ("contexts", "context", CONTEXT)];
pub(super) const CLUSTER: &str = "cluster";
pub(super) const USER: &str = "user";
pub(super) const CONTEXT: &str = "context";
/// Fields that client-go holds as bytes: base64 in the file.
const BYTES: [&str; 3] = ["certificate-authority-data", "client-certificate-data", "client-key-data"];
/// Fields that name files.
const PATHS: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
/// Where a mode that client-go does not know is kept: it matters only for the user that is chosen.
pub(super) const ODD_MODE: &str = "odd interactiveMode";

/// Reads one file. A pipe or a device is refused: it may never end.
pub(super) fn read(path: &Path) -> Result<Files, ConnectError> {
    let failed = |why| wrong(Some(path), KubeconfigProblem::File { what: "it", path: None, why });
    let file = open_regular(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| failed(error.kind().to_string()))?;
    let text = text(bytes).ok_or_else(|| failed("it is no text".to_owned()))?;
    parse(&text, path).map_err(|problem| wrong(Some(path), problem))
}

/// Reads and merges; files that are not there are left out, as kubectl does. Nothing when none is there.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Option<Files>, ConnectError> {
    let mut merged: Option<Files> = None;
    for path in paths {
        if is_absent(path) {
            continue;
        }
        let mut next = read(path)?;
        merged = Some(match merged {
            Some(Files { config, origins }) => {
                let config = config.merge(next.config).map_err(|error| wrong(Some(path), KubeconfigProblem::Other(error)))?;
                // Who came first decides, here too.
                next.origins.extend(origins);
                Files { config, origins: next.origins }
            }
            None => next,
        });
    }
    Ok(merged)
}

#[expect(clippy::disallowed_methods, reason = "kubeconfigs are files")]
fn is_absent(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// UTF-8, or UTF-16 with its mark, as YAML allows.
fn text(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Option<Vec<u16>> = bytes.chunks(2).map(|pair| pair.try_into().ok().map(unit)).collect();
        String::from_utf16(&units?).ok()
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

fn parse(text: &str, path: &Path) -> Result<Files, KubeconfigProblem> {
    let shape =
        |error: &serde_saphyr::Error| KubeconfigProblem::Shape { place: error.location().map(|place| (place.line(), place.column())) };
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| shape(&error))?;
    let mut first = documents.into_iter().next().unwrap_or(Value::Null);
    if first.is_null() {
        return Ok(Files { config: Kubeconfig::default(), origins: Origins::new() });
    }
    let origins =
        tidy(&mut first, path.parent().unwrap_or(Path::new("")))?.into_iter().map(|(kind, name)| ((kind, name), path.to_owned())).collect();
    let config = serde_json::from_value(first).map_err(|_| {
        // The same error with its place, where reading it without the step between finds it too.
        let placed = serde_saphyr::from_multiple::<Kubeconfig>(text).err();
        placed.as_ref().map_or(KubeconfigProblem::Shape { place: None }, shape)
    })?;
    Ok(Files { config, origins })
}

/// Brings a document into the form that means to the client library what it means to kubectl; gives what it names.
fn tidy(document: &mut Value, folder: &Path) -> Result<BTreeSet<(&'static str, String)>, KubeconfigProblem> {
    let Some(fields) = document.as_object_mut() else { return Err(KubeconfigProblem::Shape { place: None }) };
    without_nothing(fields);
    let says = |name: &str, own: &str| fields.get(name).is_none_or(|said| said == own);
    if !says("kind", "Config") || !says("apiVersion", "v1") {
        return Err(KubeconfigProblem::Kind);
    }
    let mut named = BTreeSet::new();
    for (list, inner, kind) in LISTS {
        for entry in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(entry) = entry.as_object_mut() else { continue };
            let name = entry.entry("name").or_insert_with(|| Value::String(String::new()));
            if let Some(name) = name.as_str()
                && !named.insert((kind, name.to_owned()))
            {
                return Err(KubeconfigProblem::Twice { what: kind, name: name.to_owned() });
            }
            if let Some(held) = entry.get_mut(inner).and_then(Value::as_object_mut) {
                self::entry(kind, held, folder)?;
            }
        }
    }
    Ok(named)
}

fn entry(kind: &'static str, fields: &mut Map<String, Value>, folder: &Path) -> Result<(), KubeconfigProblem> {
    without_nothing(fields);
    if kind == CONTEXT {
        fields.entry("cluster").or_insert_with(|| Value::String(String::new()));
    }
    for name in BYTES {
        if let Some(Value::String(text)) = fields.get_mut(name) {
            *text = canonical(text).ok_or(KubeconfigProblem::Base64 { what: name })?;
        }
    }
    without_nothing(fields);
    for name in PATHS {
        if let Some(Value::String(path)) = fields.get_mut(name) {
            absolute(path, folder);
        }
    }
    let Some(exec) = fields.get_mut("exec").and_then(Value::as_object_mut) else { return Ok(()) };
    without_nothing(exec);
    // A bare name is looked for on the PATH.
    if let Some(Value::String(command)) = exec.get_mut("command")
        && command.contains(std::path::MAIN_SEPARATOR)
    {
        absolute(command, folder);
    }
    let is_odd = |mode: &Value| mode.as_str().is_some_and(|mode| !["Never", "IfAvailable", "Always"].contains(&mode));
    if exec.get("interactiveMode").is_some_and(is_odd)
        && let Some(mode) = exec.remove("interactiveMode")
    {
        exec.insert(ODD_MODE.to_owned(), mode);
    }
    Ok(())
}

/// Texts that are empty and fields that are null say nothing.
fn without_nothing(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
}

fn absolute(path: &mut String, folder: &Path) {
    if Path::new(path.as_str()).is_relative()
        && let Some(joined) = folder.join(path.as_str()).to_str()
    {
        *path = joined.to_owned();
    }
}

/// Go's decoder passes over line breaks and asks for the padding, but not for zeros behind the last byte (`encoding/base64`).
const LIKE_GO: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fn canonical(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    Some(LIKE_GO.encode(LIKE_GO.decode(bare).ok()?))
}
