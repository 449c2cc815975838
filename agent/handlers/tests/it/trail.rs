//! Trails: what is written, where it goes when a file is full, renamed, or on a full disk.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    time::Duration,
};

use spoa_handlers::trail::{RotatedFile, Rotation, Sink, Trail, TrailCounts};
use tempfile::tempdir;

/// The longest that a test may take.
const LONG: Duration = Duration::from_secs(20);

fn file(path: &Path, rotation: Option<Rotation>) -> Trail {
    Trail::start(RotatedFile::new(path, rotation).unwrap(), 1 << 20).unwrap()
}

fn push(trail: &Trail, line: &str) {
    trail.push(format!("{line}\n").as_bytes());
    assert!(trail.flush_within(LONG));
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn lines_are_appended_and_others_cannot_read_them() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    push(&file(&path, None), "one");
    push(&file(&path, None), "two");
    assert_eq!(text(&path), "one\ntwo\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
}

#[test]
fn a_file_that_is_full_gets_a_number_and_the_oldest_goes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = file(&path, Some(Rotation { size: 10, files: 2 }));
    // Whatever comes at once, no line is cut, and no file is larger than it may be.
    trail.push(b"a1\na2\na3\nb1\n");
    assert!(trail.flush_within(LONG));
    for line in ["b2", "b3", "c1", "c2", "c3", "d1"] {
        push(&trail, line);
    }
    let beside = |number: u32| folder.path().join(format!("audit.jsonl.{number}"));
    assert_eq!(text(&path), "d1\n");
    assert_eq!(text(&beside(1)), "c1\nc2\nc3\n");
    assert_eq!(text(&beside(2)), "b1\nb2\nb3\n");
    assert!(!beside(3).exists());
    push(&trail, "a line that is longer than a file");
    assert_eq!(
        (text(&path), text(&beside(1))),
        ("a line that is longer than a file\n".to_owned(), "d1\n".to_owned())
    );
    assert_eq!(trail.counts(), TrailCounts { written: 11, full: 0, failed: 0 });
}

#[test]
fn a_file_that_was_renamed_or_removed_is_opened_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = file(&path, None);
    push(&trail, "one");
    fs::rename(&path, folder.path().join("old")).unwrap();
    push(&trail, "two");
    assert_eq!(
        (text(&folder.path().join("old")).as_str(), text(&path).as_str()),
        ("one\n", "two\n")
    );
    fs::remove_file(&path).unwrap();
    push(&trail, "three");
    assert_eq!(text(&path), "three\n");
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempdir().unwrap();
    assert!(RotatedFile::new(folder.path(), None).is_err());
    assert!(RotatedFile::new("/dev/full", None).is_err());
    assert!(RotatedFile::new(folder.path().join("no/such/folder"), None).is_err());
    // Whoever only looks whether it could be written leaves nothing there.
    let path = folder.path().join("audit.jsonl");
    assert!(RotatedFile::new(&path, None).is_ok() && !path.exists());
}

/// A disk that is full until there is room.
struct Disk {
    rooms: Receiver<usize>,
    room: usize,
    written: Sender<Vec<u8>>,
}

impl Sink for Disk {
    fn name(&self) -> String {
        "a disk".to_owned()
    }

    fn write(&mut self, lines: &[u8], written: &mut usize) -> io::Result<()> {
        self.room += self.rooms.try_iter().sum::<usize>();
        for line in lines[*written..].split_inclusive(|&byte| byte == b'\n') {
            self.room = self.room.checked_sub(line.len()).ok_or(io::ErrorKind::StorageFull)?;
            self.written.send(line.to_vec()).unwrap();
            *written += line.len();
        }
        Ok(())
    }
}

fn disk(size: usize) -> (Trail, Sender<usize>, Receiver<Vec<u8>>) {
    let ((make, rooms), (written, read)) = (mpsc::channel(), mpsc::channel());
    (Trail::start(Disk { rooms, room: 0, written }, size).unwrap(), make, read)
}

#[test]
fn on_a_full_disk_lines_wait_for_room_and_what_does_not_fit_is_counted() {
    let (trail, make, read) = disk(1 << 10);
    let line = [b'x'; 99].into_iter().chain([b'\n']).collect::<Vec<_>>();
    for _ in 0..1_000 {
        trail.push(&line);
    }
    let full = trail.counts().full;
    // One batch is on its way, and another waits.
    assert!((980..=990).contains(&full), "{full}");
    make.send(1 << 20).unwrap();
    assert!(trail.flush_within(LONG));
    assert_eq!(read.try_iter().count() as u64, 1_000 - full);
    assert_eq!(trail.counts(), TrailCounts { written: 1_000 - full, full, failed: 0 });
}

#[test]
fn what_cannot_be_written_at_the_end_is_counted_and_nobody_waits_for_it() {
    let (trail, make, read) = disk(1 << 10);
    make.send(4).unwrap();
    trail.push(b"one\ntwo\n");
    assert_eq!(read.recv_timeout(LONG).unwrap(), b"one\n");
    drop(trail);
    // The thread had the sender.
    assert_eq!(read.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
}
