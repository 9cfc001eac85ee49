//! Environments of containers that were redacted already. All pods of a workload have the same, and to judge every value of one takes
//! longer than everything else that is done to a pod.

use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes of what is kept, at the most.
const MOST: usize = 4 * 1024 * 1024;

/// What is left of lists of variables, by the text of the list. For objects that are held together anyway, such as a page.
#[derive(Debug, Default)]
pub struct Environments(RefCell<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Those of the system's own pods, of which more may stay.
    system: HashMap<String, String>,
    others: HashMap<String, String>,
    bytes: usize,
}

impl Environments {
    /// Appends what is left of `list`, which `redact` finds out where it is not known yet.
    pub(super) fn append<E>(
        &self,
        list: &str,
        system: bool,
        out: &mut String,
        redact: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(known) = self.0.borrow().of(system).get(list) {
            out.push_str(known);
            return Ok(());
        }
        let before = out.len();
        redact(out)?;
        let left = out.get(before..).unwrap_or("");
        let mut kept = self.0.borrow_mut();
        let bytes = kept.bytes + list.len() + left.len();
        if bytes <= MOST {
            kept.bytes = bytes;
            let map = if system { &mut kept.system } else { &mut kept.others };
            map.insert(list.to_owned(), left.to_owned());
        }
        Ok(())
    }
}

impl Kept {
    fn of(&self, system: bool) -> &HashMap<String, String> {
        if system { &self.system } else { &self.others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_found_out_again_and_the_systems_own_is_another() {
        let known = Environments::default();
        let ask = |list: &str, system: bool, fresh: &str| {
            let mut out = "before ".to_owned();
            known
                .append(list, system, &mut out, |out| {
                    out.push_str(fresh);
                    Ok::<(), ()>(())
                })
                .unwrap();
            out
        };
        assert_eq!(ask("a", false, "first"), "before first");
        assert_eq!(ask("a", false, "second"), "before first");
        assert_eq!(ask("a", true, "system"), "before system");
        assert_eq!(known.append("b", false, &mut String::new(), |_| Err("broken")), Err("broken"));
        assert_eq!(ask("b", false, "whole"), "before whole");
        let long = "x".repeat(MOST);
        assert_eq!(ask(&long, false, "1"), "before 1");
        assert_eq!(ask(&long, false, "2"), "before 2");
    }
}
