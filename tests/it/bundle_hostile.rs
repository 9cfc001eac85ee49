//! Archives and folders that somebody made to harm whoever looks at them.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use kube_hipaa::bundle::{Bag, Expected, MOST_FILES, Packer, verify};

use crate::cli::{code, stdout};
use crate::support::bundles::{by_shell, problems, small, verified, verified_zip, with_lists_rewritten, write, zipped};

/// Packs with names as they come, twice, too.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        packer.add(name, *bytes).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

/// The small bundle with one more entry.
fn with(name: &str, bytes: &[u8]) -> Vec<u8> {
    let small = small(None);
    let named: Vec<(String, &[u8])> = small.iter().map(|(name, bytes)| (format!("base/{name}"), bytes.as_slice())).collect();
    let mut files: Vec<(&str, &[u8])> = named.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    files.push((name, bytes));
    packed(&files)
}

/// Both verifiers refuse it; gives what the first says.
fn refused(what: &str, zip: Vec<u8>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("hostile.zip");
    std::fs::write(&place, &zip).unwrap();
    let began = Instant::now();
    let verdict = verified_zip(zip);
    assert!(!verdict.whole, "{what}");
    assert!(began.elapsed() < Duration::from_secs(20), "{what} took {:?}", began.elapsed());
    let shell = by_shell(&place, &[]);
    assert_eq!(code(&shell), 5, "{what}: {}", stdout(&shell));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{what} wrote beside itself");
    problems(&verdict)
}

/// Where the entry of this name begins in the table of contents.
fn central(zip: &[u8], name: &str) -> usize {
    let end = zip.len() - 22;
    let start = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
    let found = zip[start..].windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
    start + found - 46
}

#[test]
fn names_twice_in_an_archive() {
    let honest = small(None)["data/report.md"].clone();
    let found = refused("the same again", with("base/data/report.md", &honest));
    assert!(found.contains(&"archive data/report.md".to_owned()), "{found:?}");
    let found = refused("another under the name", with("base/data/report.md", b"# forged\n"));
    assert!(found.contains(&"archive data/report.md".to_owned()), "{found:?}");
    // Also a library that keeps one of them sees only one.
    let library = zip::ZipArchive::new(Cursor::new(with("base/data/report.md", b"# forged\n"))).unwrap();
    assert_eq!(library.len(), small(None).len());
    refused("two bundles", with("other/bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"));
    refused("beside the bundle", with("report.html", b"x"));
}

#[test]
fn names_that_lead_out_of_the_folder() {
    for name in [
        "../../etc/cron.d/x",
        "/etc/passwd",
        "base/../../x",
        "base/data/../../../x",
        "base/./data/report.md",
        "base//data/x",
        "C:\\x",
        "base\\..\\x",
    ] {
        refused(name, with(name, b"x"));
    }
    for name in [
        "base/data/\u{202e}txt.exe",
        "base/data/a\nb",
        "base/data/a b",
        "base/data/\u{0}",
        "base/data/-rf\t",
        &format!("base/{}", "d/".repeat(3000)),
    ] {
        refused(name, with(name, b"x"));
    }
    refused("a long name", with(&format!("base/data/{}", "x".repeat(60_000)), b"x"));
    refused("an empty folder", with("base/data/empty/", b""));
}

#[test]
fn links_and_devices() {
    for kind in [0xA000_u32, 0x2000, 0x6000, 0x1000, 0xC000, 0x4000] {
        let mut zip = zipped(&small(None));
        let at = central(&zip, "base/data/report.md") + 38;
        zip[at..at + 4].copy_from_slice(&((kind | 0o777) << 16).to_le_bytes());
        let found = problems(&verified_zip(zip.clone()));
        assert!(found.contains(&"archive data/report.md".to_owned()), "{kind:x}: {found:?}");
        if kind == 0xA000 {
            refused("a link", zip);
        }
    }
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small(None));
        let report = folder.path().join("data/report.md");
        std::fs::rename(&report, folder.path().join("../kept-outside.md")).unwrap();
        std::os::unix::fs::symlink("../../kept-outside.md", &report).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("data/etc")).unwrap();
        let verdict = verify(&Bag::open(folder.path()).unwrap(), Expected::default()).unwrap();
        std::fs::remove_file(folder.path().join("../kept-outside.md")).unwrap();
        let found = problems(&verdict);
        assert!(found.contains(&"added data/report.md".to_owned()) && found.contains(&"added data/etc".to_owned()), "{found:?}");
        assert!(!found.iter().any(|found| found.contains("passwd")), "links are not followed: {found:?}");
        assert_eq!(code(&by_shell(folder.path(), &[])), 5);
    }
}

