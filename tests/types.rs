//! `slotbus::types` beside the `types` module of the published 0.1.2 crate: every name, every value, every offset.

use std::mem::{align_of, offset_of, size_of};

use published01::types as theirs;
use slotbus::types as ours;

/// Compares values that both modules give the same name.
macro_rules! same {
    ($($name:ident),+ $(,)?) => {
        $(assert_eq!(ours::$name, theirs::$name, stringify!($name));)+
    };
}

/// Compares where a field lies and how long it is; ours may be nested.
macro_rules! same_field {
    ($struct:ident, $($($ours:ident).+ : $our_type:ty = $theirs:ident : $their_type:ty),+ $(,)?) => {
        $(
            let name = stringify!($struct.$theirs);
            let _is_the_type_of_the_field: fn(&theirs::$struct) -> &$their_type = |value| &value.$theirs;
            let _is_the_type_of_our_field: fn(&ours::$struct) -> &$our_type = |value| &value.$($ours).+;
            assert_eq!(offset_of!(ours::$struct, $($ours).+), offset_of!(theirs::$struct, $theirs), "offset of {name}");
            assert_eq!(size_of::<$our_type>(), size_of::<$their_type>(), "size of {name}");
        )+
    };
}

#[test]
fn every_constant_has_the_published_value() {
    same!(SHM_MAGIC, SHM_VERSION, SHM_HEADER_SIZE, SLOT_META_SIZE);
    same!(SLOT_FREE, SLOT_READY, SLOT_CLAIMED, SLOT_DONE, SLOT_WRITING);
    same!(METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_PATCH, METHOD_HEAD, METHOD_OPTIONS);
}

#[test]
fn every_method_code_decodes_as_published() {
    for code in 0..=u8::MAX {
        assert_eq!(ours::u8_to_method(code), theirs::u8_to_method(code), "code {code}");
    }
}

#[test]
fn every_method_name_encodes_as_published() {
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    for (code, name) in known.into_iter().enumerate() {
        assert_eq!(ours::method_to_u8(name), code as u8, "{name}");
    }
    let unknown = ["", "get", "Post", "TRACE", "CONNECT", "PURGE", "GET ", " GET", "GETS", "GE", "\0", "ÖPTIONS"];
    for name in known.into_iter().chain(unknown) {
        assert_eq!(ours::method_to_u8(name), theirs::method_to_u8(name), "{name:?}");
    }
}

#[test]
fn every_layout_is_computed_as_published() {
    let slots = [0, 1, 2, 3, 31, 32, 33, 100, 255, 256, 257, 1000];
    let sizes = [0, 1, 10, 63, 64, 65, 191, 192, 193, 4096, 65_535, 1 << 20, (1 << 20) + 12, u32::MAX as usize];
    for num_slots in slots {
        for size in sizes {
            let layout = ours::compute_layout(num_slots, size);
            assert_eq!(layout, theirs::compute_layout(num_slots, size), "{num_slots} slots in {size} bytes");
        }
    }
}

#[test]
fn every_field_of_the_header_lies_where_it_is_published() {
    assert_eq!(size_of::<ours::ShmHeader>(), size_of::<theirs::ShmHeader>());
    same_field! { ShmHeader,
        magic: ours::Seal = magic: u32,
        version: ours::FieldU32 = version: u32,
        num_slots: ours::FieldU32 = num_slots: u32,
        heap_offset: ours::FieldU32 = heap_offset: u32,
        heap_size: ours::FieldU32 = heap_size: u32,
        alloc_head: ours::BumpHead = alloc_head: std::sync::atomic::AtomicU32,
    }
}

