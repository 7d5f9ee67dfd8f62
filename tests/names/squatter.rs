//! What may stand under a name that a bus wants, and how it looks afterwards.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// Nobody's number in any user database that these tests meet.
pub(crate) const STRANGER: u32 = 12_345;

/// Something that stands under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Squatter {
    Directory,
    Symlink,
    Fifo,
    Socket,
    /// A good plain file of another user.
    Stranger,
    /// A good plain file that everybody may write to.
    Open,
    /// Ten bytes.
    Short,
}

impl Squatter {
    /// What an error must say of it.
    pub(crate) fn fact(self) -> &'static str {
        match self {
            Self::Directory => "is a directory",
            Self::Symlink => "is a symbolic link",
            Self::Fifo => "is a fifo",
            Self::Socket => "is a socket",
            Self::Stranger => "belongs to user 12345",
            Self::Open => "has mode 0666",
            Self::Short => "10 bytes",
        }
    }

    /// Whether it is a plain file of this user, which whoever owns the name may replace.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Open | Self::Short)
    }
}

/// A squatter in its place, removed when dropped.
pub(crate) struct Placed {
    path: PathBuf,
    picture: Vec<u64>,
}

impl Placed {
    /// Puts `squatter` at `path`, a good file with `bytes` where it is one; `None`, with a word about it, when only root
    /// could.
    pub(crate) fn put(squatter: Squatter, path: &str, bytes: &[u8]) -> Option<Self> {
        let target = format!("{path}-target");
        let file = |path: &str, bytes: &[u8]| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
            file.write_all(bytes).unwrap();
        };
        match squatter {
            Squatter::Directory => DirBuilder::new().mode(0o700).create(path).unwrap(),
            Squatter::Symlink => {
                file(&target, bytes);
                symlink(&target, path).unwrap();
            }
            Squatter::Fifo => {
                let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
            }
            Squatter::Socket => drop(UnixListener::bind(path).unwrap()),
            Squatter::Stranger if !rustix::process::geteuid().is_root() => {
                let test = std::thread::current().name().unwrap_or_default().to_owned();
                println!("not run: {test}: only root can give an object to another user");
                return None;
            }
            Squatter::Stranger => {
                file(path, bytes);
                chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
            }
            Squatter::Open => {
                file(path, bytes);
                fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
            }
            Squatter::Short => file(path, &[7; 10]),
        }
        Some(Self { path: path.into(), picture: picture(path) })
    }

    /// Expects it to stand there as it did at first.
    pub(crate) fn is_untouched(&self) {
        assert_eq!(picture(self.path.to_str().unwrap()), self.picture, "{} was changed", self.path.display());
    }

    /// Whether something else stands there now, or nothing.
    pub(crate) fn is_replaced(&self) -> bool {
        fs::symlink_metadata(&self.path).map_or(true, |stat| stat.ino() != self.picture[0])
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(format!("{}-target", self.path.display()));
    }
}

/// All that can be seen of what stands at `path` and, if it is a link, of its target.
fn picture(path: &str) -> Vec<u64> {
    let of = |stat: fs::Metadata| {
        let mode = [u64::from(stat.mode()), u64::from(stat.uid()), u64::from(stat.gid())];
        [stat.ino(), stat.size(), stat.mtime() as u64, stat.mtime_nsec() as u64].into_iter().chain(mode)
    };
    let mut picture: Vec<u64> = of(fs::symlink_metadata(path).unwrap()).collect();
    picture.extend(fs::metadata(format!("{path}-target")).ok().into_iter().flat_map(of));
    picture
}