/// Both headers of an entry must say the same, and nothing may lie between entries.
#[test]
fn archives_that_two_programs_read_differently() {
    let whole = zipped(&small(None));
    assert!(verified_zip(whole.clone()).whole);
    let mut renamed = whole.clone();
    let local = renamed.windows(19).position(|part| part == b"base/data/report.md").unwrap();
    renamed[local + 10..local + 16].copy_from_slice(b"REPORT");
    refused("another name before the data", renamed);
    refused("something before it", [b"MZ".as_slice(), &whole].concat());
    refused("something behind it", [&whole, b"x".as_slice()].concat());
    refused("two archives", [whole.as_slice(), &whole].concat());
    let end = whole.len() - 22;
    let mut comment = whole.clone();
    comment[end + 20] = 4;
    refused("a comment", [comment.as_slice(), b"read"].concat());
    let mut fewer = whole.clone();
    for at in [end + 8, end + 10] {
        fewer[at] -= 1;
    }
    assert!(!verified_zip(fewer).whole, "an entry that is not counted");
    let at = central(&whole, "base/data/report.md");
    let mut twice = whole.clone();
    let other = central(&whole, "base/data/summary.json") + 42;
    let offset: [u8; 4] = whole[at + 42..at + 46].try_into().unwrap();
    twice[other..other + 4].copy_from_slice(&offset);
    refused("two entries with the same data", twice);
    let mut encrypted = whole.clone();
    encrypted[at + 8] |= 1;
    refused("encrypted", encrypted);
    let mut method = whole;
    method[at + 10] = 12;
    refused("packed with bzip2", method);
}

