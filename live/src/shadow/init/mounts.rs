//! The files that a shadow sees: all that are outside, by the same paths; whatever it does to them is thrown away.
//!
//! ```text
//!   writable         an overlay (overlayfs): what is outside below, a tmpfs of the shadow's own above
//!   read-only        bound as it is
//!   /proc, mqueue    mounted anew, for the shadow's own namespaces
//!   the kernel's     (sysfs, cgroups, /dev ...) bound, and made read-only; devices can be written to all the same
//! ```
//!
//! A unix socket, a FIFO or a lock of the outside cannot be reached through an overlay: it is another one of the same name.
//!
//! What cannot be laid over (a single file that is mounted, a file system that overlayfs does not take) is read-only.

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, chroot, pivot_root};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, open, statx};
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// What went wrong: in doing what.
pub(super) type Failed = (String, Errno);

/// A mount, as `/proc/self/mountinfo` tells it (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mounted {
    id: u64,
    point: PathBuf,
    options: String,
    kind: String,
    /// The file system's own options.
    inner: String,
}

/// A mount that can be reached, and a handle on its root.
struct Visible {
    mounted: Mounted,
    handle: OwnedFd,
}

/// File systems that the kernel makes up: what they hold is not files.
const KERNELS: &[&str] = &[
    "sysfs",
    "cgroup",
    "cgroup2",
    "devtmpfs",
    "securityfs",
    "debugfs",
    "tracefs",
    "bpf",
    "pstore",
    "efivarfs",
    "configfs",
    "fusectl",
    "selinuxfs",
    "hugetlbfs",
    "autofs",
    "binfmt_misc",
    "rpc_pipefs",
    "nsfs",
    "nfsd",
];
/// Directories that the new tree may be built upon, out of the way of all that is below: any will do.
const STAGES: &[&str] = &["/tmp", "/mnt", "/run", "/var", "/usr", "/etc"];

/// A writable layer: what is above, and what is below.
pub(super) struct Layer {
    pub(super) point: PathBuf,
    pub(super) upper: OwnedFd,
    pub(super) lower: OwnedFd,
}

/// Gives this process, whose mount namespace is its own, such a tree as its root.
pub(super) fn lay_over() -> Result<Vec<Layer>, Failed> {
    step("keeping mounts private", set(None, Path::new("/"), MsFlags::MS_REC | MsFlags::MS_PRIVATE))?;
    let text = fs::read("/proc/self/mountinfo").map_err(|error| failed("/proc/self/mountinfo", &error))?;
    let mut mounts: Vec<Visible> = parse(&text).into_iter().filter_map(visible).collect();
    mounts.sort_by_key(|mount| mount.mounted.point.components().count());
    let stage = STAGES
        .iter()
        .map(Path::new)
        .find(|path| path.is_dir())
        .ok_or_else(|| ("finding a directory to build upon".to_owned(), Errno::ENOENT))?;
    let tmpfs = mount(Some("mcrx"), stage, Some("tmpfs"), MsFlags::empty(), Some("mode=0700"));
    step("a tmpfs for what the new release writes", tmpfs)?;
    let root = stage.join("root");
    make(&root, 0o755)?;
    let mut layers = Vec::new();
    for (index, visible) in mounts.into_iter().enumerate() {
        layers.extend(place(visible, stage, &root, index)?);
    }
    enter(&root)?;
    Ok(layers)
}

fn place(visible: Visible, stage: &Path, root: &Path, index: usize) -> Result<Option<Layer>, Failed> {
    let Visible { mounted, handle } = visible;
    let point = &mounted.point;
    let target = root.join(point.strip_prefix("/").unwrap_or(point));
    let source = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
    let told = |what: &str| format!("{what} {}", point.display());
    if point.starts_with("/proc") && point != Path::new("/proc") {
        return Ok(None);
    }
    match mounted.kind.as_str() {
        kind @ ("proc" | "mqueue") => {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            let mounted = mount(Some(kind), &target, Some(kind), flags, None::<&str>);
            return step(&told("mounting"), mounted).map(|()| None);
        }
        // What is done to a terminal is done to the shadow's own, if it makes one.
        "devpts" => return step(&told("binding"), bind(&source, &target)).map(|()| None),
        kind if !KERNELS.contains(&kind) && mounted.is_writable() => {
            match overlay(&mounted, &source, &target, stage, index) {
                Ok(upper) => return Ok(Some(Layer { point: mounted.point, upper, lower: handle })),
                // Without it there is no root to put anything into.
                Err(failed) if point == Path::new("/") => return Err(failed),
                Err(_) => {}
            }
        }
        _ => {}
    }
    match bind(&source, &target) {
        // Mounted below what could not be mounted.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        outcome => step(&told("binding"), outcome)?,
    }
    let flags = mounted.flags() | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    step(&told("making read-only"), set(None, &target, flags)).map(|()| None)
}

