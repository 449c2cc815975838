//! Files that change in all the ways in which operators and orchestrators change them.

use std::{
    fs,
    io::Write,
    net::IpAddr,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant, SystemTime},
};

use rustix::time::{ClockId, clock_gettime};
use spoa_handlers::{
    data::{
        BadLines, DataError, Files, Followed, IpList, Load, Loaded, OnBadLines, RowsFile, Source,
    },
    table::IpSet,
};
use tempfile::tempdir;

use super::{source, until};

fn open(source: Source) -> Result<Followed<IpSet>, DataError> {
    Followed::open(source, IpList::default())
}

fn has(list: &Followed<IpSet>, address: &str) -> bool {
    let address: IpAddr = address.parse().unwrap();
    list.current().table().is_some_and(|table| table.get(address).is_some())
}

/// Writes another file, and gives it the name of the old one.
fn rename_over(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

#[test]
fn a_file_that_is_renamed_over_or_written_in_place_is_read_again() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    fs::write(&file, "192.0.2.1\n").unwrap();
    let list = open(source(&file)).unwrap();
    assert!(has(&list, "192.0.2.1"));
    for round in 2..5 {
        let address = format!("192.0.2.{round}");
        rename_over(&file, &format!("{address}\n"));
        until("a rename is seen", || has(&list, &address));
        let address = format!("198.51.100.{round}");
        fs::write(&file, format!("{address}\n")).unwrap();
        until("a change in place is seen", || has(&list, &address));
    }
    fs::remove_file(&file).unwrap();
    until("the file is missed", || !list.state().is_up);
    assert!(has(&list, "198.51.100.4"), "the last good list stays in use");
    until("it is stale", || list.is_stale());
    fs::write(&file, "203.0.113.1\n").unwrap();
    until("the file is there again", || has(&list, "203.0.113.1"));
    until("it is not stale any more", || list.state().is_up && !list.is_stale());
    assert_eq!(list.state().last_error, None);
}

#[test]
fn a_config_map_swaps_a_link_above_the_file() {
    let folder = tempdir().unwrap();
    let version = |name: &str, text: &str| {
        let version = folder.path().join(name);
        fs::create_dir(&version).unwrap();
        fs::write(version.join("list.netset"), text).unwrap();
        symlink(&version, folder.path().join("..new")).unwrap();
        fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
    };
    version("..2026_1", "192.0.2.1\n");
    symlink("..data/list.netset", folder.path().join("list.netset")).unwrap();
    let list = open(source(&folder.path().join("*"))).unwrap();
    assert!(has(&list, "192.0.2.1"));
    for round in 2..5 {
        let address = format!("192.0.2.{round}");
        version(&format!("..2026_{round}"), &format!("{address}\n"));
        until("the swap is seen", || has(&list, &address));
    }
    assert_eq!(list.state().failures, 0);
}

#[test]
fn a_file_that_is_still_being_written_is_not_read() {
    let every = Duration::from_millis(200);
    // If this thread stands still for two looks, the file is settled: then once more.
    for _ in 0..20 {
        let folder = tempdir().unwrap();
        let file = folder.path().join("list.netset");
        fs::write(&file, "192.0.2.1\n").unwrap();
        let mut source = source(&file);
        source.every = every;
        let list = open(source).unwrap();
        let mut written = fs::File::create(&file).unwrap();
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        for number in 0..100 {
            writeln!(written, "198.51.100.{number}").unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
            thread::sleep(Duration::from_millis(8));
        }
        let loads = list.state().loads;
        if longest.max(last.elapsed()) < every / 2 {
            assert_eq!(loads, 1);
            until("it is read as a whole", || list.state().entries == 100);
            return;
        }
    }
    panic!("this thread stood still in each of 20 rounds");
}

#[test]
fn files_of_a_pattern_come_and_go() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a.netset"), "192.0.2.1\n").unwrap();
    fs::write(folder.path().join(".hidden.netset"), "203.0.113.1\n").unwrap();
    let list = open(source(&folder.path().join("*.netset"))).unwrap();
    assert!(has(&list, "192.0.2.1") && !has(&list, "203.0.113.1"));
    fs::write(folder.path().join("b.netset"), "198.51.100.1\n").unwrap();
    until("the second file is read", || has(&list, "198.51.100.1"));
    assert!(has(&list, "192.0.2.1"));
    fs::remove_file(folder.path().join("a.netset")).unwrap();
    until("the first file has gone", || !has(&list, "192.0.2.1"));
    assert!(has(&list, "198.51.100.1"));
}

#[test]
fn a_list_that_lost_more_than_half_is_not_believed_unless_by_force() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    let text: String = (0..100).map(|number| format!("192.0.2.{number}\n")).collect();
    fs::write(&file, &text).unwrap();
    let list = open(source(&file)).unwrap();
    fs::write(&file, &text[..text.len() / 4]).unwrap();
    until("the loss is seen", || !list.state().is_up);
    let error = list.state().last_error.unwrap();
    assert!(error.contains("instead of 100, a loss of more than 50 %"), "{error}");
    assert!(has(&list, "192.0.2.99"), "the last good list stays in use");
    until("it is stale", || list.is_stale());
    assert!(matches!(list.reload(false), Err(DataError::Shrunk { before: 100, .. })));
    list.reload(true).unwrap();
    assert!(!has(&list, "192.0.2.99") && has(&list, "192.0.2.1") && !list.is_stale());
}

