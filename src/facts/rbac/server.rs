//! What decides beside rules: the server's version and its feature gates.

use super::super::Known;
use super::super::settings::gates::Gates;

/// A feature gate that opens or closes a way.
pub(super) struct Gate {
    /// Its name.
    pub(super) name: &'static str,
    /// The way is open where the gate is on; else where it is off.
    pub(super) opens: bool,
    /// The first minor version that has it; before, it is as if it were off.
    pub(super) exists_from: u32,
    /// The first minor version that has it on by default.
    pub(super) on_from: u32,
}

/// The server.
pub(super) struct Server {
    pub(super) minor: Known<u32>,
    pub(super) gates: Gates,
    /// Whether it takes bootstrap tokens, and their groups may have certificates of nodes that are approved by themselves.
    pub(super) bootstrap: Known<bool>,
}

impl Server {
    /// Whether a gate leaves a way open. What the server says of its gates decides; where it says nothing, its version does. Of a default
    /// that closes the way, only the server's own word is proof.
    pub(super) fn leaves_open(&self, gate: &Gate) -> Known<bool> {
        let said = self.gates.enabled(gate.name);
        if let Known::Known(Some(on)) = said {
            return Known::Known(on == gate.opens);
        }
        let minor = match &self.minor {
            Known::Known(minor) => *minor,
            Known::Unknown(unseen) => return Known::Unknown(unseen.clone()),
        };
        let open = (minor >= gate.on_from) == gate.opens;
        match said {
            Known::Unknown(unseen) if !open && minor >= gate.exists_from => Known::Unknown(unseen),
            Known::Unknown(_) | Known::Known(_) => Known::Known(open),
        }
    }
}
