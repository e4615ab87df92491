//! What of the new release is to be mapped where in the old process, found out from two lists of mappings.
//!
//! Nothing is moved: pointers in the new image stay right because every byte lies where it lay. So what stands in the way is a refusal, before
//! anything is done; started again, the new release comes to lie elsewhere.
//!
//! | of the new release | in the old process |
//! |---|---|
//! | a file, mapped privately | the same file at the same offset, what was written to it written into it |
//! | memory without a file | the same |
//! | the main stack | at once all that it may ever have: what only grows on demand grows into what the old process maps meanwhile |
//! | memory that it shares, and that corresponds to what the old process shares | the old process's, once more |
//! | other memory that it shares | a file without a name with what start-up put into it, one for all processes that share it |
//! | the kernel's pages (vdso(7)) | the old process's own, moved there at the switch |

use super::space::{self, Space};
use mcrx_allocator::abi;
use mcrx_tracer::image::{Inode, Mapping, MappingKind, Permissions, Process};
use mcrx_transform::target::Place;
use std::ops::Range;
use std::path::PathBuf;

/// What is to be mapped, by address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// By address; none overlap.
    pub pieces: Vec<Piece>,
    /// What of the kernel's own is to be moved at the switch.
    pub moves: Vec<Move>,
}

/// One mapping that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its addresses, whole pages.
    pub range: Range<u64>,
    /// What the process may do there in the end. From outside it can be written to whatever they are.
    pub permissions: Permissions,
    /// What is mapped.
    pub source: Source,
}

/// What a piece is mapped from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Zeros of its own.
    Zeros,
    /// Zeros, most of which will never be touched.
    Stack,
    /// A file, privately.
    File {
        /// As the process sees it.
        path: PathBuf,
        /// In bytes.
        offset: u64,
    },
    /// What the old process shares with others, from this address on, once more.
    Again(u64),
    /// What it shares with other processes of the new release.
    Shared {
        /// Which.
        object: Inode,
        /// What the new release called it.
        path: PathBuf,
        /// In bytes.
        offset: u64,
    },
}

/// Shared memory of the old process that is to be seen where the new release has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// All of one of its mappings.
    pub old: Range<u64>,
    /// All of one of the new release's, as long.
    pub new: Range<u64>,
}

/// Pages of the kernel's own that move within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Where they are.
    pub from: u64,
    /// Where they are to be.
    pub to: u64,
    /// Bytes.
    pub len: u64,
}

/// Why the new release's memory cannot be put into the old process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Both have something at one address, or one has what the other may grow into.
    #[error(
        "the old process has {old} where the new release has {new}: start the new release again, so that it comes to lie elsewhere"
    )]
    Collision {
        /// Of the old process, with the room that it is to keep.
        old: Place,
        /// Of the new release.
        new: Place,
    },
    /// The two were started on different kernels, or one has unmapped its pages.
    #[error(
        "the kernel's own pages (vdso, vvar) of the old process are not of the form of the new release's: start the new release on the \
         same kernel as the old one"
    )]
    KernelPages,
}

impl Plan {
    /// For the image of a parked process of the new release, and the process that it is to be put into.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn of(new: &Process, old: &Space, twins: &[Twin]) -> Result<Plan, Refusal> {
        let mut pieces: Vec<Piece> = Vec::with_capacity(new.mappings.len());
        for mapping in &new.mappings {
            let Some(source) = source(mapping) else { continue };
            let twin = twins.iter().find(|twin| twin.new == mapping.range);
            let source = twin.map_or(source, |twin| Source::Again(twin.old.start));
            let mut range = mapping.range.clone();
            if source == Source::Stack {
                let before = pieces.last().map_or(0, |piece| piece.range.end);
                range.start = range.end.saturating_sub(old.stack_room()).max(before).min(range.start);
            }
            pieces.push(Piece { range, permissions: mapping.permissions, source });
        }
        let plan = Plan { pieces, moves: moves(new, old)? };
        plan.check(old)?;
        Ok(plan)
    }

    /// Whether all that it maps is still free in the old process, and its growth stays out of its way.
    ///
    /// # Errors
    /// [`Refusal::Collision`] with the first that is not.
    pub fn check(&self, old: &Space) -> Result<(), Refusal> {
        let taken = old.taken();
        let whole = |range: &Range<u64>| {
            let base = abi::region_of(range.start);
            if abi::is_region_base(base) { base..base + abi::REGION_SIZE } else { range.clone() }
        };
        let pieces = self.pieces.iter().map(|piece| (whole(&piece.range), piece.name()));
        let kernels =
            self.moves.iter().map(|step| (step.to..step.to + step.len, "the kernel's pages".to_owned()));
        for (range, name) in pieces.chain(kernels) {
            let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
            if let Some((room, mapping)) = taken.iter().find(|(room, _)| overlaps(room)) {
                let old = Place { name: space::name(mapping), range: room.clone() };
                return Err(Refusal::Collision { old, new: Place { name, range } });
            }
        }
        Ok(())
    }

    /// The piece that an address lies in.
    #[must_use]
    pub fn piece_at(&self, address: u64) -> Option<&Piece> {
        let before = self.pieces.partition_point(|piece| piece.range.start <= address);
        self.pieces.get(before.checked_sub(1)?).filter(|piece| piece.range.contains(&address))
    }

    /// The addresses that it maps, by address, those that touch made one.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for piece in &self.pieces {
            match ranges.last_mut() {
                Some(last) if last.end == piece.range.start => last.end = piece.range.end,
                _ => ranges.push(piece.range.clone()),
            }
        }
        ranges
    }
}

