//! Images out of nothing, for tests.

use super::{
    Buffer, Content, Image, Mapping, MappingKind, Memory, Method, Module, Permissions, Process, Segment,
    Taken, Thread,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A process that is made up. Its pieces of memory are mapped where they are put, to be read and written.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    modules: Vec<Module>,
    threads: Vec<Thread>,
    mappings: Vec<Mapping>,
    segments: Vec<Segment>,
}

impl Fake {
    /// One that has nothing.
    #[must_use]
    pub fn new() -> Fake {
        Fake::default()
    }

    /// Bytes at an address.
    #[must_use]
    pub fn bytes(self, address: u64, bytes: impl Into<Vec<u8>>) -> Fake {
        let content = Arc::new(Content::Held(Buffer::from(bytes.into())));
        self.mapped(MappingKind::Anonymous { name: None }, Segment::whole(address, content))
    }

    /// Words at an address.
    #[must_use]
    pub fn words(self, address: u64, words: &[u64]) -> Fake {
        self.bytes(address, words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// A segment, and the mapping that it is of.
    #[must_use]
    pub fn mapped(mut self, kind: MappingKind, segment: Segment) -> Fake {
        self.mappings.push(Mapping { range: segment.range(), permissions: Permissions::READ_WRITE, kind });
        self.segments.push(segment);
        self
    }

    /// A program or library.
    #[must_use]
    pub fn module(mut self, module: Module) -> Fake {
        self.modules.push(module);
        self
    }

    /// A thread.
    #[must_use]
    pub fn thread(mut self, thread: Thread) -> Fake {
        self.threads.push(thread);
        self
    }

    /// The process, with id 1.
    ///
    /// # Panics
    /// Two pieces of its memory overlap.
    pub fn process(self) -> Process {
        let Fake { mut modules, threads, mut mappings, segments } = self;
        modules.sort_by_key(|module| module.range.start);
        mappings.sort_by_key(|mapping| mapping.range.start);
        let memory = match Memory::new(segments) {
            Ok(memory) => memory,
            Err(overlap) => panic!("a fake process is made up wrongly: {overlap}"),
        };
        let executable = PathBuf::from("/fake");
        Process { pid: 1, parent: 0, name: "fake".to_owned(), executable, modules, mappings, threads, memory }
    }

    /// An image of it alone, taken at the epoch.
    ///
    /// # Panics
    /// Two pieces of its memory overlap.
    pub fn image(self) -> Image {
        Image {
            processes: vec![self.process()],
            taken: Taken {
                at: SystemTime::UNIX_EPOCH,
                held: Duration::ZERO,
                method: Method::Copy,
                kernel: "fake".to_owned(),
                redacted: false,
            },
        }
    }
}
