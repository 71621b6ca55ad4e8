//! Lists of things for each of many numbers, in one piece of memory.

/// What belongs to each number, in the order in which it was given.
pub(super) struct Lists<T> {
    items: Vec<T>,
    /// Where in `items` each number's begin.
    offsets: Vec<u32>,
}

impl<T: Copy> Lists<T> {
    /// Of the numbers below `count`.
    pub fn new(count: usize, pairs: impl Iterator<Item = (u32, T)> + Clone) -> Lists<T> {
        let mut offsets = vec![0; count + 1];
        for (number, _) in pairs.clone() {
            offsets[number as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let Some((_, any)) = pairs.clone().next() else { return Lists { items: vec![], offsets } };
        let mut items = vec![any; offsets[count] as usize];
        let mut next = offsets.clone();
        for (number, item) in pairs {
            items[next[number as usize] as usize] = item;
            next[number as usize] += 1;
        }
        Lists { items, offsets }
    }

    pub fn of(&self, number: u32) -> &[T] {
        let number = number as usize;
        &self.items[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order() {
        let lists = Lists::new(4, [(3, 'a'), (0, 'b'), (3, 'c'), (0, 'd')].into_iter());
        let all: Vec<&[char]> = (0..4).map(|number| lists.of(number)).collect();
        assert_eq!(all, [&['b', 'd'][..], &[], &[], &['a', 'c']]);
        assert!(Lists::<u32>::new(1, core::iter::empty()).of(0).is_empty());
    }
}
