//! Work on several processors at once whose result is the same on any number of them: the one place outside of `cli`, `collect` and
//! `snapshot` that starts threads, because nothing that is computed from a snapshot may depend on who is faster.

use std::sync::mpsc::sync_channel;

/// How many items are handed over at once, and how many such batches may wait: memory for speed.
const BATCH: usize = 16;
const AHEAD: usize = 4;
/// How many items may wait for a slow taker: nearly all tables. Those that were made are small beside what making the next one needs.
const WAITING: usize = 24;

/// Both results, computed side by side.
pub fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

/// Hands the items of `open` to `take` in their order, and makes the next ones meanwhile. Ends with the first error, before which
/// whole batches of good items may be left out.
pub fn ahead<T, E, I>(open: impl FnOnce() -> Result<I, E> + Send, mut take: impl FnMut(T)) -> Result<(), E>
where
    T: Send,
    E: Send,
    I: Iterator<Item = Result<T, E>>,
{
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Result<Vec<T>, E>>(AHEAD);
        scope.spawn(move || {
            let mut items = match open() {
                Ok(items) => items.peekable(),
                // When nobody listens any more, there is nobody to tell.
                Err(error) => return drop(sender.send(Err(error))),
            };
            while items.peek().is_some() {
                let batch: Result<Vec<T>, E> = items.by_ref().take(BATCH).collect();
                let last = batch.is_err();
                if sender.send(batch).is_err() || last {
                    return;
                }
            }
        });
        for batch in receiver {
            batch?.into_iter().for_each(&mut take);
        }
        Ok(())
    })
}

/// Runs `take` in another thread on what `make` hands over, in that order, while the next is made; both results. Not all of
/// many items wait, because an item is large.
pub fn beside<T: Send, M, R: Send>(
    make: impl FnOnce(&mut dyn FnMut(T)) -> M,
    take: impl FnOnce(&mut dyn Iterator<Item = T>) -> R + Send,
) -> (M, R) {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<T>(WAITING);
        let taking = scope.spawn(move || take(&mut receiver.into_iter()));
        // When the other side has ended, nobody wants the rest.
        let made = make(&mut |item| drop(sender.send(item)));
        drop(sender);
        (made, taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        assert_eq!(both(|| 1, || 2), (1, 2));
    }

    #[test]
    fn items_come_in_order_up_to_an_error() {
        let mut taken = Vec::new();
        assert_eq!(ahead(|| Ok::<_, ()>((0..100).map(Ok)), |item: i32| taken.push(item)), Ok(()));
        assert_eq!(taken, (0..100).collect::<Vec<_>>());
        let mut taken = Vec::new();
        let failing = (0..100).map(|item| if item == 50 { Err("fifty") } else { Ok(item) });
        assert_eq!(ahead(|| Ok(failing), |item: i32| taken.push(item)), Err("fifty"));
        assert!(taken.len() <= 50 && taken.iter().copied().eq(0..taken.len() as i32), "{taken:?}");
        assert_eq!(ahead(|| Err::<std::iter::Empty<Result<i32, &str>>, _>("closed"), |_| ()), Err("closed"));
    }

    #[test]
    fn items_are_taken_while_others_are_made() {
        let make = |hand_over: &mut dyn FnMut(u32)| {
            (0..100).for_each(hand_over);
            "made"
        };
        assert_eq!(beside(make, |items| items.collect::<Vec<_>>()), ("made", (0..100).collect()));
        assert_eq!(beside(make, |items| items.next()), ("made", Some(0)), "who takes may stop early");
    }

    #[test]
    #[should_panic(expected = "while taking")]
    fn a_panic_of_who_takes_is_not_swallowed() {
        beside(|hand_over| (0..100).for_each(hand_over), |_| panic!("while taking"));
    }

    #[test]
    #[should_panic(expected = "in a thread")]
    fn a_panic_is_not_swallowed() {
        both(|| panic!("in a thread"), || ());
    }
}
