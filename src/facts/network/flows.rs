//! Which namespaces' pods reach which, for whole groups of pods at once.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use super::policy::{Direction, Peer, Policy, Rule};
use super::ports::{PortRule, PortSet};
use super::world::World;
use crate::facts::Known;
use crate::facts::workloads::pass::PodPort;
use crate::model::sources::{NAMESPACES, PODS};
use crate::model::{Flow, Unseen};

/// Whether pods of one namespace reach those of another, as the policies say.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// Namespaces that have pods, sorted.
    names: Vec<String>,
    cells: Vec<Vec<Flow>>,
}

impl Flows {
    /// How much of the traffic from the pods of one namespace to those of another is allowed.
    pub fn between(&self, from: &str, to: &str) -> Flow {
        let index = |name: &str| self.names.binary_search_by(|own| own.as_str().cmp(name)).ok();
        let cell = index(from).zip(index(to)).and_then(|(from, to)| self.cells.get(from)?.get(to));
        cell.copied().unwrap_or(Flow::NoPods)
    }
}

/// Pods that no policy tells apart: same namespace, same labels and container ports as far as any policy asks for them, and inside
/// the same blocks of addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    namespace: String,
    labels: BTreeMap<String, String>,
    ports: Vec<PodPort>,
    /// For each block that policies name, whether the pods are in it; none where their addresses are not known.
    blocks: Option<Vec<Inside>>,
    /// Whether something that is not understood may decide, by direction.
    doubt: [bool; 2],
    /// Whether the pods are, or may be, attached to a further network, about which NetworkPolicies say nothing.
    elsewhere: bool,
}

/// Whether a pod is inside a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Inside {
    No,
    /// With one of its addresses, and not with another.
    Partly,
    Yes,
}

/// A set of classes.
#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }
    fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, word)| *own |= word);
    }
}

/// The classes that a peer is about: for certain, and possibly.
#[derive(Clone, Debug)]
struct Matching {
    sure: Bits,
    possible: Bits,
}

/// One rule with the classes that it is about.
struct Allowed<'a> {
    rule: &'a Rule,
    matching: Matching,
}

/// What policies allow one class in one direction; a class that is not isolated has none.
struct Side<'a> {
    rules: Vec<Allowed<'a>>,
    /// Peers that are allowed on every port for certain.
    full: Bits,
    /// Peers that are possibly allowed on some port.
    any: Bits,
    /// Peers that a rule names by a selector that chooses.
    named: Bits,
    /// A block among them that holds no pod: it may be that of Services, and whether policies see their addresses or those of the pods
    /// behind them is left open (kubernetes.io, *Network Policies*).
    nobody: Option<String>,
}

impl Side<'_> {
    /// The ports that its rules may allow with a peer; `destination` are those of the end that is connected to.
    fn ports(&self, peer: usize, destination: &[PodPort]) -> PortSet {
        let mut set = PortSet::default();
        for allowed in self.rules.iter().filter(|allowed| allowed.matching.possible.has(peer)) {
            set.union(PortSet::of(&allowed.rule.ports, destination));
        }
        set
    }

    /// Whether this end, of the class `at`, and that of its peer allow each other something, and nothing in common.
    fn shares_no_port(&self, peer: usize, theirs: &Self, at: usize, destination: &[PodPort]) -> bool {
        let (own, theirs) = (self.ports(peer, destination), theirs.ports(at, destination));
        !own.is_empty() && !theirs.is_empty() && own.intersect(&theirs).is_empty()
    }
}

/// By the number of a group among [`World::groups`] and by direction: the namespaces that its policies name, and whose own policies
/// let none of that traffic through, with what is shut.
pub(super) type HalfOpen = BTreeMap<(usize, Direction), Known<Vec<String>>>;

/// What becomes, at their end, of the traffic that a rule allows with the pods of one namespace.
#[derive(Debug, Default)]
struct Tally {
    /// With some of them it gets through.
    open: bool,
    /// With some, both ends allow something, on no port in common.
    by_ports: bool,
    /// Why that is not known of some.
    doubt: Option<Unseen>,
}