#[test]
fn a_list_with_too_few_entries_is_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    fs::write(&file, "192.0.2.1\n").unwrap();
    let mut source = source(&file);
    source.min_entries = 2;
    assert!(matches!(open(source.clone()), Err(DataError::TooFew { entries: 1, least: 2 })));
    fs::write(&file, "").unwrap();
    assert!(open(source).is_err());
}

#[test]
fn without_its_file_a_source_is_an_error_unless_it_is_optional() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    let error = open(source(&file)).unwrap_err().to_string();
    let expected =
        format!("no file matches {}: put one there, or set `optional = true`", file.display());
    assert_eq!(error, expected);
    let pattern = folder.path().join("*.netset");
    assert!(matches!(open(source(&pattern)), Err(DataError::Missing { .. })));
    for path in [&file, &pattern] {
        let mut optional = source(path);
        optional.optional = true;
        let list = open(optional).unwrap();
        assert!(list.current().table().is_none() && !list.state().is_up && !list.is_stale());
        fs::write(&file, "192.0.2.1\n").unwrap();
        until("the file has come", || has(&list, "192.0.2.1"));
        fs::remove_file(&file).unwrap();
    }
    assert!(matches!(open(source(Path::new("/etc/***"))), Err(DataError::Pattern { .. })));
}

#[test]
fn bad_lines_are_reported_with_their_places_or_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    let text: String = (0..30).map(|number| format!("bad{number}\n192.0.2.{number}\n")).collect();
    fs::write(&file, text).unwrap();
    let list = open(source(&file)).unwrap();
    let state = list.state();
    assert_eq!((state.entries, state.bad_lines, state.first_bad_lines.len()), (30, 30, 10));
    let last = state.first_bad_lines.last().unwrap().to_string();
    let expected = format!("{}:19: expected an address, a prefix", file.display());
    assert!(last.starts_with(&expected), "{last}");
    let mut strict = source(&file);
    strict.bad_lines = OnBadLines::Refuse;
    let error = open(strict).unwrap_err().to_string();
    assert!(error.contains("bad lines (30), the first is") && error.contains(":1: "), "{error}");
}

#[test]
fn what_is_no_regular_file_or_too_large_is_not_read() {
    let folder = tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).unwrap();
    for path in [fifo.as_path(), Path::new("/dev/zero"), folder.path()] {
        let error = open(source(path)).unwrap_err().to_string();
        assert_eq!(error, format!("{}: it is not a regular file", path.display()));
    }
    let file = folder.path().join("list.netset");
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let mut bounded = source(&file);
    bounded.max_size = 1_000;
    let error = open(bounded.clone()).unwrap_err().to_string();
    assert!(error.ends_with("more than 1000 bytes together: raise `max_size`"), "{error}");
    // All files together.
    fs::write(&file, "#".repeat(600)).unwrap();
    let second = folder.path().join("second.netset");
    fs::write(&second, "#".repeat(600)).unwrap();
    bounded.files.push(second.display().to_string());
    assert!(matches!(open(bounded), Err(DataError::TooLarge { .. })));
}

#[test]
fn more_entries_than_there_may_be_are_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.csv");
    // Two prefixes, and in the other table two rows.
    fs::write(&file, "ip\n192.0.2.1-192.0.2.2\n198.51.100.1\n").unwrap();
    let mut bounded = source(&file);
    bounded.max_entries = 1;
    let expected = format!("{}: more than 1 entries: raise `max_entries`", file.display());
    assert_eq!(open(bounded.clone()).unwrap_err().to_string(), expected);
    let rows = Followed::open(bounded.clone(), RowsFile::new(["ip"]));
    assert_eq!(rows.unwrap_err().to_string(), expected);
    bounded.max_entries = 3;
    assert!(open(bounded).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_tried_again_though_it_does_not_change() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    let watched = Followed::open(source(&file), Failing::default()).unwrap();
    fs::write(&file, "22").unwrap();
    until("it has failed thrice, and is read", || {
        watched.state().is_up && watched.state().loads == 2
    });
    assert_eq!(watched.state().failures, 3);
}

/// A disk that fails thrice after the first time.
#[derive(Default)]
struct Failing(AtomicU64);

impl Load for Failing {
    type Table = ();

    fn load(&self, files: &mut Files, _: &mut BadLines) -> Result<Loaded<()>, DataError> {
        let path = files.next().unwrap()?.path;
        if (1..4).contains(&self.0.fetch_add(1, Ordering::Relaxed)) {
            return Err(DataError::Read { path, cause: std::io::Error::other("as told") });
        }
        Ok(Loaded { table: (), entries: 1, bytes: 0 })
    }
}

