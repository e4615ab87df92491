//! Where the debug info and the full symbols of a stripped program are kept: the places that gdb and Debian agree on.

use super::{Elf, build_id, hex};
use object::Object;
use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The system's tree of debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// The debug files of a program that are there and belong to it, the likeliest first. `location`: where the program is, which may be
/// another path than the one it was opened by.
pub(crate) fn find(program: &Elf, location: &Path) -> Vec<Elf> {
    let Ok(file) = program.parse() else { return Vec::new() };
    let id = build_id(&file);
    let link = file.gnu_debuglink().ok().flatten();
    let by_id = places_by_id(id).into_iter().map(|path| (path, None));
    let by_link = link.into_iter().flat_map(|(name, checksum)| {
        let places = places_by_link(Path::new(OsStr::from_bytes(name)), location);
        places.into_iter().map(move |path| (path, Some(checksum)))
    });
    by_id.chain(by_link).filter_map(|(path, checksum)| belonging(&path, id, checksum)).collect()
}

/// Where a debug file of this build-id would be.
pub(crate) fn places_by_id(id: &[u8]) -> Vec<PathBuf> {
    if id.len() < 2 {
        return Vec::new();
    }
    let (first, rest) = id.split_at(1);
    let mut places =
        vec![Path::new(DEBUG_ROOT).join(".build-id").join(hex(first)).join(format!("{}.debug", hex(rest)))];
    // What debuginfod clients have fetched before (debuginfod_find_debuginfo(3)).
    let cache = env::var_os("DEBUGINFOD_CACHE_PATH").map(PathBuf::from).or_else(|| {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("debuginfod_client"))
    });
    places.extend(cache.map(|cache| cache.join(hex(id)).join("debuginfo")));
    places
}

/// Where a debug file that a program names would be (gdb's manual, "Separate Debug Files").
fn places_by_link(name: &Path, program: &Path) -> Vec<PathBuf> {
    let Some(folder) = program.parent() else { return Vec::new() };
    let below_root = folder.strip_prefix("/").unwrap_or(folder);
    vec![
        folder.join(name),
        folder.join(".debug").join(name),
        Path::new(DEBUG_ROOT).join(below_root).join(name),
    ]
}

/// A file, if it is the one that belongs to the program with this build-id, or else has this checksum.
fn belonging(path: &Path, id: &[u8], checksum: Option<u32>) -> Option<Elf> {
    let elf = Elf::open(path).ok()?;
    let file = elf.parse().ok()?;
    let its_id = build_id(&file);
    let belongs = match checksum {
        _ if !id.is_empty() && !its_id.is_empty() => id == its_id,
        Some(checksum) => crc32_of(path) == Some(checksum),
        None => false,
    };
    drop(file);
    belongs.then_some(elf)
}

fn crc32_of(path: &Path) -> Option<u32> {
    let mut file = File::open(path).ok()?;
    let (mut crc, mut buffer) = (Crc32::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(crc.finish()),
            len => crc.add(buffer.get(..len)?),
        }
    }
}

/// The checksum of debug links: CRC-32 with the reversed polynomial of IEEE 802.3.
struct Crc32 {
    table: [u32; 256],
    state: u32,
}

impl Crc32 {
    fn new() -> Crc32 {
        let entry = |byte: usize| {
            let start = u32::try_from(byte).unwrap_or(0);
            (0..8).fold(start, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        };
        Crc32 { table: std::array::from_fn(entry), state: !0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [low, ..] = self.state.to_le_bytes();
            self.state = self.table[usize::from(low ^ byte)] ^ self.state >> 8;
        }
    }

    fn finish(&self) -> u32 {
        !self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        let mut crc = Crc32::new();
        crc.add(b"1234");
        crc.add(b"56789");
        assert_eq!(crc.finish(), 0xCBF4_3926);
    }

    #[test]
    fn a_link_leads_beside_the_program_and_to_the_system_tree() {
        let places = places_by_link(Path::new("x.debug"), Path::new("/usr/sbin/x"));
        let want = ["/usr/sbin/x.debug", "/usr/sbin/.debug/x.debug", "/usr/lib/debug/usr/sbin/x.debug"];
        assert_eq!(places, want.map(PathBuf::from));
    }

    #[test]
    fn a_build_id_leads_to_the_system_tree() {
        assert_eq!(places_by_id(&[0xAB, 0x01, 0xFF])[0], Path::new("/usr/lib/debug/.build-id/ab/01ff.debug"));
        assert!(places_by_id(&[]).is_empty());
    }
}
