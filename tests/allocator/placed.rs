//! Blocks at addresses that somebody else chose: by a placement file while a program starts up, or one by one; and what becomes of
//! them in an update.

use crate::programs::{compiled, library};
use crate::waiting::Waiting;
use mcrx_allocator::abi::{PLACED_MAX, PLACEMENT_MAGIC, VERSION};
use mcrx_allocator::reader::{Address, Heap, Place, Sites};
use mcrx_harness::{Context, Explain as _, Result, Suite, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], start_up_blocks_lie_where_the_version_before_had_them)
        .test([], wishes_that_cannot_be_met_are_passed_over)
        .test([], a_damaged_placement_file_is_reported_once_and_not_used)
        .test([], a_place_is_given_by_hand_if_nobody_has_it)
        .test([], after_a_take_over_placed_blocks_are_those_of_the_version_before)
}

/// Sizes and number of the blocks that `placed.c` makes by the call in `anchor`, and which of them of that size each is.
const ANCHORS: [(u64, u32); 6] = [(1000, 0), (1000, 1), (1000, 2), (1000, 3), (1001, 0), (1000, 4)];
/// Where regions lie, and how large they are.
const OLD: u64 = 0x1000_0000_0000;
const NEW: u64 = 0x1100_0000_0000;
const REGION: u64 = 1 << 40;
/// Where `placed.c` has something else.
const TAKEN: u64 = 0x6000_0000_0000;

/// A version of the program, started up.
struct Version {
    program: Waiting,
    /// Where its blocks are.
    anchors: Vec<u64>,
}

impl Version {
    fn old(test: &Context) -> Result<Version> {
        Version::start(test, Command::new(compiled("placed.c")?).arg("start").env_clear())
    }

    fn new(test: &Context, arguments: &[&str], placement: &Path) -> Result<Version> {
        let mut command = Command::new(compiled("placed.c")?);
        command.args(arguments).env_clear().env("MCRX_PLACEMENT", placement);
        Version::start(test, command.env("MCRX_EPOCH", "1").env("MCRX_REGION", format!("{NEW:#x}")))
    }

    fn start(test: &Context, command: &mut Command) -> Result<Version> {
        let program = Waiting::start(test, command.env("LD_PRELOAD", library()?))?;
        let number = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16);
        let anchors =
            program.line.split_whitespace().map(number).collect::<std::result::Result<Vec<_>, _>>()?;
        ensure!(anchors.len() == ANCHORS.len(), "{}", program.line);
        Ok(Version { program, anchors })
    }

    /// The name of the site in `anchor`, as `abi::PlacementRow` says.
    fn name_of_site(&self) -> Result<u64> {
        let (heap, sites) = self.program.heap()?;
        Ok(name(&stack(&heap, &sites, self.anchors[0])?))
    }
}

/// Build-id and offset of each frame of the site of a block.
fn stack(heap: &Heap, sites: &Sites, address: u64) -> Result<Vec<(Box<[u8]>, u64)>> {
    let Place::Live { block, offset: 0 } = heap.classify(address) else {
        bail!("{:#x} is no block: {:?}", address, heap.classify(address));
    };
    let site = sites.get(block.site).context("no site")?;
    let frame =
        |frame: mcrx_allocator::reader::Frame<'_>| Some((frame.module?.build_id.clone(), frame.offset));
    site.frames().map(|one| frame(one).context("in no module")).collect()
}