fn overlay(
    mounted: &Mounted,
    source: &Path,
    target: &Path,
    stage: &Path,
    index: usize,
) -> Result<OwnedFd, Failed> {
    let told = format!("laying a writable layer over {}", mounted.point.display());
    let below = fs::metadata(source).map_err(|error| failed(&told, &error))?;
    if !below.is_dir() {
        return Err((told, Errno::ENOTDIR));
    }
    let (upper, work) = (stage.join(format!("upper{index}")), stage.join(format!("work{index}")));
    make(&upper, 0o700)?;
    make(&work, 0o700)?;
    // The directory that is seen in the end is this one.
    let like_below = chown(&upper, Some(below.uid()), Some(below.gid()))
        .and_then(|()| fs::set_permissions(&upper, fs::Permissions::from_mode(below.mode() & 0o7777)));
    like_below.map_err(|error| failed(&told, &error))?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={},redirect_dir=on",
        source.display(),
        upper.display(),
        work.display()
    );
    step(&told, mount(Some("mcrx"), target, Some("overlay"), mounted.flags(), Some(options.as_str())))?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    open(&upper, flags, Mode::empty()).map_err(|errno| (told, Errno::from_raw(errno.raw_os_error())))
}

/// Makes a tree the root, and lets go of the old one.
fn enter(root: &Path) -> Result<(), Failed> {
    step("entering the new root", chdir(root))?;
    match pivot_root(".", ".") {
        Ok(()) => step("letting go of the old root", umount2(".", MntFlags::MNT_DETACH))?,
        // The root is the kernel's first one, or that of a chroot.
        Err(Errno::EINVAL) => {
            let moved = mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>);
            step("moving the new root", moved)?;
            step("entering the new root", chroot("."))?;
        }
        Err(errno) => return Err(("changing the root".to_owned(), errno)),
    }
    step("entering the new root", chdir("/"))
}

/// Makes what lies at a path read-only.
pub(super) fn protect(path: &str) -> Result<(), Failed> {
    let told = format!("making {path} read-only");
    match bind(Path::new(path), Path::new(path)) {
        Err(Errno::ENOENT) => return Ok(()),
        outcome => step(&told, outcome)?,
    }
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    step(
        &told,
        set(None, Path::new(path), flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
    )
}

impl Mounted {
    fn has(options: &str, wanted: &str) -> bool {
        options.split(',').any(|option| option == wanted)
    }

    fn is_writable(&self) -> bool {
        !Mounted::has(&self.options, "ro") && !Mounted::has(&self.inner, "ro")
    }

    fn flags(&self) -> MsFlags {
        let known = [
            ("nosuid", MsFlags::MS_NOSUID),
            ("nodev", MsFlags::MS_NODEV),
            ("noexec", MsFlags::MS_NOEXEC),
            ("noatime", MsFlags::MS_NOATIME),
            ("nodiratime", MsFlags::MS_NODIRATIME),
            ("relatime", MsFlags::MS_RELATIME),
        ];
        known
            .into_iter()
            .filter(|(name, _)| Mounted::has(&self.options, name))
            .map(|(_, flag)| flag)
            .collect()
    }
}

/// A mount may be hidden by another one on top of it, or on top of a directory above.
fn visible(mounted: Mounted) -> Option<Visible> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let handle = open(&mounted.point, flags, Mode::empty()).ok()?;
    let found = statx(&handle, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (found.stx_mnt_id == mounted.id).then_some(Visible { mounted, handle })
}

fn parse(text: &[u8]) -> Vec<Mounted> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mounted> {
    let mut words = line.split(|byte| *byte == b' ');
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let id = text(words.next()?).parse().ok()?;
    let point = PathBuf::from(OsString::from_vec(unescaped(words.nth(3)?)));
    let options = text(words.next()?);
    let mut words = words.skip_while(|word| *word != b"-").skip(1);
    let kind = text(words.next()?);
    Some(Mounted { id, point, options, kind, inner: text(words.nth(1)?) })
}

/// Blanks and the like are written as `\040`.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        (rest, _) = match (first, octal) {
            (b'\\', Some(byte)) => (&behind[3..], bytes.push(byte)),
            _ => (behind, bytes.push(*first)),
        };
    }
    bytes
}

fn bind(source: &Path, target: &Path) -> nix::Result<()> {
    set(Some(source), target, MsFlags::MS_BIND)
}

fn set(source: Option<&Path>, target: &Path, flags: MsFlags) -> nix::Result<()> {
    mount(source, target, None::<&str>, flags, None::<&str>)
}

fn make(path: &Path, mode: u32) -> Result<(), Failed> {
    DirBuilder::new().mode(mode).create(path).map_err(|error| failed(&path.display().to_string(), &error))
}

fn step(what: &str, outcome: nix::Result<()>) -> Result<(), Failed> {
    outcome.map_err(|errno| (what.to_owned(), errno))
}

fn failed(what: &str, error: &std::io::Error) -> Failed {
    (what.to_owned(), error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_what_is_optional_in_it() {
        let text = b"36 35 98:0 / /a\\040b rw,nosuid shared:1 master:2 - tmpfs tmpfs rw,size=1k\n\
                     37 36 98:1 /x / ro,relatime - ext4 /dev/vda rw\n";
        let mounts = parse(text);
        assert_eq!(
            (mounts[0].id, mounts[0].point.to_str(), mounts[0].kind.as_str()),
            (36, Some("/a b"), "tmpfs")
        );
        assert!(mounts[0].is_writable() && mounts[0].flags() == MsFlags::MS_NOSUID);
        assert!(mounts[1].point == Path::new("/") && !mounts[1].is_writable());
    }
}
