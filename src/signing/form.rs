//! The form of a certificate (RFC 5280, section 4.1), down to its names: whatever is in an answer is read, also what nothing needs and no
//! signature covers, so that no reader stumbles over what another passes by.

use super::elements::{
    BITS, BOOLEAN, Element, Elements, INTEGER, OBJECT, OCTETS, SEQUENCE, SET, TIME, UTC_TIME, Why, holding, only, plain,
};

/// Levels of a certificate.
const DEEPEST: usize = 32;
const WHY: Why = "a certificate in it has not the form of one";
/// What says something in a name: its strings (`DirectoryString` and IA5String), and what else `openssl` takes there (`B_ASN1_PRINTABLE`).
const OF_NAMES: [u8; 10] = [BITS, 0x09, UTF8, 0x0d, 0x12, 0x13, 0x14, 0x16, BMP, SEQUENCE];
const UTF8: u8 = 0x0c;
const BMP: u8 = 0x1e;

/// Whether bytes are a certificate.
///
/// # Errors
/// Where they are not.
pub(super) fn certificate(bytes: &[u8]) -> Result<(), Why> {
    Elements::of(bytes).well_formed(DEEPEST)?;
    let mut outer = only(bytes, SEQUENCE)?.inside();
    let mut fields = outer.next(SEQUENCE)?.inside();
    algorithm(outer.next(SEQUENCE)?)?;
    bits(outer.next(BITS)?)?;
    outer.end()?;
    if let Some(version) = fields.next_if(holding(0))? {
        only(version.value, INTEGER)?;
    }
    fields.next(INTEGER)?;
    algorithm(fields.next(SEQUENCE)?)?;
    name(fields.next(SEQUENCE)?)?;
    let mut times = fields.next(SEQUENCE)?.inside();
    for _ in 0..2 {
        if ![UTC_TIME, TIME].contains(&times.any()?.tag) {
            return Err(WHY);
        }
    }
    times.end()?;
    name(fields.next(SEQUENCE)?)?;
    let mut key = fields.next(SEQUENCE)?.inside();
    algorithm(key.next(SEQUENCE)?)?;
    bits(key.next(BITS)?)?;
    key.end()?;
    for unique in [plain(1), plain(2)] {
        fields.next_if(unique)?.map(bits).transpose()?;
    }
    if let Some(extensions) = fields.next_if(holding(3))? {
        let mut extensions = only(extensions.value, SEQUENCE)?.inside();
        while !extensions.is_empty() {
            let mut extension = extensions.next(SEQUENCE)?.inside();
            extension.next(OBJECT)?;
            extension.next_if(BOOLEAN)?;
            extension.next(OCTETS)?;
            extension.end()?;
        }
    }
    fields.end()
}

/// `AlgorithmIdentifier`: a name and what belongs to it.
fn algorithm(element: Element<'_>) -> Result<(), Why> {
    let mut parts = element.inside();
    parts.next(OBJECT)?;
    if !parts.is_empty() {
        parts.any()?;
    }
    parts.end()
}

/// A string of bits says first how many of its last byte do not count.
fn bits(element: Element<'_>) -> Result<(), Why> {
    if matches!(element.value, [0..=7, ..]) { Ok(()) } else { Err(WHY) }
}

/// `Name`: sets of pairs of an attribute's type and its value.
fn name(element: Element<'_>) -> Result<(), Why> {
    let mut sets = element.inside();
    while !sets.is_empty() {
        let mut pairs = sets.next(SET)?.inside();
        while !pairs.is_empty() {
            let mut pair = pairs.next(SEQUENCE)?.inside();
            pair.next(OBJECT)?;
            let value = pair.any()?;
            pair.end()?;
            let good = match value.tag {
                UTF8 => std::str::from_utf8(value.value).is_ok(),
                BMP => value.value.len() % 2 == 0,
                BITS => bits(value).is_ok(),
                tag => OF_NAMES.contains(&tag),
            };
            if !good {
                return Err(WHY);
            }
        }
    }
    Ok(())
}

/// Whether two names are one, as `openssl` compares them: the case of letters does not count in what an attribute says.
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    fn same(one: Elements<'_>, other: Elements<'_>) -> Result<bool, Why> {
        let (mut one, mut other) = (one, other);
        while !one.is_empty() && !other.is_empty() {
            let (a, b) = (one.any()?, other.any()?);
            let alike = match a.tag {
                _ if a.tag != b.tag => false,
                SEQUENCE | SET => same(a.inside(), b.inside())?,
                OBJECT => a.value == b.value,
                _ => a.value.eq_ignore_ascii_case(b.value),
            };
            if !alike {
                return Ok(false);
            }
        }
        Ok(one.is_empty() && other.is_empty())
    }
    same(Elements::of(one), Elements::of(other)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::super::elements::element;
    use super::*;

    fn named(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        element(SEQUENCE, &[&element(SET, &[&element(SEQUENCE, &[&element(OBJECT, &[kind]), &element(tag, &[value])])])])
    }

    #[test]
    fn names_are_one_without_the_case_of_what_they_say() {
        let (of, other) = ([0x55, 4, 3], [0x75, 4, 3]);
        assert!(same_name(&named(&of, UTF8, b"Root"), &named(&of, UTF8, b"rOOt")));
        for else_ in [named(&of, UTF8, b"Roots"), named(&other, UTF8, b"Root"), named(&of, 0x13, b"Root"), vec![0x30]] {
            assert!(!same_name(&named(&of, UTF8, b"Root"), &else_), "{else_:?}");
        }
    }

    #[test]
    fn a_certificate_is_read_to_its_last_element() {
        let kind = element(SEQUENCE, &[&element(OBJECT, &[&[0x55, 4, 3]])]);
        let string = element(BITS, &[&[0, 1]]);
        let times = element(SEQUENCE, &[&element(UTC_TIME, &[b"261129200318Z"]), &element(UTC_TIME, &[b"361129200318Z"])]);
        let made = |name: &[u8], times: &[u8], string: &[u8], more: &[u8]| {
            let key = element(SEQUENCE, &[&kind, string]);
            let fields = element(SEQUENCE, &[&element(INTEGER, &[&[1]]), &kind, name, times, name, &key, more]);
            element(SEQUENCE, &[&fields, &kind, string])
        };
        let good = named(&[0x55, 4, 3], UTF8, b"root");
        assert_eq!(certificate(&made(&good, &times, &string, &[])), Ok(()));
        let extension = element(SEQUENCE, &[&element(OBJECT, &[&[0x55, 29, 15]]), &element(OCTETS, &[&[0]])]);
        assert_eq!(certificate(&made(&good, &times, &string, &element(holding(3), &[&element(SEQUENCE, &[&extension])]))), Ok(()));
        for bad in [
            made(&named(&[0x55, 4, 3], UTF8, b"\xff"), &times, &string, &[]),
            made(&named(&[0x55, 4, 3], 4, b"root"), &times, &string, &[]),
            made(&named(&[0x55, 4, 3], 0x8c, b"root"), &times, &string, &[]),
            made(&named(&[0x55, 4, 3], BMP, b"abc"), &times, &string, &[]),
            made(&good, &element(SEQUENCE, &[&element(UTC_TIME, &[b"2"]), &element(0x16, &[b"3"])]), &string, &[]),
            made(&good, &times, &element(BITS, &[&[8, 1]]), &[]),
            made(&good, &times, &string, &element(holding(4), &[&kind])),
            made(&good, &times, &string, &element(holding(3), &[&element(SEQUENCE, &[&element(SET, &[])])])),
        ] {
            assert!(certificate(&bad).is_err(), "{bad:02x?}");
        }
    }
}
