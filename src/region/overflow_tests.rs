//! Objects and views of them, without a bus.

use super::*;

const OWN: Access = Access::own();

fn name() -> String {
    format!("slotbus-test-overflow-{}", uuid::Uuid::new_v4())
}

#[test]
fn what_is_written_is_read_until_the_object_is_dropped() {
    let name = name();
    let object = OverflowObject::create(name.clone(), 5000, OWN).unwrap().unwrap();
    object.write(0, b"ab");
    object.write(2, b"c");
    assert_eq!(read_overflow(&name, 3, None, OWN).unwrap(), b"abc");
    assert!(
        object.can_hold(8160, &Folder::open()) && !object.can_hold(8161, &Folder::open()),
        "two pages were reserved, less a stamp"
    );
    drop(object);
    assert_eq!(read_overflow(&name, 3, None, OWN).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_view_holds_the_dispatch_whose_stamp_its_object_has_and_no_other() {
    let name = name();
    let dispatch = |ticket| Stamp { epoch: 1, ticket, owner: None };
    let object = OverflowObject::create(name.clone(), 5000, OWN).unwrap().unwrap();
    assert!(OverflowView::open(&name, 5000, &dispatch(1), OWN).is_err(), "nothing was written yet");
    object.stamp(dispatch(0));
    let view = OverflowView::open(&name, 5000, &dispatch(0), OWN).unwrap();
    assert!(!view.holds(5, &dispatch(1)));
    for ticket in [1, 2] {
        object.stamp(dispatch(ticket));
        object.write(0, b"again");
        assert!(view.holds(5, &dispatch(ticket)) && view.copy_out(5) == b"again");
    }
    assert!(!view.holds(5, &dispatch(1)) && !view.holds(8193, &dispatch(2)));
    drop(object);
    let second = OverflowObject::create(name.clone(), 5000, OWN).unwrap().unwrap();
    second.stamp(dispatch(3));
    assert!(!view.holds(5, &dispatch(3)), "that is in another object of this name");
}

#[test]
fn an_object_far_longer_than_its_body_is_mapped_as_far_as_it_is_read() {
    let name = name();
    let dispatch = Stamp { epoch: 1, ticket: 1, owner: None };
    let path = format!("/dev/shm/{name}");
    let file = File::create_new(&path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let size = 64 << 20;
    file.set_len(size).unwrap();
    file.write_all_at(b"short", 0).unwrap();
    let refused = OverflowView::open(&name, 5, &dispatch, OWN).map(|_| ());
    file.write_all_at(&dispatch.to_bytes(), size - Stamp::LEN as u64).unwrap();
    let taken = || std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap());
    let before = taken();
    let view = OverflowView::open(&name, 5, &dispatch, OWN);
    shm::remove(&name).unwrap();
    assert_eq!(refused.unwrap_err().to_string(), "it does not say that its body is of dispatch 1");
    let view = view.unwrap();
    assert_eq!((view.copy_out(5), view.len()), (b"short".to_vec(), 5));
    assert!(!view.holds(5, &dispatch), "its stamp is not mapped");
    assert_eq!(taken(), before, "memory was taken for holes of another's object");
}

#[test]
fn a_taken_name_is_not_adopted_and_not_removed() {
    let name = name();
    let first = OverflowObject::create(name.clone(), 1, OWN).unwrap().unwrap();
    assert!(OverflowObject::create(name.clone(), 1, OWN).unwrap().is_none());
    assert!(read_overflow(&name, 4000, None, OWN).is_ok(), "the first is still there");
    drop(first);
}

#[test]
fn an_object_shorter_than_announced_is_an_error() {
    let name = name();
    let _object = OverflowObject::create(name.clone(), 1, OWN).unwrap().unwrap();
    let error = read_overflow(&name, 4097, None, OWN).unwrap_err();
    assert_eq!(error.to_string(), "it has 4096 bytes where 4097 were announced");
}

#[test]
fn a_replaced_object_is_neither_reused_nor_removed() {
    let name = name();
    let first = OverflowObject::create(name.clone(), 1, OWN).unwrap().unwrap();
    shm::remove(&name).unwrap();
    let second = OverflowObject::create(name.clone(), 1, OWN).unwrap().unwrap();
    let folder = Folder::open();
    assert!(!first.can_hold(1, &folder));
    drop(first);
    assert!(second.can_hold(1, &folder), "the first's drop left the second alone");
}

#[test]
fn an_object_is_replaced_by_the_next_and_the_region_of_another_bus_is_not() {
    let name = name();
    let path = format!("/dev/shm/{name}");
    std::fs::write(&path, [0; 8192]).unwrap();
    drop(OverflowObject::replace(&name, 5, OWN).unwrap());
    // As a published hub whose name ends like a body's.
    let mut region = [0; 8192];
    region[std::mem::offset_of!(crate::protocol::ShmHeader, magic)..][..4]
        .copy_from_slice(&crate::protocol::SHM_MAGIC.to_le_bytes());
    std::fs::write(&path, region).unwrap();
    let refused = OverflowObject::replace(&name, 5, OWN).map(drop).map_err(|error| error.to_string());
    let kept = std::fs::read(&path).is_ok_and(|bytes| bytes == region);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(refused, Err(format!("/dev/shm/{name} is another bus: give one of the two another name")));
    assert!(kept);
}
