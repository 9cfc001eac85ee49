//! Names as people and files write them.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Whether two names are those of one person, however they are written: case, spaces, signs, accents and forms of letters aside. Names of no
/// letters at all are one.
pub fn same_person(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(name: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd();
    // Up and down again: some letters are two in upper case (ß), others have two forms in lower case (σ, ς) or come from elsewhere (ſ, ı).
    let folded: String = decomposed.normalize(name).chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    decomposed.normalize(&folded).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// One part of the name of a file: digits count as a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(usize, String),
    Text(String),
}

/// Orders files of one subject as the commands name them one after another: `x`, `x-2026-11-28`, `x-2026-11-28-2`, …, `x-2026-11-28-10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(Vec<Part>, String);

impl Written {
    /// Of a path below the workspace.
    pub fn of(path: &str) -> Self {
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let mut parts = Vec::new();
        let mut rest = stem;
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            let number = part.trim_start_matches('0');
            parts.push(if is_digit { Part::Number(number.len(), number.to_owned()) } else { Part::Text(part.to_owned()) });
            rest = after;
        }
        Self(parts, path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_one_however_the_name_is_written() {
        for (one, other) in [
            ("A. Owner", "a owner"),
            ("Jose\u{301} Mu\u{308}ller", "José Müller"),
            ("Straße", "STRASSE"),
            ("ΣΊΣ", "σίς"),
            ("\u{ff21} \u{ff2f}\u{ff57}\u{ff4e}\u{ff45}\u{ff52}", "A Owner"),
            ("İbrahim", "ibrahim"),
            ("ſmith", "Smith"),
            ("Jane\u{200b}Doe", "Jane Doe"),
            ("Security official", "security-official"),
            ("—", "."),
        ] {
            assert!(same_person(one, other), "{one} and {other}");
        }
        for (one, other) in [("Imaging", "Security"), ("A. Owner", "B. Owner"), ("日本", "日木")] {
            assert!(!same_person(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn files_are_ordered_as_the_commands_name_them() {
        let names = ["a/x.yaml", "a/x-2026-11-28.yaml", "a/x-2026-11-28-2.yaml", "a/x-2026-11-28-10.yaml", "a/x-2026-12-01.yaml"];
        let mut shuffled = vec![names[3], names[4], names[0], names[2], names[1]];
        shuffled.sort_by_key(|path| Written::of(path));
        assert_eq!(shuffled, names);
    }
}
