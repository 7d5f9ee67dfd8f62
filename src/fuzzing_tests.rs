//! A million cases for what the fuzz targets call: the same in every run, half of them valid inputs that were damaged.

use super::*;
use crate::protocol::{EXT_MAGIC, Features, RequestMeta, ResponseMeta, SHM_MAGIC, compute_layout};

/// Cases for each target.
const CASES: u64 = 200_000;

/// A generator of numbers: Marsaglia's xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `n`.
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }

    /// Up to `most` pieces of text, one behind the other.
    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.one_of(pieces)).collect()
    }

    fn pairs(&mut self, names: &[&str], values: &[&str]) -> Vec<(String, String)> {
        (0..self.below(5)).map(|_| (self.one_of(names).to_owned(), self.text(values, 3))).collect()
    }

    /// Flips, replaces, removes, repeats or cuts a few bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(5) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.one_of(&[0, 1, 0x7F, 0x80, 0xFF]),
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, bytes[at]),
                4 => bytes.truncate(at),
                _ => bytes[at] = self.next() as u8,
            }
        }
    }
}

/// Runs `target` on inputs of `make`: damaged ones, and as many times bytes of no meaning.
fn drive(seed: u64, target: impl Fn(&[u8]), make: impl Fn(&mut Random) -> Vec<u8>) {
    let mut random = Random(seed);
    for case in 0..CASES {
        let input = match case % 4 {
            0 => random.bytes(200),
            _ => {
                let mut input = make(&mut random);
                random.damage(&mut input);
                input
            }
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&input)));
        assert!(result.is_ok(), "case {case} of seed {seed}: {:?}", String::from_utf8_lossy(&input));
    }
}

const NAMES: &[&str] = &["accept", "content-length", "connection", "content-type", "X-A", "te", "host", "a b", ""];
const VALUES: &[&str] = &["0", "a/b", "close, x-a", ",", "é", "\r\n", "\u{0}", "text/plain; q=1", " "];
const PATHS: &[&str] = &["/", "a", "id", "%20", "é", "//", "*", "..", "?", "#", "files", "/a/", "-"];

fn request_meta(random: &mut Random) -> Vec<u8> {
    let meta = RequestMeta {
        path: format!("/{}", random.text(PATHS, 6)),
        route_pattern: random.text(&["/", "{id}", ":id", "a", "{*rest}"], 4),
        path_params: random.pairs(&["id", "rest", ""], PATHS),
        query: (random.below(2) == 0).then(|| random.text(&["a=b", "&", "#", "%", "é"], 4)),
        headers: random.pairs(NAMES, VALUES),
    };
    postcard::to_allocvec(&meta).unwrap()
}

fn response_meta(random: &mut Random) -> Vec<u8> {
    let meta = ResponseMeta { content_type: random.text(VALUES, 2), headers: random.pairs(NAMES, VALUES) };
    postcard::to_allocvec(&meta).unwrap()
}

/// A meta with a body behind it, as `split` takes them apart.
fn with_body(meta: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let body = random.bytes(8);
    let share = (meta.len() * 255).div_ceil((meta.len() + body.len()).max(1)) as u8;
    [vec![share], meta, body].concat()
}

