//! Ports that rules allow.

use crate::facts::workloads::pass::PodPort;

/// Protocols that rules can name (`networking.k8s.io/v1` NetworkPolicyPort).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, also where none is written.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As it stands in objects; absent is TCP.
    pub fn read(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }
    /// As it stands in objects.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// One entry of `ports` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PortRule {
    /// No port: every one of that protocol.
    Every(Protocol),
    /// One number, or all up to and with `endPort`.
    Range(Protocol, u16, u16),
    /// A container port of the destination, by name and protocol.
    Named(Protocol, String),
}

impl std::fmt::Display for PortRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(protocol) => f.write_str(protocol.as_str()),
            Self::Range(protocol, from, to) if from == to => write!(f, "{} {from}", protocol.as_str()),
            Self::Range(protocol, from, to) => write!(f, "{} {from}-{to}", protocol.as_str()),
            Self::Named(protocol, name) => write!(f, "{} {name}", protocol.as_str()),
        }
    }
}

/// A set of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortSet {
    /// Not restricted by port at all.
    every: bool,
    /// Ranges, sorted and not touching one another.
    ranges: Vec<(Protocol, u16, u16)>,
}

impl PortSet {
    pub(super) fn every() -> Self {
        Self { every: true, ranges: Vec::new() }
    }

    /// What the `ports` of a rule allow towards a pod with those container ports; none when traffic leaves the cluster, where names
    /// mean nothing. An empty list does not restrict.
    pub(super) fn of(rules: &[PortRule], destination: &[PodPort]) -> Self {
        if rules.is_empty() {
            return Self::every();
        }
        let mut ranges = Vec::new();
        for rule in rules {
            match rule {
                PortRule::Every(protocol) => ranges.push((*protocol, 0, u16::MAX)),
                PortRule::Range(protocol, from, to) => ranges.push((*protocol, *from, *to)),
                PortRule::Named(protocol, name) => {
                    let same = |port: &&PodPort| &port.name == name && port.protocol == protocol.as_str();
                    let numbers = destination.iter().filter(same).filter_map(|port| u16::try_from(port.number).ok());
                    ranges.extend(numbers.map(|number| (*protocol, number, number)));
                }
            }
        }
        Self { every: false, ranges: merged(ranges) }
    }

    pub(super) fn union(&mut self, other: Self) {
        self.every |= other.every;
        self.ranges.extend(other.ranges);
        self.ranges = merged(std::mem::take(&mut self.ranges));
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        match (self.every, other.every) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            (false, false) => {
                let mut ranges = Vec::new();
                for &(protocol, from, to) in &self.ranges {
                    let same = other.ranges.iter().filter(|(theirs, _, _)| *theirs == protocol);
                    ranges.extend(same.map(|&(_, a, b)| (protocol, from.max(a), to.min(b))).filter(|(_, a, b)| a <= b));
                }
                Self { every: false, ranges: merged(ranges) }
            }
        }
    }

    pub(super) fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.every || self.ranges.iter().any(|&(own, from, to)| own == protocol && (from..=to).contains(&port))
    }

    /// Whether no port is in it.
    pub(super) fn is_empty(&self) -> bool {
        !self.every && self.ranges.is_empty()
    }

    /// Whether more than half of the ports of TCP are in it: then what is allowed is not a list that somebody wrote.
    pub(super) fn holds_most(&self) -> bool {
        let of_tcp = self.ranges.iter().filter(|(protocol, ..)| *protocol == Protocol::Tcp);
        let number: u32 = of_tcp.map(|(_, from, to)| u32::from(*to) - u32::from(*from) + 1).sum();
        self.every || number > 1 << 15
    }

    /// Whether every port of every protocol that rules can name is in it.
    pub(super) fn is_full(&self) -> bool {
        self.every
            || Protocol::ALL.iter().all(|protocol| self.ranges.iter().any(|&(own, a, b)| own == *protocol && a <= 1 && b == u16::MAX))
    }
}

fn merged(mut ranges: Vec<(Protocol, u16, u16)>) -> Vec<(Protocol, u16, u16)> {
    ranges.sort_unstable();
    let mut out: Vec<(Protocol, u16, u16)> = Vec::with_capacity(ranges.len());
    for (protocol, from, to) in ranges {
        match out.last_mut() {
            Some((own, _, end)) if *own == protocol && u32::from(from) <= u32::from(*end) + 1 => *end = (*end).max(to),
            _ => out.push((protocol, from, to)),
        }
    }
    out
}
