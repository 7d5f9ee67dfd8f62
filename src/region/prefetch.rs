//! Lines of shared memory that are asked for before they are used: each has to come from the other side's cache, 80 to 140 ns
//! away, and many come in the time of one.
//!
//! A line that is written has to be this core's alone. The stores of a message would wait for all of its lines when the word that
//! announces it is exchanged; so they are asked for while the message is made.

use crate::protocol::{HeapRange, SlotIndex};

use super::Region;

/// Lines that a usual meta takes.
const META_LINES: usize = 6;
/// Lines that a short response takes, its body included.
const SHORT_RESPONSE_LINES: usize = 2;

impl Region {
    /// Asks for the memory where a request of this slot most likely lies, so that it is on its way while the slot's own fields
    /// are read.
    pub(crate) fn prefetch_request(&self, slot: SlotIndex) {
        if let Some(arena) = self.geometry.arena(slot) {
            self.each_line(arena.request, META_LINES, prefetch);
        }
    }

    /// As `prefetch_request`, for the response.
    pub(crate) fn prefetch_response(&self, slot: SlotIndex) {
        if let Some(arena) = self.geometry.arena(slot) {
            self.each_line(arena.response, META_LINES, prefetch);
        }
    }

    /// Asks for the memory that a request of this slot is to be written to.
    pub(crate) fn prefetch_request_to_write(&self, slot: SlotIndex) {
        if let Some(arena) = self.geometry.arena(slot) {
            self.prefetch_fields_to_write(slot);
            self.each_line(arena.request, META_LINES, prefetch_to_write);
        }
    }

    /// As `prefetch_request_to_write`, for the response.
    pub(crate) fn prefetch_response_to_write(&self, slot: SlotIndex) {
        if let Some(arena) = self.geometry.arena(slot) {
            self.prefetch_fields_to_write(slot);
            self.each_line(arena.response, SHORT_RESPONSE_LINES, prefetch_to_write);
        }
    }

    /// The second line of a slot; the first has its status, which whoever writes has just exchanged.
    fn prefetch_fields_to_write(&self, slot: SlotIndex) {
        prefetch_to_write(std::ptr::from_ref(&self.slot(slot).ticket).cast());
    }

    fn each_line(&self, range: HeapRange, most: usize, ask: impl Fn(*const u8)) {
        const LINE: usize = 64;
        let start = self.heap_ptr(range);
        (0..most.min(range.len() / LINE)).for_each(|line| ask(start.wrapping_add(line * LINE)));
    }
}

#[cfg(target_arch = "x86_64")]
fn prefetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: SSE is part of x86_64; a prefetch reads nothing and faults on no address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

/// There is an intrinsic for it, which becomes `prefetcht0` unless the whole crate is compiled for a newer processor.
#[cfg(target_arch = "x86_64")]
fn prefetch_to_write(address: *const u8) {
    // Every processor with SSE 4.2 knows the instruction, the oldest of them as one that does nothing.
    if std::arch::is_x86_feature_detected!("sse4.2") {
        // SAFETY: the line above; a prefetch changes no memory, register or flag and faults on no address.
        unsafe { std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly)) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn prefetch(_: *const u8) {}

#[cfg(not(target_arch = "x86_64"))]
fn prefetch_to_write(_: *const u8) {}