#[test]
fn a_fifo_in_place_of_the_file_leaves_the_last_list_in_use() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    fs::write(&file, "192.0.2.1\n").unwrap();
    let list = open(source(&file)).unwrap();
    fs::remove_file(&file).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, mode).unwrap();
    let is_refused = || list.state().last_error.is_some_and(|error| error.contains("regular"));
    until("it is refused", is_refused);
    assert!(has(&list, "192.0.2.1"));
}

#[test]
fn data_is_stale_when_it_is_older_than_it_may_be() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    fs::write(&file, "192.0.2.1\n").unwrap();
    let day = Duration::from_secs(86_400);
    fs::File::open(&file).unwrap().set_modified(SystemTime::now() - 2 * day).unwrap();
    let mut source = source(&file);
    source.max_age = Some(day);
    let list = open(source).unwrap();
    assert!(list.is_stale() && list.state().is_up);
    assert!(list.state().age(SystemTime::now()).unwrap() > day);
    rename_over(&file, "192.0.2.1\n");
    until("the new file is not stale", || !list.is_stale());
}

/// Says which thread it was dropped on.
struct Watched(Arc<std::sync::Mutex<Vec<ThreadId>>>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

struct Watching(Arc<std::sync::Mutex<Vec<ThreadId>>>);

impl Load for Watching {
    type Table = Watched;

    fn load(&self, files: &mut Files, _: &mut BadLines) -> Result<Loaded<Watched>, DataError> {
        let contents = files.next().unwrap()?;
        assert!(contents.bytes != b"panic", "as told");
        Ok(Loaded { table: Watched(Arc::clone(&self.0)), entries: contents.bytes.len(), bytes: 0 })
    }
}

#[test]
fn a_table_that_was_replaced_is_freed_by_the_thread_that_follows_the_files() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    let freed = Arc::default();
    let watched = Followed::open(source(&file), Watching(Arc::clone(&freed))).unwrap();
    let held = watched.current();
    for _ in 0..3 {
        watched.reload(true).unwrap();
    }
    until("two are freed", || freed.lock().unwrap().len() == 2);
    // Long enough for a look or two.
    thread::sleep(Duration::from_millis(50));
    assert_eq!(freed.lock().unwrap().len(), 2, "one is still looked at");
    drop(held);
    until("it is freed", || freed.lock().unwrap().len() == 3);
    drop(watched.clone());
    drop(watched);
    until("the last one is freed with the thread", || freed.lock().unwrap().len() == 4);
    assert!(!freed.lock().unwrap().contains(&thread::current().id()));
}

#[test]
fn a_reader_that_panics_leaves_the_last_table_in_use() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    let watched = Followed::open(source(&file), Watching(Arc::default())).unwrap();
    fs::write(&file, "panic").unwrap();
    until("it has panicked", || !watched.state().is_up);
    assert!(watched.current().table().is_some());
    fs::write(&file, "fine").unwrap();
    until("it is read again", || watched.state().is_up);
}

#[test]
fn the_thread_ends_with_the_last_clone() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    let freed: Arc<std::sync::Mutex<Vec<ThreadId>>> = Arc::default();
    let alive: Weak<_> = Arc::downgrade(&freed);
    let mut slow = source(&file);
    slow.every = Duration::from_secs(3_600);
    drop(Followed::open(slow, Watching(freed)).unwrap());
    until("all is freed", || alive.strong_count() == 0);
}

/// How often this thread has waited for something.
fn waits() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
    line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

/// The CPU time that this thread has had, as others want the cores too.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[test]
fn nobody_waits_or_stands_for_a_millisecond_while_a_large_list_is_swapped() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("list.netset");
    let mut text = String::new();
    for number in 0..200_000_u32 {
        let [_, a, b, c] = (number * 8).to_be_bytes();
        text.push_str(&format!("10.{a}.{b}.{c}/30\n"));
    }
    fs::write(&file, text).unwrap();
    let list = open(source(&file)).unwrap();
    let (is_over, longest) = (AtomicBool::new(false), AtomicU64::new(0));
    let look = || {
        let (mut number, before) = (0_u32, waits());
        while !is_over.load(Ordering::Relaxed) {
            number = number.wrapping_add(7_919);
            let began = cpu();
            let current = list.current();
            let address = IpAddr::from(number.to_be_bytes());
            std::hint::black_box(current.table().and_then(|table| table.get(address)));
            drop(current);
            longest.fetch_max((cpu() - began).as_micros() as u64, Ordering::Relaxed);
        }
        waits() - before
    };
    let (waits, mut stood) = thread::scope(|scope| {
        let reader = scope.spawn(look);
        let swap = |_| {
            longest.store(0, Ordering::Relaxed);
            list.reload(false).unwrap();
            longest.load(Ordering::Relaxed)
        };
        let stood: Vec<_> = (0..5).map(swap).collect();
        is_over.store(true, Ordering::Relaxed);
        (reader.join().unwrap(), stood)
    });
    assert_eq!((list.state().loads, waits), (6, 0));
    // What another machine takes from this one counts as CPU time: the median is ours.
    stood.sort_unstable();
    assert!(stood[2] < 1_000, "{stood:?} microseconds");
}