/// What one program passes by may be a name, a key or a kind of file for another.
#[test]
fn entries_with_more_than_an_entry_has() {
    // One field more in both headers of an entry, with a comment in the table.
    let changed = |extra: &[u8], comment: &[u8], attributes: Option<(u8, u32)>| -> Vec<u8> {
        let mut zip = zipped(&small(None));
        let at = central(&zip, "base/README.txt");
        let local = u32::from_le_bytes(zip[at + 42..at + 46].try_into().unwrap()) as usize;
        let end = zip.len() - 22;
        let start = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
        if let Some((system, attributes)) = attributes {
            zip[at + 5] = system;
            zip[at + 38..at + 42].copy_from_slice(&attributes.to_le_bytes());
        }
        let length = u16::try_from(extra.len()).unwrap().to_le_bytes();
        zip[at + 30..at + 32].copy_from_slice(&length);
        zip[at + 32..at + 34].copy_from_slice(&u16::try_from(comment.len()).unwrap().to_le_bytes());
        zip[local + 28..local + 30].copy_from_slice(&length);
        let grown = extra.len();
        // Every entry behind lies further on.
        let mut entry = start;
        while entry < end {
            let place = u32::from_le_bytes(zip[entry + 42..entry + 46].try_into().unwrap()) as usize;
            if place > local {
                zip[entry + 42..entry + 46].copy_from_slice(&u32::try_from(place + grown).unwrap().to_le_bytes());
            }
            let name = usize::from(u16::from_le_bytes(zip[entry + 28..entry + 30].try_into().unwrap()));
            entry += 46 + name;
        }
        let (behind, in_local) = (at + 46 + "base/README.txt".len(), local + 30 + "base/README.txt".len());
        let table = u32::try_from(end - start + grown + comment.len()).unwrap();
        zip[end + 12..end + 16].copy_from_slice(&table.to_le_bytes());
        zip[end + 16..end + 20].copy_from_slice(&u32::try_from(start + grown).unwrap().to_le_bytes());
        zip.splice(behind..behind, extra.iter().chain(comment).copied());
        zip.splice(in_local..in_local, extra.iter().copied());
        zip
    };
    let passes = |what: &str, zip: Vec<u8>| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.zip"), &zip).unwrap();
        let verdict = verified_zip(zip);
        assert!(verdict.whole, "{what}: {:?}", verdict.problems);
        let shell = by_shell(&folder.path().join("a.zip"), &[]);
        assert_eq!(code(&shell), 0, "{what}: {}", stdout(&shell));
    };
    passes("as it is", changed(b"", b"", None));
    passes("times", changed(b"UT\x05\0\x01\0\0\0\0", b"", None));
    passes("hidden", changed(b"", b"", Some((0, 2))));
    passes("by anybody", changed(b"", b"", Some((3, 0o104_755 << 16))));
    for (what, zip) in [
        ("a key of WinZip", changed(b"\x01\x99\x07\0\x02\0AE\x03\x08\0", b"", None)),
        ("another name", changed(b"up\x0d\0\x01\0\0\0\0evil.txt", b"", None)),
        ("larger than it says", changed(b"\x01\0\x10\0\x05\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0", b"", None)),
        ("a field that is cut off", changed(b"UT\x2c\x01", b"", None)),
        ("a comment", changed(b"", b"hello", None)),
        ("a folder of DOS", changed(b"", b"", Some((0, 0x10)))),
        ("a link of no system that has them", changed(b"", b"", Some((0, 0o120_777 << 16)))),
        ("a link", changed(b"", b"", Some((3, 0o120_777 << 16)))),
    ] {
        refused(what, zip);
    }
}