/// The direction that the other end of a connection judges.
fn other_end(direction: Direction) -> Direction {
    match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    }
}

struct Engine<'a> {
    world: &'a World<'a>,
    classes: Vec<(Class, i64)>,
    /// The classes of each group, by its number.
    of_group: Vec<(usize, Class)>,
    blocks: Vec<&'a Block>,
}

/// Computes the flows between all namespaces that have pods, and what is open at one end only.
pub(super) fn compute(world: &World<'_>) -> (Flows, Known<HalfOpen>) {
    let engine = Engine::new(world);
    let names: Vec<String> = engine.classes.iter().map(|(class, _)| class.namespace.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let gap = world.gap_of_policies().or_else(|| world.gap_of_others());
    let reader = &world.context().reader;
    let gap = gap.or_else(|| reader.gap(&PODS)).or_else(|| reader.known_if_complete(&NAMESPACES, || ()).unseen().cloned());
    if let Some(gap) = gap {
        let cells = vec![vec![Flow::Unknown; names.len()]; names.len()];
        return (Flows { names, cells }, Known::Unknown(gap));
    }
    let sides = Direction::BOTH.map(|direction| engine.sides(direction));
    let mut seen = vec![vec![Seen::default(); names.len()]; names.len()];
    let places: Vec<usize> = engine.classes.iter().map(|(class, _)| names.binary_search(&class.namespace).unwrap_or(usize::MAX)).collect();
    for (a, (_, pods)) in engine.classes.iter().enumerate() {
        for b in 0..engine.classes.len() {
            // A pod reaches itself whatever policies say.
            if a == b && *pods < 2 {
                continue;
            }
            if let Some(cell) = places.get(a).zip(places.get(b)).and_then(|(from, to)| seen.get_mut(*from)?.get_mut(*to)) {
                cell.add(engine.flow(&sides, a, b));
            }
        }
    }
    let half_open = engine.half_open(&sides);
    // A pod that was not understood may be let through where the others of its namespace are not, and the other way round.
    let doubtful: Vec<bool> = names.iter().map(|name| reader.known_in(name, &PODS, || ()).known().is_none()).collect();
    let in_doubt = |place: usize| doubtful.get(place) != Some(&false);
    let cell = |(from, to): (usize, usize), seen: &Seen| match seen.flow() {
        Flow::All | Flow::None if in_doubt(from) || in_doubt(to) => Flow::Unknown,
        flow => flow,
    };
    let row = |(from, row): (usize, &Vec<Seen>)| row.iter().enumerate().map(|(to, seen)| cell((from, to), seen)).collect();
    (Flows { cells: seen.iter().enumerate().map(row).collect(), names }, Known::Known(half_open))
}

/// The flows of pairs of classes, put together.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    all: bool,
    some: bool,
    none: bool,
    unknown: bool,
}

impl Seen {
    fn add(&mut self, flow: Flow) {
        match flow {
            Flow::All => self.all = true,
            Flow::Some => self.some = true,
            Flow::None => self.none = true,
            Flow::Unknown | Flow::NoPods => self.unknown = true,
        }
    }

    fn flow(&self) -> Flow {
        match self {
            Self { some: true, .. } | Self { all: true, none: true, .. } => Flow::Some,
            Self { unknown: true, .. } => Flow::Unknown,
            Self { none: true, .. } => Flow::None,
            // A single pod, which reaches itself.
            Self { .. } => Flow::All,
        }
    }
}