/// FNV-1a.
fn name(stack: &[(Box<[u8]>, u64)]) -> u64 {
    let bytes = stack.iter().flat_map(|(id, offset)| id.iter().copied().chain(offset.to_le_bytes()));
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// A wish.
#[derive(Clone, Copy)]
struct Wish {
    site: u64,
    size: u64,
    nth: u32,
    address: u64,
}

/// The file, as `abi::PlacementHeader` and `abi::PlacementRow` lay it out.
fn placement(wishes: &[Wish]) -> Result<Vec<u8>> {
    let mut bytes = PLACEMENT_MAGIC.to_le_bytes().to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(u32::try_from(wishes.len())?.to_le_bytes());
    for wish in wishes {
        for word in [wish.site, wish.size, wish.address, u64::from(wish.nth)] {
            bytes.extend(word.to_le_bytes());
        }
    }
    Ok(bytes)
}

fn write(test: &Context, bytes: &[u8]) -> Result<PathBuf> {
    let path = test.scratch().fresh("placement");
    fs::write(&path, bytes)?;
    Ok(path)
}

fn is_in(region: u64, address: u64) -> bool {
    (region..region + REGION).contains(&address)
}

/// That the n-th block, from 0, is to be where the old version has it.
fn wish(old: &Version, site: u64, index: usize) -> Wish {
    let (size, nth) = ANCHORS[index];
    Wish { site, size, nth, address: old.anchors[index] }
}

fn start_up_blocks_lie_where_the_version_before_had_them(test: &Context) -> Result<()> {
    let old = Version::old(test)?;
    ensure!(old.anchors.iter().all(|address| is_in(OLD, *address)), "{:x?}", old.anchors);
    let site = old.name_of_site()?;
    let wishes = [
        wish(&old, site, 0),
        wish(&old, site, 2),
        wish(&old, site, 4),
        // By then start-up is over.
        wish(&old, site, 5),
        // No such block, and no such site.
        Wish { size: 1002, ..wish(&old, site, 1) },
        Wish { site: site ^ 1, ..wish(&old, site, 1) },
    ];
    let mut new = Version::new(test, &["start"], &write(test, &placement(&wishes)?)?)?;
    for (index, address) in new.anchors.iter().enumerate() {
        let is_placed = [0, 2, 4].contains(&index);
        ensure!((*address == old.anchors[index]) == is_placed, "block {index} is at {address:#x}");
        ensure!(is_placed || is_in(NEW, *address), "block {index} is at {address:#x}");
    }
    let (heap, sites) = new.program.heap()?;
    let first = stack(&heap, &sites, new.anchors[0])?;
    for (address, (size, _)) in new.anchors.iter().zip(ANCHORS) {
        // Seen from outside, they are blocks like any others, by the call that made them.
        ensure!(stack(&heap, &sites, *address)? == first && name(&first) == site, "{address:#x}: {first:?}");
        let Place::Live { block, offset: 10 } = heap.classify(address + 10) else {
            bail!("{:?}", heap.classify(address + 10))
        };
        ensure!(block.requested == size, "{block:?}");
        ensure!(heap.blocks().filter(|block| block.address == Address(*address)).count() == 1);
    }
    ensure!(new.program.go_on()? == "used");
    let (heap, _) = new.program.heap()?;
    for index in [0, 2, 4] {
        let place = heap.classify(new.anchors[index]);
        ensure!(place == Place::Foreign, "block {index} has moved and still lives: {place:?}");
    }
    ensure!(new.program.errors()?.is_empty(), "{}", new.program.errors()?);
    new.program.end()
}

fn wishes_that_cannot_be_met_are_passed_over(test: &Context) -> Result<()> {
    let old = Version::old(test)?;
    let site = old.name_of_site()?;
    let first = wish(&old, site, 0);
    let second = wish(&old, site, 1);
    let bad = [
        ("somebody is there", TAKEN + 256),
        ("somebody is at its end", TAKEN - 512),
        ("unaligned", old.anchors[0] + 8),
        ("no address", 0),
        ("in its own region", NEW + (REGION >> 1)),
        ("where its own blocks are", NEW + (1 << 30)),
        ("the kernel's", 0xFFFF_8000_0000_0000),
        ("at the end of memory", u64::MAX - 15),
    ];
    for (what, address) in bad {
        let wishes = [Wish { address, ..first }, second];
        let mut new = Version::new(test, &["start"], &write(test, &placement(&wishes)?)?)?;
        ensure!(is_in(NEW, new.anchors[0]) && new.anchors[0] != address, "{what}: {:x?}", new.anchors);
        ensure!(new.anchors[1] == old.anchors[1], "{what}: {:x?}", new.anchors);
        ensure!(new.program.go_on()? == "used");
        new.program.end()?;
    }
    // Two that would lie on one another, and two for one block: the first has it.
    let overlapping = [first, Wish { address: old.anchors[0] + 16, ..second }];
    let new = Version::new(test, &["start"], &write(test, &placement(&overlapping)?)?)?;
    ensure!(new.anchors[0] == old.anchors[0] && is_in(NEW, new.anchors[1]), "{:x?}", new.anchors);
    let twice = [first, Wish { address: old.anchors[3], ..first }];
    let new = Version::new(test, &["start"], &write(test, &placement(&twice)?)?)?;
    ensure!(new.anchors[0] == old.anchors[0], "{:x?}", new.anchors);
    new.program.end()
}

fn a_damaged_placement_file_is_reported_once_and_not_used(test: &Context) -> Result<()> {
    let old = Version::old(test)?;
    let good = placement(&[wish(&old, old.name_of_site()?, 0)])?;
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let damaged = [
        ("empty", Vec::new()),
        ("its head cut", good[..12].to_vec()),
        ("its row cut", good[..good.len() - 1].to_vec()),
        ("a byte too many", [&good[..], &[0]].concat()),
        ("another magic", with(0, b"M")),
        ("another version", with(8, &[0xFF])),
        ("more rows than there are", with(12, &2u32.to_le_bytes())),
        ("more rows than there may be", with(12, &u32::MAX.to_le_bytes())),
        ("more rows than are taken", placement(&vec![wish(&old, 1, 0); usize::try_from(PLACED_MAX)? + 1])?),
    ];
    for (what, bytes) in damaged {
        expect_ignored(test, &write(test, &bytes)?).with_context(|| what.to_owned())?;
    }
    expect_ignored(test, Path::new("/nowhere/placement"))?;
    expect_ignored(test, test.scratch().directory())
}

fn expect_ignored(test: &Context, placement: &Path) -> Result<()> {
    let mut new = Version::new(test, &["start"], placement)?;
    ensure!(new.anchors.iter().all(|address| is_in(NEW, *address)), "{:x?}", new.anchors);
    ensure!(new.program.go_on()? == "used");
    let said = new.program.errors()?;
    let path = placement.display().to_string();
    ensure!(said.lines().count() == 1 && said.contains(&path) && said.contains("ignored"), "{said:?}");
    new.program.end()
}

fn a_place_is_given_by_hand_if_nobody_has_it(test: &Context) -> Result<()> {
    let mut command = Command::new(compiled("placed.c")?);
    command.arg("by-hand").env_clear().env("LD_PRELOAD", library()?);
    let program = Waiting::start(test, &mut command)?;
    let count: usize = program.line.parse()?;
    let (heap, _) = program.heap()?;
    let placed = heap.blocks().filter(|block| block.address.0 >= 0x7000_0010_0000 && block.requested == 16);
    // What is free in the table has been found and used.
    ensure!(placed.count() == count && count <= usize::try_from(PLACED_MAX)?, "{count} were placed");
    ensure!(program.errors()?.is_empty(), "{}", program.errors()?);
    program.end()
}

fn after_a_take_over_placed_blocks_are_those_of_the_version_before(test: &Context) -> Result<()> {
    let old = Version::old(test)?;
    let site = old.name_of_site()?;
    let wishes = [0, 2, 4].map(|index| wish(&old, site, index));
    let pid = old.program.pid().to_string();
    let arguments = ["inherit", &pid, &format!("{OLD:#x}")];
    let mut new = Version::new(test, &arguments, &write(test, &placement(&wishes)?)?)?;
    for (index, address) in new.anchors.iter().enumerate() {
        ensure!(
            (*address == old.anchors[index]) == [0, 2, 4].contains(&index),
            "block {index}: {address:#x}"
        );
    }
    ensure!(new.program.go_on()? == "taken over");
    let (heap, _) = new.program.heap()?;
    for (address, (size, _)) in old.anchors.iter().chain(&new.anchors).zip(ANCHORS.into_iter().cycle()) {
        // Each is there once, in the table of the region that it lies in.
        let blocks: Vec<_> = heap.blocks().filter(|block| block.address == Address(*address)).collect();
        ensure!(blocks.len() == 1 && blocks[0].requested == size, "{blocks:?}");
        let region = if is_in(OLD, *address) { OLD } else { NEW };
        ensure!(blocks[0].site.region == Address(region), "{blocks:?}");
    }
    ensure!(new.program.go_on()? == "freed");
    let (heap, _) = new.program.heap()?;
    for (index, address) in new.anchors.iter().enumerate() {
        let place = heap.classify(*address);
        // The young region may have gone with its last block.
        ensure!(matches!(place, Place::Free | Place::Foreign), "block {index} still lives: {place:?}");
        ensure!(!is_in(OLD, *address) || place == Place::Free, "block {index}: {place:?}");
    }
    ensure!(new.program.errors()?.is_empty(), "{}", new.program.errors()?);
    new.program.end()
}
