//! Thousands of bundles with something changed: none passes that is not the same, and two verifiers that share nothing agree.

use std::io::Cursor;
use std::time::Instant;

use kube_hipaa::bundle::{Bag, Expected, ProblemKind, verify};

use crate::cli::{code, stdout};
use crate::support::bundles::{Files, by_shell, small, verified, verified_zip, with_lists_rewritten, with_tags_rewritten, write, zipped};
use crate::support::chance::Chance;

fn any(chance: &mut Chance, files: &Files) -> String {
    files.keys().nth(chance.below(files.len())).unwrap().clone()
}

/// One change of files or names. It may come out as none.
fn change(chance: &mut Chance, files: &mut Files) -> String {
    let name = any(chance, files);
    let length = files[&name].len();
    let at = chance.below(length.max(1));
    let bytes = files.get_mut(&name).unwrap();
    match chance.below(14) {
        0..3 if length > 0 => {
            bytes[at] ^= 1 << chance.below(8);
            format!("a bit of {name} at {at}")
        }
        3 if length > 0 => {
            bytes[at] = u8::try_from(chance.below(256)).unwrap();
            format!("a byte of {name} at {at}")
        }
        4 if length > 0 => {
            bytes.remove(at);
            format!("a byte of {name} gone at {at}")
        }
        5 => {
            bytes.insert(at, [b' ', b'\n', b'0', 0, b'\r'][chance.below(5)]);
            format!("a byte of {name} more at {at}")
        }
        6 => {
            bytes.truncate(at);
            format!("{name} cut at {at}")
        }
        7 => {
            files.remove(&name);
            format!("{name} gone")
        }
        8 => {
            let to = any(chance, files);
            let copy = files[&name].clone();
            files.insert(to.clone(), copy);
            format!("{name} over {to}")
        }
        9 => {
            let content = files.remove(&name).unwrap();
            let to = renamed(chance, &name);
            let what = format!("{name} renamed {to:?}");
            files.insert(to, content);
            what
        }
        10 => {
            let content = files[&name].clone();
            let to = renamed(chance, &name);
            let what = format!("{name} also as {to:?}");
            files.insert(to, content);
            what
        }
        11 => {
            let other = any(chance, files);
            let (one, two) = (files[&name].clone(), files[&other].clone());
            files.insert(name.clone(), two);
            files.insert(other.clone(), one);
            format!("{name} and {other} exchanged")
        }
        _ => {
            let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            if lines.is_empty() {
                return "nothing".to_owned();
            }
            let (one, two) = (chance.below(lines.len()), chance.below(lines.len()));
            match chance.below(3) {
                0 => lines.swap(one, two),
                1 => lines.insert(one, lines[two].clone()),
                _ => drop(lines.remove(one)),
            }
            *bytes = lines.concat();
            format!("lines {one} and {two} of {name}")
        }
    }
}

fn renamed(chance: &mut Chance, name: &str) -> String {
    let (folder, last) = name.rsplit_once('/').map_or(("", name), |(folder, last)| (folder, last));
    let slash = if folder.is_empty() { "" } else { "/" };
    match chance.below(8) {
        0 => name.to_uppercase(),
        1 => name.replacen('a', "\u{430}", 1),
        2 => format!("{name}.bak"),
        3 => format!("data/{last}"),
        4 => format!("{folder}{slash}.{last}"),
        5 => format!("{name}\u{301}"),
        6 => format!("{folder}{slash}x/{last}"),
        _ => name.replacen('e', "f", 1),
    }
}

/// Ten thousand in memory, as a folder would be; and as archives in which a byte was changed.
#[test]
fn nothing_passes_that_is_not_the_same() {
    const NUMBER: usize = 12_000;
    let began = Instant::now();
    let (mut chance, whole) = (Chance::new(0x5ea1), small(None));
    let id = verified(&whole).id.unwrap();
    let (mut same, mut again) = (0, 0);
    for _ in 0..NUMBER {
        let mut files = whole.clone();
        let mut what = change(&mut chance, &mut files);
        if chance.one_in(4) {
            what = format!("{what}, {}", change(&mut chance, &mut files));
        }
        if files == whole {
            same += 1;
            assert!(verified(&files).whole, "{what}");
            continue;
        }
        let verdict = verified(&files);
        assert!(!verdict.whole && !verdict.problems.is_empty(), "{what}");
        // Whoever writes the lists again makes another bundle, which nobody takes for the first.
        let forged = match chance.below(8) {
            0 if files.contains_key("bag-info.txt") => Some(with_lists_rewritten(files)),
            1 => Some(with_tags_rewritten(files)),
            _ => None,
        };
        if let Some(forged) = forged.filter(|forged| *forged != whole) {
            again += 1;
            let verdict = verify(&Bag::in_memory(forged), Expected { id: Some(&id), previous: None }).unwrap();
            assert!(!verdict.whole, "{what}, with new lists");
        }
    }
    eprintln!("{NUMBER} changes ({same} came out as none, {again} with new lists) in {:?}", began.elapsed());
    assert!(same < NUMBER / 20);
}