/// A record that is compared with its assessment takes no more memory than a record has.
#[test]
fn an_assessment_of_more_findings_than_any_record_has() {
    let mut files = small(None);
    let finding = "{\n          \"fingerprint\": \"\",\n          \"statement\": \"\",\n          \"subject\": {\n            \"group\": \"\",\n            \"kind\": \"\",\n            \"name\": \"\"\n          }\n        }";
    let control = format!(
        "[\n    {{\n      \"id\": \"a\",\n      \"version\": 1,\n      \"title\": \"\",\n      \"severity\": \"low\",\n      \"paragraphs\": [],\n      \"outcome\": \"fail\",\n      \"unknown\": 0,\n      \"unseen\": [],\n      \"findings\": [\n        {}{finding}\n      ]\n    }}\n  ]",
        format!("{finding},\n        ").repeat(250_000)
    );
    let scope = "\"scope\": {\n    \"source\": \"flags\",\n    \"sha256\": \"\",\n    \"ephi_namespaces\": [],\n    \"other_namespaces\": []\n  },\n  \"coverage\": [],\n  \"paragraphs\": []";
    let text = String::from_utf8(files["data/assessment.json"].clone())
        .unwrap()
        .replace("\"controls\": []", &format!("\"controls\": {control},\n  {scope}"));
    let error = kube_hipaa::bundle::Record::of(text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than any record does"), "{error}");
    files.insert("data/assessment.json".into(), text.into_bytes());
    let mut summary: serde_json::Value = serde_json::from_slice(&files["data/summary.json"]).unwrap();
    summary["record"] =
        serde_json::json!({"scope": {"source": "flags", "sha256": "", "ephi": 0, "other": 0}, "controls": [], "unread": []});
    files.insert("data/summary.json".into(), summary.to_string().into_bytes());
    let verdict = verified(&with_lists_rewritten(files));
    assert_eq!(problems(&verdict), ["mixed data/summary.json"], "{:?}", verdict.problems);
}

/// A small archive may say to hold little or much: neither is unpacked beyond what a bundle holds.
#[test]
fn bombs() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    // It says that it unpacks to ten bytes, or to 4 GiB less one.
    for says in [10_u32, u32::MAX - 1] {
        let mut zip = packed(&[("base/bagit.txt", b"x"), ("base/data/bomb", &vec![0; bomb.len()])]);
        let header = zip.windows(14).position(|part| part == b"base/data/bomb").unwrap() - 30;
        zip.truncate(header);
        let mut head = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\x21\0".to_vec();
        for number in [0, u32::try_from(bomb.len()).unwrap(), says] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        head.extend_from_slice(&[14, 0, 0, 0]);
        let start = u32::try_from(zip.len()).unwrap();
        zip.extend_from_slice(&head);
        zip.extend_from_slice(b"base/data/bomb");
        zip.extend_from_slice(&bomb);
        let contents = u32::try_from(zip.len()).unwrap();
        zip.extend_from_slice(b"PK\x01\x02\x14\x03");
        zip.extend_from_slice(&head[4..]);
        zip.extend_from_slice(&[0; 6]);
        zip.extend_from_slice(&(0o100_600_u32 << 16).to_le_bytes());
        zip.extend_from_slice(&start.to_le_bytes());
        zip.extend_from_slice(b"base/data/bomb");
        let size = u32::try_from(zip.len()).unwrap() - contents;
        zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        zip.extend_from_slice(&size.to_le_bytes());
        zip.extend_from_slice(&contents.to_le_bytes());
        zip.extend_from_slice(&[0, 0]);
        // The first file is not in the table any more: that is one more thing that is wrong, and the bomb stands alone.
        assert!(!verified_zip(zip.clone()).whole);
        let began = Instant::now();
        refused("a bomb", zip[start as usize..].to_vec());
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn more_than_any_bundle_has() {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for number in 0..=MOST_FILES {
        packer.add(&format!("base/data/{number}"), b"".as_slice()).unwrap();
    }
    let verdict = verified_zip(packer.finish().unwrap().into_inner());
    assert_eq!(problems(&verdict), ["size "]);
    // Sizes that are only said: a file with holes takes no space.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &small(None));
    std::fs::File::create(folder.path().join("data/holes")).unwrap().set_len(1 << 40).unwrap();
    std::fs::File::create(folder.path().join("manifest-sha256.txt")).unwrap().set_len(1 << 30).unwrap();
    let began = Instant::now();
    let verdict = verify(&Bag::open(folder.path()).unwrap(), Expected::default()).unwrap();
    assert!(!verdict.whole && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut long = small(None);
    long.insert("manifest-sha256.txt".into(), vec![b'a'; 20 << 20]);
    assert!(problems(&verified(&long)).contains(&"size manifest-sha256.txt".to_owned()));
    // Garbage is named, not read as a bundle.
    for garbage in [b"".as_slice(), b"PK", &[0; 22], &[0xff; 4096], b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
        assert!(!verified_zip(garbage.to_vec()).whole);
    }
}

/// JSON that would take the stack or the memory of a careless reader.
#[test]
fn documents_that_nest_without_end() {
    for name in ["data/assessment.json", "data/snapshot/index.json", "data/summary.json", "data/previous.json"] {
        let mut files = small(None);
        files.insert(name.to_owned(), vec![b'['; 200_000]);
        assert!(!verified(&with_lists_rewritten(files)).whole, "{name}");
    }
    // Many of the shortest, which would take many times their size.
    let mut files = small(None);
    files.insert("data/snapshot/index.json".into(), format!("{{\"sources\":[{}{{}}]}}", "{},".repeat(10_000_000)).into_bytes());
    files.insert(
        "data/assessment.json".into(),
        format!("{{\"collected\":{{\"identity\":{{\"groups\":[{}\"\"]", "\"\",".repeat(10_000_000)).into_bytes(),
    );
    let began = Instant::now();
    assert!(!verified(&with_lists_rewritten(files)).whole);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
