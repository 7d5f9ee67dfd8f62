//! Headers that are taken, and headers that are refused.

use super::*;

const MAPPED: usize = 1 << 20;

fn image() -> HeaderImage {
    HeaderImage::published_for_tests(32)
}

#[test]
fn a_published_header_is_taken_as_it_is() {
    let geometry = Geometry::parse(&image(), MAPPED).unwrap();
    assert_eq!((geometry.num_slots(), geometry.version()), (32, Version::V1));
    assert_eq!((geometry.extension(), geometry.bump_start()), (None, 0));
}

#[test]
fn a_header_that_claims_too_much_is_refused_with_its_numbers() {
    let parse = |change: fn(&mut HeaderImage)| {
        let mut image = image();
        change(&mut image);
        Geometry::parse(&image, MAPPED).unwrap_err()
    };
    assert_eq!(parse(|i| i.magic = 0), GeometryError::NotReady);
    assert_eq!(parse(|i| i.magic = 7), GeometryError::Magic(7));
    assert_eq!(parse(|i| i.version = 3), GeometryError::Version(3));
    assert_eq!(parse(|i| i.num_slots = 0), GeometryError::NumSlots(0));
    assert_eq!(parse(|i| i.num_slots = 257), GeometryError::NumSlots(257));
    assert!(matches!(parse(|i| i.heap_offset = 64), GeometryError::HeapOffset { found: 64, .. }));
    assert_eq!(parse(|i| i.heap_size = 0), GeometryError::NoHeap);
    assert!(matches!(parse(|i| i.heap_size += 1), GeometryError::HeapSize { .. }));
    assert!(matches!(parse(|i| i.heap_size = u32::MAX), GeometryError::HeapSize { .. }));
    assert!(matches!(
        parse(|i| (i.ext_magic, i.features, i.epoch, i.arena_size) = (EXT_MAGIC, Features::ARENAS.bits(), 1, 1 << 20)),
        GeometryError::Arenas { .. }
    ));
}

#[test]
fn a_wrapping_range_is_outside_the_heap() {
    let geometry = Geometry::parse(&image(), MAPPED).unwrap();
    let size = geometry.heap_size() as u32;
    assert!(geometry.heap_range(u32::MAX, 2).is_err());
    assert!(geometry.heap_range(size - 1, 2).is_err());
    assert!(geometry.heap_range(size, 1).is_err());
    assert_eq!(geometry.heap_range(size, 0).unwrap().len(), 0);
    assert_eq!(
        geometry.heap_range(size - 8, 9).unwrap_err().to_string(),
        format!("range {}..{} exceeds the heap of {size} bytes", size - 8, size + 1)
    );
}

#[cfg(not(sanitized))]
#[test]
fn version_2_arenas_lie_where_the_published_crate_puts_them() {
    let mut image = image();
    image.version = 2;
    let geometry = Geometry::parse(&image, MAPPED).unwrap();
    let heap = geometry.heap_size();
    for slot in geometry.slots() {
        let ((request, request_len), (response, response_len)) = published02::types::slot_arenas(slot.get(), 32, heap);
        let arena = geometry.arena(slot).unwrap();
        assert_eq!((arena.request.offset() as usize, arena.request.len()), (request, request_len));
        assert_eq!((arena.response.offset() as usize, arena.response.len()), (response, response_len));
    }
}

#[test]
fn the_last_arena_of_every_region_ends_inside_the_heap() {
    for num_slots in [1, 3, 32, 255, 256] {
        let (offset, size) = compute_layout(num_slots, MAPPED + 12);
        let mut image = image();
        (image.version, image.num_slots) = (2, num_slots as u32);
        (image.heap_offset, image.heap_size) = (offset as u32, size as u32);
        let geometry = Geometry::parse(&image, MAPPED + 12).unwrap();
        let response = geometry.arena(geometry.slots().next_back().unwrap()).unwrap().response;
        assert!(geometry.heap_range(response.offset(), response.len() as u32).is_ok(), "{num_slots} slots");
    }
}