impl Piece {
    /// For people.
    fn name(&self) -> String {
        match &self.source {
            Source::Zeros => "anonymous memory".to_owned(),
            Source::Stack => "its stack".to_owned(),
            Source::Again(_) => "shared memory".to_owned(),
            Source::File { path, .. } | Source::Shared { path, .. } => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
        }
    }
}

/// `None`: it is not to be mapped.
fn source(mapping: &Mapping) -> Option<Source> {
    match &mapping.kind {
        MappingKind::Anonymous { .. } | MappingKind::Heap => Some(Source::Zeros),
        MappingKind::Stack => Some(Source::Stack),
        MappingKind::File { path, offset, .. } => Some(Source::File { path: path.clone(), offset: *offset }),
        MappingKind::Shared { path, offset, inode } => {
            Some(Source::Shared { object: *inode, path: path.clone(), offset: *offset })
        }
        MappingKind::Vdso | MappingKind::Vvar | MappingKind::Vsyscall => None,
    }
}

/// The kernel lays these pages out in one order for all processes.
fn moves(new: &Process, old: &Space) -> Result<Vec<Move>, Refusal> {
    const NAMES: [&str; 3] = ["vvar", "vvar_vclock", "vdso"];
    let is_kernels = |mapping: &&Mapping| matches!(mapping.kind, MappingKind::Vdso | MappingKind::Vvar);
    let new = new.mappings.iter().filter(is_kernels).map(|mapping| mapping.range.clone());
    let old = old.mappings.iter().filter(|mapping| NAMES.iter().any(|name| mapping.is(name)));
    let (new, old): (Vec<_>, Vec<_>) = (new.collect(), old.map(|mapping| mapping.range.clone()).collect());
    let length = |range: &Range<u64>| range.end - range.start;
    if !new.iter().map(length).eq(old.iter().map(length)) {
        return Err(Refusal::KernelPages);
    }
    let pairs = old.into_iter().zip(new).filter(|(old, new)| old != new);
    Ok(pairs.map(|(old, new)| Move { from: old.start, to: new.start, len: length(&old) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::maps;
    use mcrx_tracer::image::Fake;

    const OLD: &str = "\
555555554000-555555556000 r--p 00000000 fe:0a 12                         /usr/sbin/server
555555556000-555555557000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000010000 rw-p 00000000 00:00 0
7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0                          [stack]
7ffe00100000-7ffe00104000 r--p 00000000 00:00 0                          [vvar]
7ffe00104000-7ffe00106000 r--p 00000000 00:00 0                          [vvar_vclock]
7ffe00106000-7ffe00108000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    fn old(text: &str) -> Space {
        Space { mappings: maps::parse(text.as_bytes()), stack_limit: 8 << 20 }
    }

    fn mapping(range: Range<u64>, kind: MappingKind) -> Mapping {
        Mapping { range, permissions: Permissions::READ_WRITE, kind }
    }

    fn anonymous(range: Range<u64>) -> Mapping {
        mapping(range, MappingKind::Anonymous { name: None })
    }

    /// A process of the new release with the kernel's pages at an address, and other mappings.
    fn new(kernels: u64, mut mappings: Vec<Mapping>) -> Process {
        mappings.push(mapping(kernels..kernels + 0x4000, MappingKind::Vvar));
        mappings.push(mapping(kernels + 0x4000..kernels + 0x6000, MappingKind::Vvar));
        mappings.push(mapping(kernels + 0x6000..kernels + 0x8000, MappingKind::Vdso));
        let mut process = Fake::new().process();
        mappings.sort_by_key(|mapping| mapping.range.start);
        process.mappings = mappings;
        process
    }

    const ELSEWHERE: u64 = 0x7ffd_0000_0000;

    fn collision(mapping: Mapping) -> (String, String) {
        match Plan::of(&new(ELSEWHERE, vec![mapping]), &old(OLD), &[]) {
            Err(Refusal::Collision { old, new }) => (old.name, new.name),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_is_mapped_where_it_was_and_the_stack_gets_all_its_room() {
        let file = MappingKind::File {
            path: "/usr/sbin/server-2".into(),
            offset: 0x1000,
            inode: Inode { major: 0xfe, minor: 10, number: 13 },
            deleted: false,
        };
        let stack = mapping(0x7ffc_0fff_0000..0x7ffc_1000_0000, MappingKind::Stack);
        let process = new(ELSEWHERE, vec![mapping(0x5656_0000_0000..0x5656_0000_2000, file), stack]);
        let plan = Plan::of(&process, &old(OLD), &[]).unwrap();
        let path = PathBuf::from("/usr/sbin/server-2");
        assert_eq!(plan.pieces[0].source, Source::File { path, offset: 0x1000 });
        assert_eq!(plan.pieces[0].range, 0x5656_0000_0000..0x5656_0000_2000);
        assert_eq!(plan.pieces[1].source, Source::Stack);
        assert_eq!(plan.pieces[1].range, 0x7ffc_1000_0000 - (8 << 20)..0x7ffc_1000_0000);
        assert_eq!(plan.piece_at(0x7ffc_1000_0000 - (8 << 20)), Some(&plan.pieces[1]));
        assert_eq!(plan.piece_at(0x5656_0000_2000), None);
    }

    #[test]
    fn a_stack_does_not_get_what_the_new_release_has_below_it() {
        let below = anonymous(0x7ffc_0ff0_0000..0x7ffc_0ff8_0000);
        let stack = mapping(0x7ffc_0fff_0000..0x7ffc_1000_0000, MappingKind::Stack);
        let plan = Plan::of(&new(ELSEWHERE, vec![below, stack]), &old(OLD), &[]).unwrap();
        assert_eq!(plan.pieces[1].range.start, 0x7ffc_0ff8_0000);
        assert!(plan.ranges().iter().eq([&(0x7ffc_0ff0_0000..0x7ffc_1000_0000)]));
    }

    #[test]
    fn the_kernels_pages_move_in_their_order() {
        let plan = Plan::of(&new(ELSEWHERE, Vec::new()), &old(OLD), &[]).unwrap();
        let step =
            |offset: u64, len: u64| Move { from: 0x7ffe_0010_0000 + offset, to: ELSEWHERE + offset, len };
        assert_eq!(plan.moves, [step(0, 0x4000), step(0x4000, 0x2000), step(0x6000, 0x2000)]);
    }

    #[test]
    fn the_kernels_pages_stay_if_they_are_where_they_are_to_be() {
        let plan = Plan::of(&new(0x7ffe_0010_0000, Vec::new()), &old(OLD), &[]).unwrap();
        assert_eq!(plan.moves, []);
    }

    #[test]
    fn other_pages_of_the_kernels_are_refused() {
        let without: String =
            OLD.lines().filter(|line| !line.contains("vclock")).flat_map(|l| [l, "\n"]).collect();
        assert_eq!(Plan::of(&new(ELSEWHERE, Vec::new()), &old(&without), &[]), Err(Refusal::KernelPages));
    }

    #[test]
    fn what_lies_where_the_old_process_has_something_is_refused() {
        let names = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        let memory = "anonymous memory";
        assert_eq!(collision(anonymous(0x7f00_0000_f000..0x7f00_0001_1000)), names(memory, memory));
        assert_eq!(collision(anonymous(0x5555_5555_5000..0x5555_5555_6000)), names("server", memory));
        assert_eq!(collision(anonymous(0x7ffe_0010_7000..0x7ffe_0010_9000)), names("vdso", memory));
        let stack = mapping(0x7f00_0010_0000..0x7f00_0010_1000, MappingKind::Stack);
        assert_eq!(collision(stack), names(memory, "its stack"));
    }

    #[test]
    fn what_lies_where_the_old_process_may_grow_is_refused() {
        let names = |old: &str| (old.to_owned(), "anonymous memory".to_owned());
        assert_eq!(collision(anonymous(0x7ffd_ff90_0000..0x7ffd_ff90_1000)), names("its stack"));
        assert_eq!(collision(anonymous(0x5555_5600_0000..0x5555_5600_1000)), names("its heap"));
    }

    #[test]
    fn a_region_of_the_heap_belongs_to_one_release_alone() {
        let heap = "100000000000-100000010000 rw-p 00000000 00:00 0\n";
        let process = new(ELSEWHERE, vec![anonymous(0x1000_8000_0000..0x1000_8001_0000)]);
        let refused = Plan::of(&process, &old(&format!("{heap}{OLD}")), &[]).unwrap_err();
        assert!(matches!(refused, Refusal::Collision { .. }), "{refused}");
    }

    #[test]
    fn what_touches_the_old_process_is_no_collision() {
        let touching = anonymous(0x7f00_0001_0000..0x7f00_0001_1000);
        assert!(Plan::of(&new(ELSEWHERE, vec![touching]), &old(OLD), &[]).is_ok());
    }

    #[test]
    fn pages_of_the_kernels_that_would_come_to_lie_on_something_are_refused() {
        let refused = Plan::of(&new(0x7ffe_0010_2000, Vec::new()), &old(OLD), &[]).unwrap_err();
        let Refusal::Collision { new, .. } = refused else { panic!("{refused}") };
        assert_eq!(new.name, "the kernel's pages");
    }
}
