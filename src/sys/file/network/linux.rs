//! Linux tells a filesystem by the magic number of statfs(2).

use super::super::{failure::failed, path::c_path};
use crate::error::Result;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

// 32-bit glibc's plain statfs fails on disks whose block count needs 64 bits.
#[cfg(not(target_env = "gnu"))]
use libc::statfs;
#[cfg(target_env = "gnu")]
use libc::statfs64 as statfs;

pub(super) fn network_kind(path: &Path) -> Result<Option<&'static str>> {
    let told = |error: io::Error| failed("asking for the filesystem", path, &error);
    let magic = magic_of(path)?.map_err(told)?;
    if magic != FUSE {
        return Ok(name_of_magic(magic));
    }
    // One magic number for all that user programs serve: the mount's type tells them apart.
    let device = device_of(path).map_err(told)?;
    // Without /proc it cannot be told.
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    Ok(name_of_mount(&String::from_utf8_lossy(&mounts), device))
}

#[expect(unsafe_code, reason = "std does not tell the filesystem's kind")]
fn magic_of(path: &Path) -> Result<io::Result<u32>> {
    let name = c_path(path)?;
    let mut answer = MaybeUninit::<statfs>::uninit();
    // SAFETY: statfs(2) reads a NUL-terminated path, kept alive by `name`, and writes one struct
    // through the pointer, which is valid for that write.
    let status = unsafe { statfs(name.as_ptr(), answer.as_mut_ptr()) };
    if status != 0 {
        return Ok(Err(io::Error::last_os_error()));
    }
    // SAFETY: statfs(2) filled the struct, for it returned 0.
    let answer = unsafe { answer.assume_init() };
    // The field's width and sign differ from machine to machine; every magic number has 32 bits.
    let low = answer.f_type.to_le_bytes().first_chunk().copied().unwrap_or_default();
    Ok(Ok(u32::from_le_bytes(low)))
}

fn device_of(path: &Path) -> io::Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path)?.dev();
    Ok((libc::major(device), libc::minor(device)))
}

/// The network filesystem of this magic number (linux/magic.h, and the sources of those outside it).
const fn name_of_magic(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "nfs",
        0x517B => "smb",
        0xFE53_4D42 => "smb2",
        0xFF53_4D42 => "cifs",
        0x5346_414F | 0x6B41_4653 => "afs",
        0x0102_1997 => "9p",
        0x00C3_6400 => "ceph",
        0x7375_7245 => "coda",
        0x564C => "ncp",
        0x0116_1970 => "gfs2",
        0x7461_636F => "ocfs2",
        0x0BD0_0BD0 => "lustre",
        0x4750_4653 => "gpfs",
        0x1983_0326 => "beegfs",
        0xAAD7_AAEA => "panfs",
        // Folders of the host in a virtual machine: the host's programs share no locks with ours.
        0x786F_4256 => "vboxsf",
        0xBACB_ACBC => "vmhgfs",
        0x7C7C_6673 => "prl_fs",
        _ => return None,
    })
}

/// The network filesystem mounted as this device (major, minor), by the text of proc(5)'s
/// mountinfo: `36 35 98:0 /root /mount options optional... - type source superoptions`.
fn name_of_mount(mounts: &str, (major, minor): (u32, u32)) -> Option<&'static str> {
    let device = format!("{major}:{minor}");
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        if place.split(' ').nth(2)? != device {
            return None;
        }
        let mut kind = kind.split(' ');
        name_of_fuse(kind.next()?, kind.next()?)
    })
}

/// Whole names, for `unionfs` ends in `nfs` and is local.
fn name_of_fuse(kind: &str, source: &str) -> Option<&'static str> {
    // Some state no subtype, but an address or their program's name as the source.
    if kind == "fuse" && (source.starts_with("http://") || source.starts_with("https://")) {
        return Some("davfs");
    }
    let program = kind.strip_prefix("fuse.").unwrap_or(source);
    NETWORK_FUSE.iter().find(|name| **name == program).copied()
}

