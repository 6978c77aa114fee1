//! Checks that only this user, or root, can have written a file or folder of the cache. The
//! checksums there have no key, so whoever may write a file can also give it a valid checksum.

use std::fs;
use std::io;
use std::path::Path;

/// Kind of file that is expected at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

/// Reason why a path is not trusted; `None` where it is trusted or does not exist.
pub(crate) fn distrust(path: &Path, kind: Kind) -> Option<String> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(format!("it cannot be looked at ({error})")),
    };
    if metadata.is_symlink() {
        return Some("it is a link".to_owned());
    }
    match kind {
        Kind::File if !metadata.is_file() => Some("it is no file".to_owned()),
        Kind::Folder if !metadata.is_dir() => Some("it is no folder".to_owned()),
        _ => owner::distrust(&metadata),
    }
}

pub(crate) use owner::{can_replace, make_own, suffix};

#[cfg(unix)]
mod owner {
    use std::fs::{self, Metadata, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    /// Mode bits that let the group and all others write.
    const OTHERS_WRITE: u32 = 0o022;
    /// Mode bit of a folder in which only the owner of a file may remove or rename it.
    const STICKY: u32 = 0o1000;

    #[allow(unsafe_code)]
    fn user() -> u32 {
        // SAFETY: `geteuid` takes no arguments, always succeeds and touches no memory.
        unsafe { libc::geteuid() }
    }

    pub(super) fn distrust(metadata: &Metadata) -> Option<String> {
        let owner = metadata.uid();
        if owner != user() && owner != 0 {
            return Some(format!("it belongs to another user (uid {owner})"));
        }
        let others = metadata.mode() & OTHERS_WRITE;
        (others != 0).then(|| "others may write to it".to_owned())
    }

    /// Takes the permission to write from everybody but the owner.
    pub(crate) fn make_own(path: &Path) -> io::Result<()> {
        let mode = fs::symlink_metadata(path)?.mode();
        match mode & OTHERS_WRITE {
            0 => Ok(()),
            _ => fs::set_permissions(path, Permissions::from_mode(mode & 0o7755)),
        }
    }

    /// Whether this user may rename or remove what lies at a path.
    pub(crate) fn can_replace(path: &Path) -> bool {
        let owns = |path: &Path| fs::symlink_metadata(path).is_ok_and(|at| at.uid() == user());
        let folder = path.parent().unwrap_or(Path::new("."));
        let is_sticky = fs::metadata(folder).is_ok_and(|at| at.mode() & STICKY != 0);
        user() == 0 || !is_sticky || owns(folder) || owns(path)
    }

    /// Suffix that tells this user's folders from those of others.
    pub(crate) fn suffix() -> String {
        format!("u{}", user())
    }
}

#[cfg(not(unix))]
mod owner {
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    /// Owners are not checked on this platform, where the folders of a user's profile belong to the
    /// user.
    pub(super) fn distrust(_: &Metadata) -> Option<String> {
        None
    }

    pub(crate) fn make_own(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn can_replace(_: &Path) -> bool {
        true
    }

    pub(crate) fn suffix() -> String {
        "own".to_owned()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    #[test]
    fn what_others_own_or_may_write_or_a_link_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(distrust(&path, Kind::File), None);
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(distrust(&path, Kind::File), None);
        assert_eq!(distrust(&path, Kind::Folder).unwrap(), "it is no folder");
        for mode in [0o664, 0o646, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(distrust(&path, Kind::File).unwrap(), "others may write to it", "{mode:o}");
            make_own(&path).unwrap();
            assert_eq!(distrust(&path, Kind::File), None, "{mode:o}");
        }
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(distrust(&link, Kind::File).unwrap(), "it is a link");
        // Only root may give a file to another user.
        if chown(&path, Some(12_345), None).is_ok() {
            assert_eq!(
                distrust(&path, Kind::File).unwrap(),
                "it belongs to another user (uid 12345)"
            );
        }
    }
}
