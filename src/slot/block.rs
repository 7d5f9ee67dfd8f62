//! The private block that a message is copied into.
//!
//! A short one goes into the block that its thread used last: behind the one before it, or to the start again once nobody holds a part of
//! the block, or else into a new one. So a message whose parts are dropped in time asks for no memory. Who keeps a part, a header's
//! value or a body, keeps its block: up to [`LONGEST`] bytes.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// In bytes. A longer message has a block of its own length.
const LONGEST: usize = 2048;
/// Blocks of short messages are multiples of this, in bytes: most that are a little longer have room too.
const STEP: usize = 512;

thread_local! {
    /// The block that was used last.
    static SPARE: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// A block of the `len` bytes that `copy` appends.
#[inline]
pub(super) fn block(len: usize, copy: impl FnOnce(&mut BytesMut)) -> Bytes {
    if len > LONGEST {
        let mut block = BytesMut::with_capacity(len);
        copy(&mut block);
        return block.freeze();
    }
    let mut block = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    if !block.try_reclaim(len) {
        block = BytesMut::with_capacity(len.next_multiple_of(STEP));
    }
    copy(&mut block);
    let message = block.split().freeze();
    let _ = SPARE.try_with(|spare| spare.set(Some(block)));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(byte: u8, len: usize) -> Bytes {
        let message = block(len, |block| block.resize(len, byte));
        assert!(message.len() == len && message.iter().all(|&b| b == byte));
        message
    }

    fn address(message: &Bytes) -> usize {
        message.as_ptr() as usize
    }

    #[test]
    fn messages_that_nobody_has_a_part_of_any_more_share_a_block() {
        let first = address(&message(1, 300));
        assert_eq!([300, 512, 300].map(|len| address(&message(2, len))), [first; 3]);
        for len in [100, 1, 0, 400, 512] {
            assert!((first..first + STEP).contains(&address(&message(3, len))), "{len}");
        }
        let longer = address(&message(4, 513));
        assert_eq!([1024, 600].map(|len| address(&message(5, len))), [longer; 2]);
    }

    #[test]
    fn a_part_that_is_kept_is_left_alone_by_all_that_come() {
        let kept: Vec<_> = (0..100).map(|i| message(i, 30 * usize::from(i)).slice(usize::from(i)..)).collect();
        for (i, part) in (0..).zip(kept) {
            assert!(part.len() == 29 * usize::from(i) && part.iter().all(|&b| b == i), "{i}");
        }
    }

    #[test]
    fn who_keeps_a_part_keeps_no_more_than_the_longest_block() {
        for len in [1, 511, 513, LONGEST, LONGEST + 1, 1 << 20, 7] {
            drop(message(1, len));
            // Nobody else has a part of it: all of it could be used.
            let mut spare = SPARE.take().expect("the next one's");
            assert!(!spare.try_reclaim(LONGEST + 1), "{} bytes after {len}", spare.capacity());
            SPARE.set(Some(spare));
        }
    }

    #[test]
    fn a_block_whose_copy_fails_is_dropped_alone() {
        let kept = message(1, 10);
        assert!(std::panic::catch_unwind(|| block(10, |_| panic!("a bug"))).is_err());
        assert_eq!(kept, [1; 10][..]);
        assert!(SPARE.take().is_none());
        message(2, 10);
    }
}