/// statfs(2): FUSE_SUPER_MAGIC.
const FUSE: u32 = 0x6573_5546;
/// The programs that serve another machine's files through FUSE.
const NETWORK_FUSE: [&str; 30] = [
    "sshfs",
    "s3fs",
    "nfs",
    "fuse-nfs",
    "rclone",
    "glusterfs",
    "ceph",
    "ceph-fuse",
    "cephfs",
    "davfs",
    "davfs2",
    "wdfs",
    "curlftpfs",
    "smbnetfs",
    "cifs",
    "gcsfuse",
    "goofys",
    "mount-s3",
    "mountpoint-s3",
    "blobfuse",
    "blobfuse2",
    "juicefs",
    "JuiceFS",
    "seaweedfs",
    "moosefs",
    "mfs",
    "lizardfs",
    "gvfsd-fuse",
    "afpfs",
    "vmhgfs-fuse",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_filesystem_is_named_by_its_magic() {
        let named = [
            (0x6969, "nfs"),
            (0x517B, "smb"),
            (0xFE53_4D42, "smb2"),
            (0xFF53_4D42, "cifs"),
            (0x5346_414F, "afs"),
            (0x6B41_4653, "afs"),
            (0x0102_1997, "9p"),
            (0x00C3_6400, "ceph"),
            (0x7375_7245, "coda"),
            (0x564C, "ncp"),
            (0x0116_1970, "gfs2"),
            (0x7461_636F, "ocfs2"),
            (0x0BD0_0BD0, "lustre"),
        ];
        for (magic, name) in named {
            assert_eq!(name_of_magic(magic), Some(name), "{magic:#x}");
        }
    }

    #[test]
    fn local_filesystems_are_not_network_filesystems() {
        let ext4 = 0xEF53;
        let (xfs, btrfs, tmpfs) = (0x5846_5342, 0x9123_683E, 0x0102_1994);
        let (zfs, f2fs, overlay, vfat) = (0x2FC1_2FC1, 0xF2F5_2010, 0x794C_7630, 0x4D44);
        for magic in [ext4, xfs, btrfs, tmpfs, zfs, f2fs, overlay, vfat, FUSE, 0] {
            assert_eq!(name_of_magic(magic), None, "{magic:#x}");
        }
    }

    #[test]
    fn a_fuse_mount_is_told_by_its_device_and_type() {
        assert_eq!(name_of_mount(MOUNTS, (0, 52)), Some("sshfs"));
        assert_eq!(name_of_mount(MOUNTS, (0, 53)), Some("s3fs"));
        assert_eq!(name_of_mount(MOUNTS, (0, 54)), Some("davfs"));
        assert_eq!(name_of_mount(MOUNTS, (0, 55)), Some("mountpoint-s3"));
    }

    #[test]
    fn a_local_fuse_mount_and_an_unknown_device_are_not_network_filesystems() {
        assert_eq!(name_of_mount(MOUNTS, (0, 60)), None, "unionfs");
        assert_eq!(name_of_mount(MOUNTS, (8, 33)), None, "ntfs-3g on a disk");
        assert_eq!(name_of_mount(MOUNTS, (0, 5)), None, "0:5 is not 0:52");
        assert_eq!(name_of_mount(MOUNTS, (9, 9)), None);
    }

    #[test]
    fn damaged_mount_tables_tell_nothing() {
        for text in
            ["", "\n\n", " - ", "1 2 0:52", "1 2 0:52 / /mnt rw -", "1 2 0:52 / /m rw - fuse.sshfs"]
        {
            assert_eq!(name_of_mount(text, (0, 52)), None, "{text:?}");
        }
    }

    #[test]
    fn the_processs_own_table_is_not_on_a_network() {
        assert_eq!(network_kind(Path::new("/proc/self")), Ok(None));
    }

    const MOUNTS: &str = "\
22 28 0:21 / /proc rw,nosuid - proc proc rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
91 28 0:52 / /mnt/lab\\040files rw,nosuid,nodev shared:5 master:2 - fuse.sshfs u@lab:/data rw,user_id=0
92 28 0:53 / /mnt/s3 rw - fuse.s3fs s3fs rw,user_id=0
93 28 0:54 / /mnt/dav rw - fuse https://dav.example/ rw,user_id=0
94 28 0:55 / /mnt/bucket rw - fuse mountpoint-s3 rw,user_id=0
95 28 0:60 / /mnt/union rw - fuse.unionfs unionfs rw,user_id=0
96 28 8:33 / /mnt/disk rw - fuseblk /dev/sdc1 rw,user_id=0
";
}