impl<'a> Engine<'a> {
    fn new(world: &'a World<'a>) -> Self {
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut blocks: BTreeSet<&Block> = BTreeSet::new();
        for policy in world.all_policies() {
            keys.extend(policy.selector.keys());
            for rule in Direction::BOTH.into_iter().filter_map(|direction| policy.rules(direction)).flatten() {
                names.extend(rule.ports.iter().filter_map(|port| match port {
                    PortRule::Named(_, name) => Some(name.as_str()),
                    PortRule::Every(_) | PortRule::Range(..) => None,
                }));
                for peer in &rule.peers {
                    match peer {
                        Peer::Pods { pods, .. } => keys.extend(pods.keys()),
                        Peer::Block(block) => {
                            blocks.insert(block);
                        }
                    }
                }
            }
        }
        let blocks: Vec<&Block> = blocks.into_iter().collect();
        let unjudged = world.unjudged_networks().is_some();
        let mut classes: BTreeMap<Class, i64> = BTreeMap::new();
        let mut of_group = Vec::new();
        for (number, group) in world.groups().enumerate().filter(|(_, group)| !group.host_network && group.pods > 0) {
            let mut counted = |class: Class, pods: i64| {
                of_group.push((number, class.clone()));
                *classes.entry(class).or_default() += pods;
            };
            let asked = |(key, value): (&String, &String)| keys.contains(key.as_str()).then(|| (key.clone(), value.clone()));
            let class = Class {
                namespace: group.namespace().to_owned(),
                labels: group.labels.iter().filter_map(asked).collect(),
                ports: group
                    .ports
                    .iter()
                    .filter(|port| names.contains(port.name.as_str()))
                    .map(|port| PodPort { host_port: 0, ..port.clone() })
                    .collect(),
                blocks: None,
                doubt: Direction::BOTH.map(|direction| !world.foreign_of(group, direction).is_empty()),
                elsewhere: unjudged || group.claims_devices || !group.networks.is_empty(),
            };
            if blocks.is_empty() {
                counted(Class { blocks: Some(Vec::new()), ..class }, group.pods);
                continue;
            }
            let mut placed = 0;
            for addresses in &group.addresses {
                let inside = Some(blocks.iter().map(|block| inside(block, addresses)).collect());
                counted(Class { blocks: inside, ..class.clone() }, 1);
                placed += 1;
            }
            if group.pods > placed {
                counted(class, group.pods - placed);
            }
        }
        of_group.sort();
        of_group.dedup();
        Self { world, classes: classes.into_iter().collect(), of_group, blocks }
    }

    /// Why what the policies of a class do is not known.
    fn doubt_about(&self, class: &Class, direction: Direction) -> Option<Unseen> {
        let numbers = || self.of_group.iter().filter(|(_, of)| of == class).map(|(number, _)| *number);
        let group = |number: usize| self.world.groups().nth(number);
        numbers().filter_map(group).find_map(|group| self.world.foreign_of(group, direction).first().map(|one| one.unseen()))
    }

