//! Cgroup: the memory limit of the process's container, unit or slice.

use std::{
    fs,
    path::{Component, Path},
};

const MOUNT: &str = "/sys/fs/cgroup";

/// What --max-memory is at most, unless it is given.
const USUAL: usize = 256 << 20;
/// What the library needs at least.
const LEAST: usize = 4 << 20;

/// How much may be kept for peers unless --max-memory says it: 256 MiB, or a quarter of what the cgroup
/// allows if that is less. The rest is for what no account has: handlers, idle connections (2 KiB each; what
/// TLS adds is in the account), traces, the log, and what an allocator loses.
pub(crate) fn usual_memory(max_frame_size: usize) -> usize {
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    part_of(memory_limit(Path::new(MOUNT), &membership)).max(max_frame_size)
}

fn part_of(limit: Option<u64>) -> usize {
    let quarter = limit.and_then(|limit| usize::try_from(limit / 4).ok()).unwrap_or(USUAL);
    quarter.clamp(LEAST, USUAL)
}

/// The smallest limit of the cgroups that the process is in, with those above them; of version 2 or 1.
fn memory_limit(mount: &Path, membership: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        let (mount, file) = match controllers {
            "" => (mount.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (mount.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // Within a container the path may be that of the host, which is not to be seen: its own is on top.
        let path = Path::new(path.trim_start_matches('/'));
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let path = if is_plain { path } else { Path::new("") };
        path.ancestors().filter_map(|group| number(&mount.join(group).join(file))).min()
    };
    membership.lines().filter_map(of_line).min()
}

/// The number in a file. `max` is none, and version 1 has one that nobody has.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn the_smallest_limit_above_the_process_counts() {
        let mount = env::temp_dir().join(format!("spoa-cgroup-{}", process::id()));
        let write = |path: &str, text: &str| {
            let path = mount.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        };
        let limit = |membership: &str| memory_limit(&mount, membership);
        assert_eq!(limit("0::/a/b\n"), None);
        write("a/memory.max", "104857600");
        write("a/b/memory.max", "max");
        assert_eq!(limit("0::/a/b\n"), Some(100 << 20));
        write("a/b/memory.max", "1048576");
        assert_eq!(limit("0::/a/b\n"), Some(1 << 20));
        assert_eq!(limit("0::/a\n"), Some(100 << 20));

        write("memory/memory.limit_in_bytes", "67108864");
        write("memory/host/memory.limit_in_bytes", "9223372036854771712");
        assert_eq!(limit("3:cpu:/x\n4:memory,pids:/host\n0::/\n"), Some(64 << 20));
        assert_eq!(limit("4:memory:/docker/not-to-be-seen\n"), Some(64 << 20));
        assert_eq!(limit("4:memory:/../../elsewhere\n"), Some(64 << 20));
        assert_eq!(limit("no line of it"), None);
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn a_quarter_is_for_peers_and_no_more_than_usual() {
        for (limit, part) in [
            (None, USUAL),
            (Some(u64::MAX), USUAL),
            (Some(2 << 30), USUAL),
            (Some(512 << 20), 128 << 20),
            (Some(8 << 20), LEAST),
            (Some(0), LEAST),
        ] {
            assert_eq!(part_of(limit), part, "{limit:?}");
        }
    }
}