#[test]
fn every_field_of_a_slot_lies_where_it_is_published() {
    assert_eq!(size_of::<ours::SlotMeta>(), size_of::<theirs::SlotMeta>());
    same_field! { SlotMeta,
        status: ours::StatusWord = status: std::sync::atomic::AtomicU32,
        req_id: ours::IdField = req_id: [u8; 36],
        method: ours::FieldU8 = method: u8,
        request.meta_offset: ours::FieldU32 = meta_offset: u32,
        request.meta_len: ours::FieldU16 = meta_len: u16,
        request.body_offset: ours::FieldU32 = body_offset: u32,
        request.body_len: ours::FieldU32 = body_len: u32,
        request.body_overflow: ours::FieldU8 = body_overflow: u8,
        resp_status: ours::FieldU16 = resp_status: u16,
        response.meta_offset: ours::FieldU32 = resp_meta_offset: u32,
        response.meta_len: ours::FieldU16 = resp_meta_len: u16,
        response.body_offset: ours::FieldU32 = resp_body_offset: u32,
        response.body_len: ours::FieldU32 = resp_body_len: u32,
        response.body_overflow: ours::FieldU8 = resp_body_overflow: u8,
    }
}

#[test]
fn our_fields_behind_the_published_ones_lie_in_the_reserved_bytes() {
    let behind_alloc_head = offset_of!(theirs::ShmHeader, alloc_head) + 4;
    assert_eq!(offset_of!(ours::ShmHeader, ext_magic), behind_alloc_head);
    // The last published byte of a slot, with its padding.
    let behind_resp_body_overflow = offset_of!(theirs::SlotMeta, resp_body_overflow) + 4;
    assert_eq!(offset_of!(ours::SlotMeta, ticket), behind_resp_body_overflow);
    assert!(align_of::<ours::ShmHeader>() <= 64 && align_of::<ours::SlotMeta>() <= 64, "slots start at 64");
}

fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn requests() -> Vec<ours::RequestMeta> {
    let many: Vec<_> = (0..300).map(|i| (format!("x-{}", i % 40), "v".repeat(i))).collect();
    vec![
        ours::RequestMeta::default(),
        ours::RequestMeta {
            path: "/session/abc%20123".into(),
            route_pattern: "/session/:id".into(),
            path_params: text(&[("id", "abc%20123")]),
            query: Some("a=1&b=ä".into()),
            headers: text(&[("accept", "a"), ("accept", "b"), ("", "")]),
        },
        ours::RequestMeta { query: Some(String::new()), headers: many, ..Default::default() },
    ]
}

#[test]
fn a_request_meta_has_the_published_bytes_and_is_read_from_them() {
    for meta in requests() {
        let published = theirs::RequestMeta {
            path: meta.path.clone(),
            route_pattern: meta.route_pattern.clone(),
            path_params: meta.path_params.clone(),
            query: meta.query.clone(),
            headers: meta.headers.clone(),
        };
        let bytes = postcard::to_allocvec(&published).unwrap();
        assert_eq!(postcard::to_allocvec(&meta).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<ours::RequestMeta>(&bytes).unwrap(), meta);
        let theirs::RequestMeta { path, route_pattern, path_params, query, headers } =
            postcard::from_bytes(&postcard::to_allocvec(&meta).unwrap()).unwrap();
        assert_eq!(ours::RequestMeta { path, route_pattern, path_params, query, headers }, meta);
    }
}

#[test]
fn a_response_meta_has_the_published_bytes_and_is_read_from_them() {
    for meta in requests() {
        let meta = ours::ResponseMeta { content_type: meta.path, headers: meta.headers };
        let published = theirs::ResponseMeta { content_type: meta.content_type.clone(), headers: meta.headers.clone() };
        let bytes = postcard::to_allocvec(&published).unwrap();
        assert_eq!(postcard::to_allocvec(&meta).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<ours::ResponseMeta>(&bytes).unwrap(), meta);
        let theirs::ResponseMeta { content_type, headers } =
            postcard::from_bytes(&postcard::to_allocvec(&meta).unwrap()).unwrap();
        assert_eq!(ours::ResponseMeta { content_type, headers }, meta);
    }
}
