//! What a bus has in `/dev/shm`, and what of it this process has mapped.

use std::collections::BTreeSet;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

/// The inodes of the objects of the bus called `name` for bodies: those of `kind` (`req` or `rsp`).
pub(crate) fn objects(name: &str, kind: &str) -> BTreeSet<u64> {
    let prefix = format!("slotbus-{name}-{kind}-");
    let entries = std::fs::read_dir("/dev/shm").unwrap().flatten();
    let of_bus = entries.filter(|entry| entry.file_name().to_str().is_some_and(|found| found.starts_with(&prefix)));
    // One that goes meanwhile is none.
    of_bus.filter_map(|entry| Some(entry.metadata().ok()?.ino())).collect()
}

/// The inodes of the region of the bus called `name`.
pub(crate) fn region(name: &str) -> BTreeSet<u64> {
    std::fs::metadata(format!("/dev/shm/slotbus-{name}")).into_iter().map(|found| found.ino()).collect()
}

/// Where this process has these inodes mapped.
pub(crate) fn mappings(of: &BTreeSet<u64>) -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let parse = |line: &str| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let inode = fields.nth(3)?.parse::<u64>().ok()?;
        // Inodes are small numbers there, and others have them too.
        fields.next().filter(|path| path.starts_with("/dev/shm/"))?;
        let [start, end] = [start, end].map(|address| usize::from_str_radix(address, 16).unwrap());
        of.contains(&inode).then_some(start..end)
    };
    maps.lines().filter_map(parse).collect()
}

/// Whether `bytes` lie in one of these inodes, and not in memory of their own.
pub(crate) fn lie_in(bytes: &[u8], of: &BTreeSet<u64>) -> bool {
    mappings(of).iter().any(|mapping| mapping.contains(&(bytes.as_ptr() as usize)))
}
