//! The elements of DER, one after the other, as the bytes that they are: what was signed is compared and digested as it stands.

use der::{Decode, Header, Reader, SliceReader};

/// Why something is not of its form.
pub(super) type Why = &'static str;

/// What every text says that is no DER.
const NOT_DER: Why = "it is not DER";

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const BITS: u8 = 0x03;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The tag `[number]` of something that holds others.
pub(super) const fn holding(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` of something that holds bytes.
pub(super) const fn plain(number: u8) -> u8 {
    0x80 | number
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// What it holds.
    pub(super) value: &'a [u8],
    /// The whole of it, with tag and length.
    pub(super) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub(super) fn inside(&self) -> Elements<'a> {
        Elements { rest: self.value }
    }
}

/// What follows each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, Why> {
        let mut reader = SliceReader::new(self.rest).map_err(|_| NOT_DER)?;
        let header = Header::decode(&mut reader).map_err(|_| NOT_DER)?;
        let begins = usize::try_from(u32::from(reader.position())).map_err(|_| NOT_DER)?;
        let ends = usize::try_from(u32::from(header.length())).ok().and_then(|length| begins.checked_add(length)).ok_or(NOT_DER)?;
        let (raw, rest) = self.rest.split_at_checked(ends).ok_or(NOT_DER)?;
        let tag = *raw.first().ok_or(NOT_DER)?;
        // Tags of more than one byte stand nowhere in what is read here.
        if tag & 0x1f == 0x1f {
            return Err(NOT_DER);
        }
        self.rest = rest;
        Ok(Element { tag, value: raw.get(begins..).ok_or(NOT_DER)?, raw })
    }

    /// The next, which has this tag.
    pub(super) fn next(&mut self, tag: u8) -> Result<Element<'a>, Why> {
        let element = self.any()?;
        if element.tag == tag { Ok(element) } else { Err("it has not the elements that it should have") }
    }

    /// The next, when it has this tag.
    pub(super) fn next_if(&mut self, tag: u8) -> Result<Option<Element<'a>>, Why> {
        if self.rest.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Whether everything is of its form, down to the last element, so that no reader can stumble over what others pass by.
    pub(super) fn well_formed(mut self, levels: usize) -> Result<(), Why> {
        let levels = levels.checked_sub(1).ok_or("it is nested too deeply")?;
        while !self.is_empty() {
            let element = self.any()?;
            let good = match (element.tag, element.value) {
                // Sets and sequences hold others, and say so.
                (0x10 | 0x11, _) => false,
                (BOOLEAN, value) => value.len() == 1,
                (INTEGER, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..]) => false,
                (OBJECT, value) => value.last().is_some_and(|last| last & 0x80 == 0),
                (NULL, value) => value.is_empty(),
                _ => true,
            };
            if !good {
                return Err(NOT_DER);
            }
            if element.tag & 0x20 != 0 {
                element.inside().well_formed(levels)?;
            }
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Why> {
        if self.is_empty() { Ok(()) } else { Err("it holds more than it should") }
    }
}

/// The only element of some bytes.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<Element<'_>, Why> {
    let mut elements = Elements::of(bytes);
    let element = elements.next(tag)?;
    elements.end()?;
    Ok(element)
}

/// A whole number that is not negative and small.
pub(super) fn small(element: Element<'_>) -> Result<u32, Why> {
    const WHY: Why = "a number in it is out of its range";
    let digits = element.value;
    if digits.is_empty() || digits.len() > 4 || digits.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(WHY);
    }
    Ok(digits.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
}

/// Writes an element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    let digits = length.to_be_bytes();
    let digits = digits.iter().position(|digit| *digit != 0).and_then(|first| digits.get(first..)).unwrap_or(&[]);
    match (length, u8::try_from(length), u8::try_from(digits.len())) {
        (0..=0x7f, Ok(length), _) => bytes.push(length),
        (_, _, Ok(number)) => {
            bytes.push(0x80 | number);
            bytes.extend_from_slice(digits);
        }
        // A length has eight bytes at most.
        _ => {}
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 70_000] {
            let bytes = element(SEQUENCE, &[&vec![7; length]]);
            let read = only(&bytes, SEQUENCE).unwrap();
            assert_eq!((read.value.len(), read.raw.len()), (length, bytes.len()));
        }
        let two = [element(INTEGER, &[&[1]]), element(SET, &[])].concat();
        let mut elements = Elements::of(&two);
        assert_eq!(small(elements.next(INTEGER).unwrap()), Ok(1));
        assert!(elements.next_if(INTEGER).unwrap().is_none() && elements.next_if(SET).unwrap().is_some() && elements.is_empty());
    }

    #[test]
    fn what_is_not_of_its_form_is_seen_however_deep_it_lies() {
        let nested = |bytes: &[u8]| element(SEQUENCE, &[&element(SET, &[bytes])]);
        for good in [&[1, 1, 0xff][..], &[2, 1, 0], &[2, 2, 0, 0x80], &[5, 0], &[6, 2, 0x88, 1], &[0x0c, 1, 0xff]] {
            assert_eq!(Elements::of(&nested(good)).well_formed(3), Ok(()), "{good:?}");
        }
        for bad in
            [&[1, 2, 0, 0][..], &[2, 0], &[2, 2, 0, 1], &[2, 2, 0xff, 0x80], &[5, 1, 0], &[6, 1, 0x88], &[6, 0], &[0x10, 0], &[0x30, 1, 2]]
        {
            assert!(Elements::of(&nested(bad)).well_formed(3).is_err(), "{bad:?}");
        }
        assert!(Elements::of(&nested(&[5, 0])).well_formed(2).is_err(), "too deep");
    }

    #[test]
    fn there_is_one_way_to_write_a_length() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x01],
            &[0x30, 0x81, 0x01, 0],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x81, 1, 0],
        ] {
            assert!(only(bad, SEQUENCE).is_err(), "{bad:?}");
        }
        assert!(only(&[0x30, 0, 0], SEQUENCE).is_err(), "something follows");
    }
}
