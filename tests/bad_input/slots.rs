//! A hub that writes what no hub should.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use published01::events::NamedEvent;
use published01::region::{ShmRegion, read_response};
use published01::types as wire;
use published01::{SlotBus, SlotBusConfig};

use crate::bus::{Bus, GIVE_UP, Worker};

/// A good request's meta.
pub(crate) fn meta() -> wire::RequestMeta {
    let (path, route_pattern) = ("/".into(), String::new());
    wire::RequestMeta { path, route_pattern, path_params: Vec::new(), query: None, headers: Vec::new() }
}

/// What a hand-written hub puts into a slot.
struct Written {
    id: [u8; 36],
    method: u8,
    /// Offset, length and bytes.
    meta: (u32, u16, Vec<u8>),
    body: (u32, u32, u8),
}

impl Written {
    /// A good request, but for its meta.
    fn with_meta(meta: &wire::RequestMeta) -> Self {
        Self::with_bytes(postcard::to_allocvec(meta).unwrap())
    }

    fn with_bytes(meta: Vec<u8>) -> Self {
        let mut id = [0; 36];
        id[..4].copy_from_slice(b"id-1");
        // A meta too long for its 16-bit length is cut off, as the published hub does.
        Self { id, method: wire::METHOD_POST, meta: (0, meta.len() as u16, meta), body: (0, 0, 0) }
    }
}

/// A hub that writes its slots byte by byte, through the region's file.
struct HandWritten {
    bus: Bus,
    config: SlotBusConfig,
    published: SlotBus,
    file: fs::File,
    region: ShmRegion,
    responses: NamedEvent,
    requests: NamedEvent,
}

impl HandWritten {
    /// Not one the published hub chooses while others are free.
    const SLOT: usize = 31;
    const OFFSET: u64 = (wire::SHM_HEADER_SIZE + Self::SLOT * wire::SLOT_META_SIZE) as u64;

    fn new() -> Self {
        let bus = Bus::new("hand");
        let config = SlotBusConfig::builder().name(&bus.name).build();
        let published = SlotBus::create(config.clone()).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(bus.object()).unwrap();
        // Answers that do not fit over their request go behind what is written here.
        file.write_all_at(&500_000_u32.to_le_bytes(), 20).unwrap();
        let mut region = ShmRegion::open(&config.region_name()).unwrap();
        region.validate_control().unwrap();
        let requests = NamedEvent::open(&config.request_event_name()).unwrap();
        let responses = NamedEvent::open(&config.response_event_name()).unwrap();
        Self { bus, config, published, file, region, responses, requests }
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, Self::OFFSET + at).unwrap();
    }

    fn status(&self) -> u32 {
        let mut word = [0; 4];
        self.file.read_exact_at(&mut word, Self::OFFSET).unwrap();
        u32::from_le_bytes(word)
    }

    /// Sends what is `written`; the status and body of the answer.
    fn call(&self, written: &Written) -> (u16, String) {
        let (heap_offset, _) = wire::compute_layout(self.config.num_slots, self.config.region_size);
        let Written { id, method, meta: (meta_offset, meta_len, meta), body: (body_offset, body_len, overflow) } =
            written;
        self.file.write_all_at(meta, heap_offset as u64).unwrap();
        self.put(4, id);
        self.put(40, &[*method]);
        self.put(44, &meta_offset.to_le_bytes());
        self.put(48, &meta_len.to_le_bytes());
        self.put(52, &body_offset.to_le_bytes());
        self.put(56, &body_len.to_le_bytes());
        self.put(60, &[*overflow]);
        self.put(0, &wire::SLOT_READY.to_le_bytes());
        self.requests.signal();
        while self.status() != wire::SLOT_DONE {
            assert!(self.responses.wait_timeout(GIVE_UP.as_millis() as u32), "no answer, status {}", self.status());
        }
        let (status, _, body) = read_response(&self.region, Self::SLOT, &self.config).unwrap();
        self.put(0, &wire::SLOT_FREE.to_le_bytes());
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_a_slot_is_answered_with_what_is_wrong_and_the_next_request_is_served() {
    let hub = Arc::new(HandWritten::new());
    let worker = Worker::start(&hub.bus);
    let call = |written: Written| {
        let hub = Arc::clone(&hub);
        async move { tokio::task::spawn_blocking(move || hub.call(&written)).await.unwrap() }
    };
    let headers = |count: usize| vec![(String::new(), String::new()); count];
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let heap_size = wire::compute_layout(32, 1 << 20).1 as u32;
    let good = || Written::with_meta(&meta());

    let many = Written::with_meta(&wire::RequestMeta { headers: headers(32_000), ..meta() });
    let cut = Written::with_meta(&wire::RequestMeta { headers: headers(60_000), ..meta() });
    let name = Written::with_meta(&wire::RequestMeta { headers: header("bad name", ""), ..meta() });
    let value = Written::with_meta(&wire::RequestMeta { headers: header("x", "a\r\nb"), ..meta() });
    let path = Written::with_meta(&wire::RequestMeta { path: "no path".into(), ..meta() });
    let cases = [
        ("32,000 empty headers", many, 431, "32000 headers"),
        ("60,000 empty headers, cut at 16 bits", cut, 400, "postcard"),
        ("a header name that http forbids", name, 400, "bad name"),
        ("a header value that http forbids", value, 400, "header x"),
        ("a path that is none", path, 400, "no path"),
        ("no postcard", Written::with_bytes(vec![0xff; 40]), 400, "postcard"),
        ("no utf-8 in the path", Written::with_bytes(b"\x02/\xfe\0\0\0\0".to_vec()), 400, "no request target"),
        ("no utf-8 in the query", Written::with_bytes(b"\x01/\0\0\x01\x01\xfe\0".to_vec()), 400, "no request target"),
        ("no utf-8 in the pattern", Written::with_bytes(b"\x01/\x01\xfe\0\0\0".to_vec()), 400, "postcard"),
        ("no meta", Written::with_bytes(Vec::new()), 400, "postcard"),
        ("no id", Written { id: [0; 36], ..good() }, 400, "id"),
        ("an id that is no text", Written { id: [0x80; 36], ..good() }, 400, "id"),
        ("an unknown method", Written { method: 7, ..good() }, 501, "method code 7"),
        ("a meta past the heap", Written { meta: (heap_size, 1, Vec::new()), ..good() }, 400, "exceeds the heap"),
        ("a meta that wraps", Written { meta: (u32::MAX, 9, Vec::new()), ..good() }, 400, "exceeds the heap"),
        ("a body past the heap", Written { body: (heap_size - 8, 9, 0), ..good() }, 400, "exceeds the heap"),
        ("a body that wraps", Written { body: (8, u32::MAX, 0), ..good() }, 400, "exceeds the heap"),
        ("a body longer than the limit", Written { body: (0, u32::MAX, 1), ..good() }, 413, "exceeds the limit"),
        ("a body that is not there", Written { body: (0, 9, 1), ..good() }, 500, "could not be read"),
    ];
    for (what, written, status, says) in cases {
        let answer = call(written).await;
        assert_eq!(answer.0, status, "{what}: {answer:?}");
        assert!(answer.1.contains(says), "{what}: {answer:?} does not say {says:?}");
        assert_eq!(call(good()).await, (200, String::new()), "the request after {what}");
    }

    let _watcher = hub.published.start_response_watcher();
    let answer = hub.published.dispatch("id-2", "POST", &meta(), b"served").unwrap().await.unwrap();
    assert_eq!((answer.status, answer.body), (200, b"served".to_vec()));
    worker.stop().await;
}
