//! Which thread of the old program takes the part of which of the new one.
//!
//! The main threads belong together. Any other thread is known by the function that it was started with: among several of one function
//! those of the same name belong together, and the others in the order of their making.

use crate::kernel::ThreadState;
use std::collections::HashMap;

/// Places in the two lists of threads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    /// Old and new. The main threads' come first.
    pub pairs: Vec<(usize, usize)>,
    /// New ones that nobody takes the part of yet.
    pub missing: Vec<usize>,
    /// Old ones that have no part any more.
    pub surplus: Vec<usize>,
}

impl Pairs {
    /// Finds them. The functions of each side tell what the function at an address is called, in a way that both sides share (a module and a
    /// name). A thread whose function has no name, or is not known, is like all others of which that is true.
    pub fn of(
        old: &[ThreadState],
        new: &[ThreadState],
        old_function: impl Fn(u64) -> Option<String>,
        new_function: impl Fn(u64) -> Option<String>,
    ) -> Pairs {
        let keys = |threads: &[ThreadState], function: &dyn Fn(u64) -> Option<String>| -> Vec<Key> {
            let key = |(place, thread): (usize, &ThreadState)| Key {
                // The main thread is the first of all, and was started by nobody.
                main: place == 0 && thread.start_routine.is_none(),
                function: thread.start_routine.and_then(function),
                name: thread.name.clone(),
            };
            threads.iter().enumerate().map(key).collect()
        };
        Pairs::by(&keys(old, &old_function), &keys(new, &new_function))
    }

    fn by(old: &[Key], new: &[Key]) -> Pairs {
        let mut pairs = Vec::new();
        let mut old: Vec<(usize, &Key)> = old.iter().enumerate().collect();
        let mut new: Vec<(usize, &Key)> = new.iter().enumerate().collect();
        let same: [fn(&Key, &Key) -> bool; 2] = [|one, other| one == other, Key::is_like];
        for same in same {
            old.retain(|(of_old, key)| {
                let Some(at) = new.iter().position(|(_, other)| same(key, other)) else { return true };
                pairs.push((*of_old, new.remove(at).0));
                false
            });
        }
        pairs.sort_unstable();
        let places = |left: Vec<(usize, &Key)>| left.into_iter().map(|(place, _)| place).collect();
        Pairs { pairs, missing: places(new), surplus: places(old) }
    }

    /// The new thread whose part an old one takes.
    #[must_use]
    pub fn by_old(&self) -> HashMap<usize, usize> {
        self.pairs.iter().copied().collect()
    }
}

/// What a thread is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    main: bool,
    function: Option<String>,
    name: Vec<u8>,
}

impl Key {
    fn is_like(&self, other: &Key) -> bool {
        (self.main, &self.function) == (other.main, &other.function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(text: &str) -> Vec<Key> {
        let key = |(place, word): (usize, &str)| {
            let (function, name) = word.split_once(':').unwrap_or((word, ""));
            Key {
                main: place == 0,
                function: Some(function.to_owned()).filter(|function| function != "-"),
                name: name.into(),
            }
        };
        text.split(' ').enumerate().map(key).collect()
    }

    fn pairs(old: &str, new: &str) -> (Vec<(usize, usize)>, Vec<usize>, Vec<usize>) {
        let Pairs { pairs, missing, surplus } = Pairs::by(&threads(old), &threads(new));
        (pairs, missing, surplus)
    }

    #[test]
    fn threads_of_one_function_belong_together_in_their_order() {
        assert_eq!(
            pairs("- w w l w", "- l w w w"),
            (vec![(0, 0), (1, 2), (2, 3), (3, 1), (4, 4)], vec![], vec![])
        );
    }

    #[test]
    fn names_tell_those_of_one_function_apart() {
        assert_eq!(
            pairs("- w:a w:b w:c", "- w:c w:x w:a"),
            (vec![(0, 0), (1, 3), (2, 2), (3, 1)], vec![], vec![])
        );
    }

    #[test]
    fn a_main_thread_whose_name_has_changed_is_still_the_main_thread() {
        assert_eq!(pairs("-:old -:old", "-:new -:old"), (vec![(0, 0), (1, 1)], vec![], vec![]));
    }

    #[test]
    fn what_is_too_many_is_missing_on_the_other_side() {
        assert_eq!(pairs("- w w gone", "- w made"), (vec![(0, 0), (1, 1)], vec![2], vec![2, 3]));
    }
}