    /// See [`HalfOpen`].
    fn half_open(&self, [ingress, egress]: &[Vec<Option<Side<'_>>>; 2]) -> HalfOpen {
        let mut found = HalfOpen::new();
        for (direction, own, other) in [(Direction::Ingress, ingress, egress), (Direction::Egress, egress, ingress)] {
            // What becomes of the classes of a namespace that are named, by group.
            let mut tallies: BTreeMap<usize, BTreeMap<&str, Tally>> = BTreeMap::new();
            for (number, class) in &self.of_group {
                let Ok(at) = self.classes.binary_search_by(|(known, _)| known.cmp(class)) else { continue };
                let Some(side) = own.get(at).and_then(Option::as_ref) else { continue };
                for (peer, (named, _)) in self.classes.iter().enumerate().filter(|(peer, _)| side.named.has(*peer)) {
                    let [doubt_in, doubt_out] = named.doubt;
                    let doubt = if direction == Direction::Ingress { doubt_out } else { doubt_in };
                    let theirs = other.get(peer).and_then(Option::as_ref);
                    let destination = if direction == Direction::Ingress { class } else { named };
                    let by_ports = theirs.is_some_and(|theirs| side.shares_no_port(peer, theirs, at, &destination.ports));
                    let shut = by_ports || theirs.is_some_and(|side| !side.any.has(at));
                    let tally = tallies.entry(*number).or_default().entry(&named.namespace).or_default();
                    tally.by_ports |= by_ports;
                    let nobody = other.get(peer).and_then(Option::as_ref).and_then(|side| side.nobody.as_ref()).filter(|_| shut);
                    if let (Some(block), false) = (nobody, doubt) {
                        tally.doubt = Some(Unseen::not_visible(
                            format!("whether policies of {} let traffic through that the other end allows", named.namespace),
                            format!("a rule there is about {block}, which holds no pod, and may be the block of Services"),
                            "Look whether the network plugin judges by the address of a Service or by that of the pod behind it.",
                        ));
                    } else if doubt {
                        tally.doubt = tally.doubt.take().or_else(|| self.doubt_about(named, other_end(direction)));
                    } else {
                        tally.open |= !shut;
                    }
                }
            }
            for (number, of_group) in tallies {
                let what = |by_ports: bool| match (direction, by_ports) {
                    (Direction::Ingress, false) => "its policies let nothing out to it",
                    (Direction::Egress, false) => "its policies let nothing in from it",
                    (Direction::Ingress, true) => "its policies let nothing out to it on a port that is let in",
                    (Direction::Egress, true) => "its policies let nothing in from it on a port that is let out",
                };
                let none_open = of_group.into_iter().filter(|(_, tally)| !tally.open);
                let reader = &self.world.context().reader;
                let mut all = Known::Known(Vec::new());
                for (namespace, tally) in none_open {
                    let text = match tally.doubt {
                        // It may be what lets it through, or what shuts it.
                        Some(unseen) => Known::Unknown(unseen),
                        None => reader.known_in(namespace, &PODS, || format!("{namespace}: {}", what(tally.by_ports))),
                    };
                    all = all.and_then(|mut all: Vec<String>| {
                        text.map(|text| {
                            all.push(text);
                            all
                        })
                    });
                }
                if all.known().is_none_or(|all| !all.is_empty()) {
                    found.insert((number, direction), all);
                }
            }
        }
        found
    }

    /// What each class is allowed in one direction.
    fn sides(&self, direction: Direction) -> Vec<Option<Side<'a>>> {
        let mut known: BTreeMap<(&'a str, &'a Peer), Matching> = BTreeMap::new();
        let mut sides = Vec::with_capacity(self.classes.len());
        for (class, _) in &self.classes {
            let of_namespace = self.world.policies(&class.namespace).iter().map(|(policy, _)| policy);
            let selecting: Vec<&'a Policy> =
                of_namespace.filter(|policy| policy.rules(direction).is_some() && policy.selector.matches(&class.labels)).collect();
            if selecting.is_empty() {
                sides.push(None);
                continue;
            }
            let empty = || Bits::new(self.classes.len());
            let mut side = Side { rules: Vec::new(), full: empty(), any: empty(), named: empty(), nobody: None };
            for policy in selecting {
                for rule in policy.rules(direction).into_iter().flatten() {
                    let mut matching = Matching { sure: empty(), possible: empty() };
                    if rule.peers.is_empty() {
                        (0..self.classes.len()).for_each(|at| matching.sure.insert(at));
                        matching.possible = matching.sure.clone();
                    }
                    for peer in &rule.peers {
                        let of_peer = known.entry((&policy.namespace, peer)).or_insert_with(|| self.matching(&policy.namespace, peer));
                        matching.sure.add(&of_peer.sure);
                        if peer.chooses() {
                            side.named.add(&of_peer.sure);
                        }
                        matching.possible.add(&of_peer.possible);
                        if let (Peer::Block(block), true) = (peer, of_peer.possible.is_empty()) {
                            side.nobody = Some(block.text.clone());
                        }
                    }
                    if PortSet::of(&rule.ports, &[]).is_full() {
                        side.full.add(&matching.sure);
                    }
                    side.any.add(&matching.possible);
                    side.rules.push(Allowed { rule, matching });
                }
            }
            sides.push(Some(side));
        }
        sides
    }

