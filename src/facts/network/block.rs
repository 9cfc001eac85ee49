//! Blocks of addresses. `core::net` holds addresses only: nothing here can open a connection.

use core::net::IpAddr;
use std::sync::LazyLock;

/// A CIDR: every address from its first to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cidr {
    /// Whether it is of IPv6.
    v6: bool,
    first: u128,
    last: u128,
}

impl Cidr {
    /// `address/length`. A form that programs read differently (leading zeros, IPv4 inside IPv6) is not understood.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no block of addresses that is understood");
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let plain = length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
        let length: u32 = if plain { length.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        let (v6, bits, width) = number(&address).ok_or_else(wrong)?;
        let host = width.checked_sub(length).ok_or_else(wrong)?;
        let mask = 1u128.checked_shl(host).map_or(u128::MAX, |bit| bit - 1);
        Ok(Self { v6, first: bits & !mask, last: bits | mask })
    }

    pub(super) fn contains(&self, address: &IpAddr) -> bool {
        number(address).is_some_and(|(v6, bits, _)| v6 == self.v6 && (self.first..=self.last).contains(&bits))
    }
}

/// Whether it is of IPv6, its bits, and how many those are. None for an IPv4 address that is written as one of IPv6.
fn number(address: &IpAddr) -> Option<(bool, u128, u32)> {
    match address {
        IpAddr::V4(v4) => Some((false, u128::from(u32::from(*v4)), 32)),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        IpAddr::V6(v6) => Some((true, u128::from(*v6), 128)),
    }
}

/// `ipBlock` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    pub(super) cidr: Cidr,
    pub(super) except: Vec<Cidr>,
    /// As it is written.
    pub(super) text: String,
}

impl Block {
    pub(super) fn contains(&self, address: &IpAddr) -> bool {
        self.cidr.contains(address) && !self.except.iter().any(|except| except.contains(address))
    }
}

/// Blocks that nobody of the Internet has (RFC 6890 and its registry): what leaves only these out is as wide as the world.
static OF_NOBODY: LazyLock<Vec<Cidr>> = LazyLock::new(|| BLOCKS_OF_NOBODY.iter().filter_map(|text| Cidr::read(text).ok()).collect());
const BLOCKS_OF_NOBODY: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    // Of IPv6, only 2000::/3 is given out (RFC 4291, 2.4).
    "::/3",
    "4000::/2",
    "8000::/1",
];

/// Whether the blocks together take in all of the IPv4 or all of the IPv6 Internet, whatever is excepted from them, and something is left:
/// then most of the world is allowed. `0.0.0.0/1` beside `128.0.0.0/1` is as wide as `0.0.0.0/0`, and so is a list of all blocks but the
/// private ones.
pub(super) fn whole_world<'a>(blocks: impl Iterator<Item = &'a Block>) -> bool {
    let blocks: Vec<&Block> = blocks.collect();
    [(false, u128::from(u32::MAX)), (true, u128::MAX)].into_iter().any(|(v6, end)| {
        let of_family = || blocks.iter().filter(|block| block.cidr.v6 == v6);
        let left = of_family().any(|block| !covered(block.except.iter(), block.cidr.first, block.cidr.last));
        let nobody = OF_NOBODY.iter().filter(|cidr| cidr.v6 == v6);
        left && covered(of_family().map(|block| &block.cidr).chain(nobody), 0, end)
    })
}

/// The ranges of addresses that somebody on the Internet can have: what [`OF_NOBODY`] leaves.
static OF_SOMEBODY: LazyLock<Vec<Cidr>> = LazyLock::new(|| {
    let families = [(false, u128::from(u32::MAX)), (true, u128::MAX)];
    families.into_iter().flat_map(|(v6, end)| gaps(OF_NOBODY.iter().filter(|cidr| cidr.v6 == v6), v6, end)).collect()
});

/// What CIDRs of one family leave, up to `end`.
fn gaps<'a>(cidrs: impl Iterator<Item = &'a Cidr>, v6: bool, end: u128) -> Vec<Cidr> {
    let mut cidrs: Vec<&Cidr> = cidrs.collect();
    cidrs.sort_unstable();
    let (mut left, mut next) = (Vec::new(), Some(0));
    for cidr in cidrs {
        let Some(first) = next else { break };
        if cidr.first > first {
            left.push(Cidr { v6, first, last: cidr.first - 1 });
        }
        next = cidr.last.checked_add(1).map(|after| after.max(first)).filter(|after| *after <= end);
    }
    left.extend(next.map(|first| Cidr { v6, first, last: end }));
    left
}

/// Whether the blocks together take in more than half of the IPv4 or of the IPv6 Internet, whatever is excepted from them, and something is
/// left: nobody who means certain callers writes that. A list of all blocks but one is as open as [`whole_world`].
pub(super) fn most_of_the_world<'a>(blocks: impl Iterator<Item = &'a Block>) -> bool {
    let left: Vec<&Block> = blocks.filter(|block| !covered(block.except.iter(), block.cidr.first, block.cidr.last)).collect();
    are_most(left.iter().map(|block| &block.cidr))
}

/// The same of networks as they are written; why not, where one is none.
pub(in crate::facts) fn are_most_of_the_world(networks: &[String]) -> Result<bool, String> {
    let cidrs: Vec<Cidr> = networks.iter().map(|text| Cidr::read(text)).collect::<Result<_, _>>()?;
    Ok(are_most(cidrs.iter()))
}

fn are_most<'a>(cidrs: impl Iterator<Item = &'a Cidr>) -> bool {
    let cidrs: Vec<&Cidr> = cidrs.collect();
    [(false, u128::from(u32::MAX)), (true, u128::MAX)].into_iter().any(|(v6, end)| {
        let of_somebody = || OF_SOMEBODY.iter().filter(move |range| range.v6 == v6);
        // Neither sum can be larger than all of 2000::/3.
        let size = |first: u128, last: u128| last - first + 1;
        let all: u128 = of_somebody().map(|range| size(range.first, range.last)).sum();
        let outside = gaps(cidrs.iter().copied().filter(|cidr| cidr.v6 == v6), v6, end);
        let common = |range: &Cidr, other: &Cidr| (range.first.max(other.first), range.last.min(other.last));
        let pairs = of_somebody().flat_map(|range| outside.iter().map(move |other| common(range, other)));
        let missing: u128 = pairs.filter(|(first, last)| first <= last).map(|(first, last)| size(first, last)).sum();
        missing < all / 2
    })
}

/// Whether the CIDRs together hold every address from `first` to `last`; they are of one family.
fn covered<'a>(cidrs: impl Iterator<Item = &'a Cidr>, first: u128, last: u128) -> bool {
    let mut cidrs: Vec<&Cidr> = cidrs.collect();
    cidrs.sort_unstable();
    let mut next = first;
    for cidr in cidrs {
        if cidr.first > next {
            return false;
        }
        if cidr.last >= next {
            match cidr.last.checked_add(1) {
                Some(after) if cidr.last < last => next = after,
                _ => return true,
            }
        }
    }
    false
}
