//! What tells this process from every other one of the machine.

/// A number that all copies of this library in this process come to, and no other process: not one in another
/// container, which may have the same id, nor a later one of the same id. Part of the file format: copies of several
/// releases must agree on it.
///
/// Where `/proc` cannot be read, the process id alone makes it.
pub(crate) fn key() -> u64 {
    key_of(pid_namespace(), std::process::id(), start_time())
}

/// FNV-1a, 64 bits, over three little-endian numbers of 64 bits.
fn key_of(namespace: u64, pid: u32, started: u64) -> u64 {
    [namespace, u64::from(pid), started]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

/// The file number of the namespace that the process's id is of; 0 if it cannot be told.
fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// When the process was made, in the kernel's ticks since the machine's start; 0 if it cannot be told.
fn start_time() -> u64 {
    let stat = std::fs::read("/proc/self/stat").unwrap_or_default();
    parse_start_time(&stat).unwrap_or(0)
}

/// proc(5): field 22 is the start time, field 2 the program's name in parentheses, which may hold spaces and
/// parentheses itself. So fields are counted from behind the last one: the next is the third.
fn parse_start_time(stat: &[u8]) -> Option<u64> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let behind = std::str::from_utf8(stat.get(name_ends + 1..)?).ok()?;
    behind.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fork::in_a_child;

    const STAT: &str = "24189 (cat) R 24186 24186 11909 0 -1 4194304 112 0 0 0 0 0 0 0 20 0 1 0 4572310 3133440 360";

    #[test]
    fn the_start_time_is_read_whatever_the_program_is_called() {
        assert_eq!(parse_start_time(STAT.as_bytes()), Some(4_572_310));
        for name in ["a b", "a) R 1 (b", "))", "", "\u{e9}"] {
            let stat = STAT.replace("cat", name);
            assert_eq!(parse_start_time(stat.as_bytes()), Some(4_572_310), "{name:?}");
        }
        let mut not_utf8 = STAT.as_bytes().to_vec();
        not_utf8[8] = 0xff;
        assert_eq!(parse_start_time(&not_utf8), Some(4_572_310));
    }

    #[test]
    fn what_is_no_stat_has_no_start_time() {
        for text in ["", ")", "1 (cat) R 1 2 3", &STAT.replace("4572310", "soon")] {
            assert_eq!(parse_start_time(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn another_namespace_process_or_start_is_another_key() {
        let key = key_of(4_026_531_836, 7, 4_572_310);
        assert_eq!(key, key_of(4_026_531_836, 7, 4_572_310));
        for other in [
            key_of(4_026_532_245, 7, 4_572_310),
            key_of(4_026_531_836, 8, 4_572_310),
            key_of(4_026_531_836, 7, 4_572_311),
        ] {
            assert_ne!(key, other);
        }
        // For ever: two releases in one process must come to the same byte.
        assert_eq!(key_of(1, 2, 3), 0xda2b_fb22_5e0d_1f05);
    }

    #[test]
    fn all_threads_have_one_key_and_a_child_has_another() {
        let mine = key();
        assert_eq!(std::thread::spawn(key).join().unwrap(), mine);
        assert_eq!(in_a_child(|| i32::from(key() == mine)), 0);
        assert!(pid_namespace() > 0 && start_time() > 0);
    }
}