    fn matching(&self, own_namespace: &str, peer: &Peer) -> Matching {
        let mut matching = Matching { sure: Bits::new(self.classes.len()), possible: Bits::new(self.classes.len()) };
        let block = match peer {
            Peer::Block(block) => self.blocks.binary_search(&block).ok(),
            Peer::Pods { .. } => None,
        };
        for (at, (class, _)) in self.classes.iter().enumerate() {
            let found = match peer {
                Peer::Pods { namespaces, pods } => {
                    let namespace = match namespaces {
                        None => class.namespace == own_namespace,
                        Some(selector) => selector.matches(self.world.labels(&class.namespace)),
                    };
                    if namespace && pods.matches(&class.labels) { Inside::Yes } else { Inside::No }
                }
                Peer::Block(_) => match (&class.blocks, block) {
                    (Some(inside), Some(block)) => inside.get(block).copied().unwrap_or(Inside::Partly),
                    _ => Inside::Partly,
                },
            };
            if found == Inside::Yes {
                matching.sure.insert(at);
            }
            if found != Inside::No {
                matching.possible.insert(at);
            }
        }
        matching
    }

    /// Traffic from the pods of class `a` to those of class `b`. What policies deny two that are both on further networks may go over one of
    /// these: networks of two names may be one wire.
    fn flow(&self, sides: &[Vec<Option<Side<'_>>>; 2], a: usize, b: usize) -> Flow {
        let elsewhere = |at: usize| self.classes.get(at).is_some_and(|(class, _)| class.elsewhere);
        match self.flow_on_the_cluster(sides, a, b) {
            Flow::None | Flow::Some if elsewhere(a) && elsewhere(b) => Flow::Unknown,
            flow => flow,
        }
    }

    /// The same over the cluster's own network.
    fn flow_on_the_cluster(&self, [ingress, egress]: &[Vec<Option<Side<'_>>>; 2], a: usize, b: usize) -> Flow {
        let (Some((source, _)), Some((destination, _))) = (self.classes.get(a), self.classes.get(b)) else { return Flow::Unknown };
        let out = egress.get(a).and_then(Option::as_ref);
        let into = ingress.get(b).and_then(Option::as_ref);
        let [doubt_in, _] = destination.doubt;
        let [_, doubt_out] = source.doubt;
        let denied = |side: Option<&Side<'_>>, peer: usize| side.is_some_and(|side| !side.any.has(peer));
        // What one end denies for certain, the other cannot allow.
        if (!doubt_out && denied(out, b)) || (!doubt_in && denied(into, a)) {
            return Flow::None;
        }
        if doubt_in || doubt_out {
            return Flow::Unknown;
        }
        let full = |side: Option<&Side<'_>>, peer: usize| side.is_none_or(|side| side.full.has(peer));
        if full(out, b) && full(into, a) {
            return Flow::All;
        }
        let ports = |side: Option<&Side<'_>>, peer: usize, sure: bool| {
            let Some(side) = side else { return PortSet::every() };
            let mut set = PortSet::default();
            for allowed in &side.rules {
                let bits = if sure { &allowed.matching.sure } else { &allowed.matching.possible };
                if bits.has(peer) {
                    set.union(PortSet::of(&allowed.rule.ports, &destination.ports));
                }
            }
            set
        };
        let both = |sure: bool| ports(out, b, sure).intersect(&ports(into, a, sure));
        let (sure, possible) = (both(true), both(false));
        if sure.is_full() {
            Flow::All
        } else if possible.is_empty() {
            Flow::None
        } else if sure == possible || (!sure.is_empty() && !possible.is_full()) {
            Flow::Some
        } else {
            Flow::Unknown
        }
    }
}

fn inside(block: &Block, addresses: &[IpAddr]) -> Inside {
    let within = addresses.iter().filter(|address| block.contains(address)).count();
    match within {
        0 => Inside::No,
        all if all == addresses.len() => Inside::Yes,
        _ => Inside::Partly,
    }
}
