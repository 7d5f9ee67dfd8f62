//! Where a message goes inside heap bytes that its writer owns.

use super::heap::HeapRange;

/// The ranges chosen for a meta and a body; `None` where nothing free is long enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Placement {
    pub(crate) meta: Option<HeapRange>,
    pub(crate) body: Option<HeapRange>,
}

/// Places `meta_len` and `body_len` bytes into `free`, which are disjoint ranges the writer owns.
///
/// Both, if any choice allows it; else the meta alone, since a body can go to an overflow object and a meta cannot.
pub(crate) fn place(free: &[HeapRange], meta_len: usize, body_len: usize) -> Placement {
    let mut meta_alone = None;
    for (i, range) in free.iter().enumerate() {
        let Some((meta, rest)) = range.split(meta_len) else { continue };
        let others = free.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, range)| *range);
        if let Some((body, _)) = std::iter::once(rest).chain(others).find_map(|range| range.split(body_len)) {
            return Placement { meta: Some(meta), body: Some(body) };
        }
        meta_alone.get_or_insert(meta);
    }
    Placement { meta: meta_alone, body: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Geometry, HeaderImage};

    fn range(offset: u32, len: u32) -> HeapRange {
        Geometry::parse(&HeaderImage::published_for_tests(1), 1 << 20).unwrap().heap_range(offset, len).unwrap()
    }

    #[test]
    fn both_go_into_one_range_when_it_holds_them() {
        let placed = place(&[range(0, 64)], 10, 48);
        assert_eq!(placed, Placement { meta: Some(range(0, 10)), body: Some(range(16, 48)) });
    }

    #[test]
    fn a_meta_leaves_the_range_that_only_the_body_fits() {
        let placed = place(&[range(0, 64), range(128, 8)], 8, 64);
        assert_eq!(placed, Placement { meta: Some(range(128, 8)), body: Some(range(0, 64)) });
    }

    #[test]
    fn a_body_too_long_leaves_the_meta_placed() {
        let placed = place(&[range(0, 8), range(128, 16)], 9, 64);
        assert_eq!(placed, Placement { meta: Some(range(128, 9)), body: None });
        assert_eq!(place(&[range(0, 8)], 9, 0), Placement::default());
    }

    #[test]
    fn two_ranges_never_overlap_for_any_lengths() {
        let free = [range(0, 40), range(80, 24)];
        for meta in 0..48 {
            for body in 0..48 {
                let placed = place(&free, meta, body);
                let (Some(m), Some(b)) = (placed.meta, placed.body) else { continue };
                let (m, b) = ((m.offset(), m.offset() as usize + meta), (b.offset(), b.offset() as usize + body));
                assert!(m.1 <= b.0 as usize || b.1 <= m.0 as usize || meta == 0 || body == 0, "{meta} {body}");
            }
        }
    }
}