#[test]
fn no_byte_of_an_archive_changes_what_is_in_it() {
    let began = Instant::now();
    let whole = small(None);
    let (zip, id) = (zipped(&whole), verified(&whole).id);
    let names: Vec<String> = whole.keys().map(|name| format!("base/{name}")).collect();
    let (mut chance, mut passed) = (Chance::new(0xa2c), 0);
    // Every byte once, and some more in pairs.
    for at in (0..zip.len()).chain((0..3000).map(|_| usize::MAX)) {
        let mut changed = zip.clone();
        if at == usize::MAX {
            for _ in 0..2 {
                let at = chance.below(zip.len());
                changed[at] = u8::try_from(chance.below(256)).unwrap();
            }
        } else {
            changed[at] ^= 1 << chance.below(8);
        }
        let verdict = verified_zip(changed.clone());
        if !verdict.whole {
            continue;
        }
        passed += 1;
        assert_eq!(verdict.id, id, "at {at}");
        // A time, say. What another program sees is the same, too.
        let library = zip::ZipArchive::new(Cursor::new(changed)).unwrap();
        let mut seen: Vec<String> = library.file_names().map(str::to_owned).collect();
        seen.sort();
        // The name of the folder around it is no part of the bundle.
        let inside = |name: &String| name.split_once('/').map(|(_, rest)| rest.to_owned());
        assert!(seen.iter().map(inside).eq(names.iter().map(inside)), "at {at}: {seen:?}");
    }
    eprintln!("{} archives, of which {passed} hold the same bundle, in {:?}", zip.len() + 3000, began.elapsed());
}

#[test]
fn the_script_agrees() {
    const NUMBER: usize = 160;
    let began = Instant::now();
    let (mut chance, whole) = (Chance::new(0x51), small(None));
    let folder = tempfile::tempdir().unwrap();
    let mut whole_ones = 0;
    for number in 0..NUMBER {
        let mut files = whole.clone();
        let mut what = if number % 16 == 0 { "nothing".to_owned() } else { change(&mut chance, &mut files) };
        // The script reads no JSON but single lines of it: of documents that are none, with lists that fit them, it says nothing.
        let json =
            |files: &Files| files.iter().filter(|(name, _)| name.ends_with(".json")).map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>();
        if number % 5 == 1 && files.contains_key("bag-info.txt") && json(&files) == json(&whole) {
            files = with_lists_rewritten(files);
            what.push_str(", with new lists");
        }
        // What cannot stand in a folder was tried in memory.
        let clash = files.keys().any(|name| files.keys().any(|other| other.starts_with(&format!("{name}/"))));
        if clash {
            continue;
        }
        let place = folder.path().join(number.to_string());
        let verdict = if number % 2 == 0 {
            write(&place, &files);
            verify(&Bag::open(&place).unwrap(), Expected::default()).unwrap()
        } else {
            std::fs::write(&place, zipped(&files)).unwrap();
            verified_zip(zipped(&files))
        };
        let shell = by_shell(&place, &[]);
        let said = stdout(&shell);
        assert_eq!(code(&shell) == 0, verdict.whole, "{number}: {what}\n{said}\n{:?}", verdict.problems);
        whole_ones += usize::from(verdict.whole);
        if number % 2 == 0 {
            // What does not fit a file that is named already need not be named by both.
            for problem in verdict.problems.iter().filter(|problem| problem.kind != ProblemKind::Mixed) {
                let printed: String =
                    problem.file.chars().flat_map(|c| if c.is_ascii() { vec![c] } else { vec!['?'; c.len_utf8()] }).collect();
                assert!(said.contains(&printed), "{number}: {what}: {printed} is not in\n{said}");
            }
        }
    }
    eprintln!("{NUMBER} bundles by both, {whole_ones} of them whole, in {:?}", began.elapsed());
    assert!(whole_ones >= 10);
}
