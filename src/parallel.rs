//! Work on several processors at once whose result is the same on any number of them: the one place outside of `cli`, `collect` and
//! `snapshot` that starts threads, because nothing that is computed from a snapshot may depend on who is faster.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::sync_channel;

/// More threads than this are not worth their memory: what is left to share out is short.
const MOST: usize = 4;
/// How many items are handed over at once, and how many such batches may wait: memory for speed.
const BATCH: usize = 16;
const AHEAD: usize = 4;

/// Both results, computed side by side.
pub fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

/// The result for each item, in the order of the items.
pub fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST).min(items.len());
    let waiting = Mutex::new(items.iter().enumerate());
    let share = || {
        let mut done = Vec::new();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((place, item)) => done.push((place, work(item))),
                None => return done,
            }
        }
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(share)).collect();
        let mut all = share();
        for other in others {
            all.append(&mut other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, result)| result).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let items: Vec<u64> = (0..1_000).collect();
        assert_eq!(each(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(each(&[] as &[u64], |item| *item).is_empty());
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
    #[should_panic(expected = "in a thread")]
    fn a_panic_is_not_swallowed() {
        each(&[1, 2, 3, 4], |_| panic!("in a thread"));
    }
}