/// The region of a hub with messages in its slots, and numbers that are a little wrong.
fn image(random: &mut Random) -> Vec<u8> {
    let slots = 1 + random.below(3);
    let half = 64 + 8 * random.below(16);
    let (heap_offset, _) = compute_layout(slots, 0);
    let heap_size = 2 * half * slots + 8 * random.below(64);
    let mut image = vec![0; heap_offset + heap_size];
    let mut put = |at: usize, bytes: &[u8]| {
        let end = (at + bytes.len()).min(image.len());
        image[at..end].copy_from_slice(&bytes[..end - at]);
    };
    let version = 1 + random.below(2) as u32;
    let header = [SHM_MAGIC, version, slots as u32, heap_offset as u32, heap_size as u32];
    header.iter().enumerate().for_each(|(i, word)| put(4 * i, &word.to_le_bytes()));
    if random.below(2) == 0 {
        put(24, &EXT_MAGIC.to_le_bytes());
        put(28, &Features::TICKET.with(Features::ARENAS).with(Features::LOCKS).bits().to_le_bytes());
        put(32, &1u64.to_le_bytes());
        put(60, &(2 * half as u32).to_le_bytes());
    }
    for slot in 0..slots {
        let (request, response) = (request_meta(random), response_meta(random));
        let (slot_at, arena) = (64 + 128 * slot, 2 * half * slot);
        put(slot_at, &[random.below(6) as u8, 0, 0, 0]);
        put(slot_at + 4, b"an-id");
        put(slot_at + 40, &[random.below(8) as u8]);
        put(slot_at + 64, &200u16.to_le_bytes());
        for (descriptor, meta, offset) in [(44, &request, arena), (68, &response, arena + half)] {
            put(slot_at + descriptor, &(offset as u32).to_le_bytes());
            put(slot_at + descriptor + 4, &(meta.len() as u16).to_le_bytes());
            put(slot_at + descriptor + 8, &(offset as u32 + 40).to_le_bytes());
            put(slot_at + descriptor + 12, &(random.below(40) as u32).to_le_bytes());
            put(heap_offset + offset, meta);
        }
    }
    // One number of the header or of a slot becomes one that tries the arithmetic.
    if random.below(2) == 0 {
        let edge =
            random.one_of(&[0, 1, 7, 8, u32::MAX, u32::MAX - 7, 1 << 31, heap_size as u32, heap_size as u32 - 1]);
        put(4 * random.below(heap_offset / 4), &edge.to_le_bytes());
    }
    image
}

fn patterns(random: &mut Random) -> Vec<u8> {
    const PIECES: &[&str] =
        &["/", "/", "a", "b", "{id}", ":id", "{x}", ":x", "{*rest}", "*rest", ".", "{", "}", "-", "é"];
    let path = format!("/{}", random.text(&["/", "a", "b", ".", "-", "id", "{id}", "%2F"], 8));
    let lines = (0..1 + random.below(4)).map(|_| format!("\n/{}", random.text(PIECES, 6)));
    let lines: String = lines.collect();
    (path + &lines).into_bytes()
}

#[test]
fn no_bytes_make_a_request_panic() {
    drive(1, request, |random| with_body(request_meta(random), random));
}

#[test]
fn no_bytes_make_a_response_panic() {
    drive(2, response, |random| with_body(response_meta(random), random));
}

#[test]
fn no_text_makes_a_name_leave_its_folder() {
    let take = |data: &[u8]| name(&String::from_utf8_lossy(data));
    drive(3, take, |random| {
        random.text(&["a", "worker-1", "-req-", "0", "/", "..", ".", "é", "_", "sem."], 8).into_bytes()
    });
}

#[test]
fn no_bytes_make_a_region_read_or_write_outside_of_itself() {
    drive(4, region, image);
}

#[test]
fn no_patterns_make_a_router_choose_what_the_path_is_not() {
    let take = |data: &[u8]| pattern(&String::from_utf8_lossy(data));
    drive(5, take, patterns);
}

/// The committed corpus of a target is taken too.
#[test]
fn every_file_of_the_corpus_is_taken() {
    type Target = fn(&[u8]);
    let targets: [(&str, Target); 5] = [
        ("request", request),
        ("response", response),
        ("name", |data| name(&String::from_utf8_lossy(data))),
        ("region", region),
        ("pattern", |data| pattern(&String::from_utf8_lossy(data))),
    ];
    for (folder, target) in targets {
        let seeds = std::fs::read_dir(format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let seeds: Vec<_> = seeds.map(|seed| std::fs::read(seed.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty(), "{folder} has a corpus");
        seeds.iter().for_each(|seed| target(seed));
    }
}
