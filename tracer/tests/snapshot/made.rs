//! Images of all shapes, out of proptest.

use mcrx_debuginfo::file::BuildId;
use mcrx_tracer::image::{
    Buffer, Content, GRAIN, Image, Inode, Mapping, MappingKind, Memory, Method, Module, Permissions, Process,
    Registers, Segment, Taken, Thread, Tls,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Some image.
pub(crate) fn image() -> impl Strategy<Value = Image> {
    let processes = vec((description(), vec(windows(), 0..6)), 1..4);
    (vec(content(), 1..6), processes, taken()).prop_map(|(contents, processes, taken)| {
        let contents: Vec<Arc<Content>> = contents.into_iter().map(Arc::new).collect();
        let processes = processes.into_iter().map(|(mut process, windows)| {
            process.memory = memory(&contents, &windows);
            process
        });
        Image { processes: processes.collect(), taken }
    })
}

/// Which content, where in it, how much of it, how far behind the segment before.
type Window = (prop::sample::Index, u16, u32, u32);

fn windows() -> impl Strategy<Value = Window> {
    (any::<prop::sample::Index>(), any::<u16>(), any::<u32>(), prop_oneof![Just(0), any::<u32>()])
}

fn memory(contents: &[Arc<Content>], windows: &[Window]) -> Memory {
    let mut at = 0x1000;
    let segments = windows.iter().map(|(content, offset, len, gap)| {
        let content = content.get(contents);
        let start = at + u64::from(*gap);
        let segment = Segment::part(start..start + u64::from(*len), Arc::clone(content), u64::from(*offset));
        at = segment.range().end;
        segment
    });
    Memory::new(segments).expect("they lie one behind the other")
}

/// Bytes here and there, in up to four chunks.
fn content() -> impl Strategy<Value = Content> {
    let piece = (any::<u32>(), vec(any::<u8>(), 0..100), 0..5000_usize);
    (0..4 * GRAIN, vec(piece, 0..8)).prop_map(|(len, pieces)| {
        let mut buffer = Buffer::zeros(len).expect("a buffer");
        for (at, bytes, run) in pieces {
            let start = usize::try_from(at).expect("64 bits") % len.max(1);
            let bytes: Vec<u8> = bytes.into_iter().chain(std::iter::repeat_n(7, run)).collect();
            let end = len.min(start + bytes.len());
            let part = buffer.part_mut(start..end).expect("it is inside");
            part.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        }
        Content::Held(buffer)
    })
}

fn taken() -> impl Strategy<Value = Taken> {
    (any::<u32>(), any::<u32>(), any::<bool>(), "[ -~]{0,20}", any::<bool>()).prop_map(
        |(at, held, cloned, kernel, redacted)| Taken {
            at: SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::from(at) << 28),
            held: Duration::from_nanos(held.into()),
            method: if cloned { Method::Clone } else { Method::Copy },
            kernel,
            redacted,
        },
    )
}

/// A process without memory.
fn description() -> impl Strategy<Value = Process> {
    let names = (any::<u32>(), any::<u32>(), any::<String>(), path());
    (names, vec(module(), 0..3), vec(mapping(), 0..5), vec(thread(), 0..3)).prop_map(
        |((pid, parent, name, executable), modules, mappings, threads)| Process {
            pid,
            parent,
            name,
            executable,
            modules,
            mappings,
            threads,
            memory: Memory::default(),
        },
    )
}

fn module() -> impl Strategy<Value = Module> {
    let tls = (any::<u64>(), option::of(any::<u64>()), any::<u64>());
    let tls = tls.prop_map(|(number, below_thread_pointer, size)| Tls { number, below_thread_pointer, size });
    (path(), vec(any::<u8>(), 0..65), any::<u64>(), range(), option::of(tls)).prop_map(
        |(path, build_id, bias, range, tls)| Module {
            path,
            build_id: BuildId::new(&build_id),
            bias,
            range,
            tls,
        },
    )
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let inode = (any::<u32>(), any::<u32>(), any::<u64>());
    let inode = inode.prop_map(|(major, minor, number)| Inode { major, minor, number });
    let file = || (path(), any::<u64>(), inode.clone(), any::<bool>());
    let kind = prop_oneof![
        option::of(any::<String>()).prop_map(|name| MappingKind::Anonymous { name }),
        Just(MappingKind::Heap),
        Just(MappingKind::Stack),
        file().prop_map(|(path, offset, inode, deleted)| MappingKind::File { path, offset, inode, deleted }),
        file().prop_map(|(path, offset, inode, _)| MappingKind::Shared { path, offset, inode }),
        Just(MappingKind::Vdso),
        Just(MappingKind::Vvar),
        Just(MappingKind::Vsyscall),
    ];
    let permissions = (any::<bool>(), any::<bool>(), any::<bool>());
    let permissions = permissions.prop_map(|(read, write, execute)| Permissions { read, write, execute });
    (range(), permissions, kind).prop_map(|(range, permissions, kind)| Mapping { range, permissions, kind })
}

fn thread() -> impl Strategy<Value = Thread> {
    let registers = any::<[u64; Registers::COUNT]>().prop_map(Registers::from_words);
    (any::<u32>(), any::<String>(), registers, option::of(any::<u32>()))
        .prop_map(|(tid, name, registers, blocked_in)| Thread { tid, name, registers, blocked_in })
}

fn range() -> impl Strategy<Value = Range<u64>> {
    (any::<u64>(), any::<u64>()).prop_map(|(one, other)| one.min(other)..one.max(other))
}

/// Of any bytes.
fn path() -> impl Strategy<Value = PathBuf> {
    vec(any::<u8>(), 0..20).prop_map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
}
