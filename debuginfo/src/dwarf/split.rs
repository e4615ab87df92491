//! Split debug info (`-gsplit-dwarf`): what is linked into the program are skeletons; the units proper stay in a `.dwo` file beside each
//! object file, or are collected in one `PROGRAM.dwp`.
//!
//! A file is taken only if it has a unit with the skeleton's 64-bit id; a stale one does not.

use super::{DwarfError, Role, Slice, UnitId, sections, unit};
use crate::dwarf::{Dwarf, MAIN};
use crate::file::Binary;
use crate::file::elf::Elf;
use gimli::{
    DebugInfo, DebugTypeSignature, DebugTypes, DwarfPackage, DwoId, LittleEndian, Section, UnitHeader,
    UnitType,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Skeletons of DWARF 4 are told from whole units by their first entry. Units above this many bytes are no skeletons: those have one
/// entry, with two paths.
const SKELETON_MAX: usize = 16 << 10;
/// Units of DWARF 4 that are looked into in one `.dwo` file: one is usual.
const OLD_UNITS_MAX: usize = 1024;

/// A split unit that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSplit {
    /// What stands for it.
    pub skeleton: UnitId,
    /// Where it should be.
    pub path: PathBuf,
}

/// What a skeleton asks for.
pub(crate) struct Wanted {
    skeleton: UnitId,
    id: DwoId,
    name: PathBuf,
    /// Where the compiler ran.
    folder: PathBuf,
}

/// The files with split units of a program.
#[derive(Default)]
pub(crate) struct SplitFiles {
    package: Option<Elf>,
    objects: Vec<Elf>,
    /// Which of the objects has a unit.
    by_id: FxHashMap<u64, usize>,
}

impl SplitFiles {
    fn open(binary: &Binary, wanted: &[Wanted]) -> SplitFiles {
        let mut files = SplitFiles { package: package_of(binary, wanted), ..SplitFiles::default() };
        let packed: FxHashSet<u64> = match files.package.as_ref().map(read_package) {
            Some(Ok(package)) => {
                wanted.iter().filter(|wanted| has(&package, wanted.id)).map(|wanted| wanted.id.0).collect()
            }
            _ => FxHashSet::default(),
        };
        let folder = binary.location().parent().unwrap_or(Path::new("/")).to_owned();
        let mut tried = FxHashSet::default();
        for wanted in wanted {
            if packed.contains(&wanted.id.0) || files.by_id.contains_key(&wanted.id.0) {
                continue;
            }
            for path in wanted.places(&folder) {
                if !tried.insert(path.clone()) {
                    continue;
                }
                let Ok(object) = Elf::part(&path) else { continue };
                // A damaged one has none; it is as good as missing.
                let ids = ids(&object).unwrap_or_default();
                if ids.contains(&wanted.id.0) {
                    let index = files.objects.len();
                    ids.into_iter().for_each(|id| _ = files.by_id.entry(id).or_insert(index));
                    files.objects.push(object);
                    break;
                }
            }
        }
        files
    }
}

impl Wanted {
    /// Where the compiler left it; where it lies if the build was moved whole; beside the program.
    fn places(&self, program: &Path) -> Vec<PathBuf> {
        let mut places = vec![self.folder.join(&self.name), program.join(&self.name)];
        places.extend(self.name.file_name().map(|name| program.join(name)));
        places
    }
}

/// The package of a program: beside it or beside its debug file, with `.dwp` behind the whole name.
fn package_of(binary: &Binary, wanted: &[Wanted]) -> Option<Elf> {
    let places = [binary.location(), binary.path(), binary.with_debug_info().path()];
    let package = |path: &Path| {
        let mut name = OsString::from(path);
        name.push(".dwp");
        let elf = Elf::part(Path::new(&name)).ok()?;
        let has_any = read_package(&elf).is_ok_and(|package| wanted.iter().any(|w| has(&package, w.id)));
        has_any.then_some(elf)
    };
    places.into_iter().find_map(package)
}

fn has(package: &DwarfPackage<Slice<'_>>, id: DwoId) -> bool {
    package.cu_index.find(id.0).is_some()
}

fn read_package(elf: &Elf) -> Result<DwarfPackage<Slice<'_>>, DwarfError> {
    enum Failure {
        Section(DwarfError),
        Index(gimli::Error),
    }
    impl From<gimli::Error> for Failure {
        fn from(error: gimli::Error) -> Failure {
            Failure::Index(error)
        }
    }
    let section = |id| sections::of_package(elf, id).map_err(Failure::Section);
    DwarfPackage::load(section, Slice::new(&[], LittleEndian)).map_err(|failure| match failure {
        Failure::Section(error) => error,
        Failure::Index(source) => {
            DwarfError::Damaged { path: elf.path().to_owned(), section: ".debug_cu_index", offset: 0, source }
        }
    })
}

/// The ids of the units of a `.dwo` file.
fn ids(elf: &Elf) -> Result<Vec<u64>, DwarfError> {
    let (dwarf, mut old) = (sections::of_split(elf)?, 0);
    let sections = sections::all(elf, ".debug_info.dwo")?;
    let headers =
        sections.into_iter().flat_map(|section| DebugInfo::from(section).units().map_while(Result::ok));
    Ok(headers.filter_map(|header| id_of(&dwarf, &header, &mut old)).collect())
}

/// The id of a split unit; those of DWARF 4 have it in their first entry, and are counted.
fn id_of<'a>(
    dwarf: &gimli::Dwarf<Slice<'a>>,
    header: &UnitHeader<Slice<'a>>,
    old: &mut usize,
) -> Option<u64> {
    match header.type_() {
        UnitType::SplitCompilation(id) => Some(id.0),
        UnitType::Compilation if *old < OLD_UNITS_MAX => {
            *old += 1;
            gimli::Unit::new(dwarf, *header).ok()?.dwo_id.map(|id| id.0)
        }
        _ => None,
    }
}

impl<'a> Dwarf<'a> {
    /// Adds the split units of the skeletons among the units.
    pub(super) fn add_split(&mut self, binary: &'a Binary, main: &Main<'a>) -> Result<(), DwarfError> {
        let wanted = self.wanted(main);
        if wanted.is_empty() {
            return Ok(());
        }
        let files = binary.split().get_or_init(|| SplitFiles::open(binary, &wanted));
        let mut split = FxHashMap::default();
        if let Some(elf) = &files.package {
            self.add_package(elf, main, &wanted, &mut split)?;
        }
        let mut added = FxHashSet::default();
        for wanted in &wanted {
            let Some(index) = files.by_id.get(&wanted.id.0).copied() else { continue };
            if !split.contains_key(&wanted.id.0) && added.insert(index) {
                self.add_object(&files.objects[index], main, &mut split)?;
            }
        }
        for wanted in &wanted {
            // A second skeleton with the id of a first has nothing left to stand for.
            match split.remove(&wanted.id.0) {
                Some(split) => {
                    self.units[wanted.skeleton.index()].role = Role::Skeleton { split };
                    self.units[split.index()].role = Role::Split { skeleton: wanted.skeleton };
                }
                None => {
                    let path = wanted.folder.join(&wanted.name);
                    self.missing.push(MissingSplit { skeleton: wanted.skeleton, path });
                }
            }
        }
        self.tables.seal();
        self.check_that_some_are_there(binary)
    }

    /// The skeletons among the units of the program.
    fn wanted(&mut self, main: &Main<'a>) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        let has_addresses = !main.debug_addr.reader().is_empty();
        for index in self.parts[MAIN].info.clone() {
            let Some(skeleton) = UnitId::at(index) else { break };
            let header = self.header(skeleton);
            let may_be_one = match header.type_() {
                UnitType::Skeleton(_) => true,
                UnitType::Compilation => {
                    header.version() < 5 && (has_addresses || header.length_including_self() < SKELETON_MAX)
                }
                _ => false,
            };
            if !may_be_one {
                continue;
            }
            // What cannot be parsed fails again, with a message, where it is read.
            let Ok(unit) = self.parsed(skeleton) else { continue };
            let name = unit.dwo_name().ok().flatten().and_then(|name| main.attr_string(&unit, name).ok());
            if let (Some(id), Some(name)) = (unit.dwo_id, name) {
                let folder = unit.comp_dir.map(path_of).unwrap_or_default();
                wanted.push(Wanted { skeleton, id, name: path_of(name), folder });
                self.units[index].role = Role::LoneSkeleton;
            }
        }
        wanted
    }

    /// Adds what skeletons want of a package, and its type units.
    fn add_package(
        &mut self,
        elf: &'a Elf,
        main: &Main<'a>,
        wanted: &[Wanted],
        split: &mut FxHashMap<u64, UnitId>,
    ) -> Result<(), DwarfError> {
        let package = read_package(elf)?;
        let damaged = |section| {
            move |source| DwarfError::Damaged { path: elf.path().to_owned(), section, offset: 0, source }
        };
        let key = self.parts.len();
        for wanted in wanted {
            let found = package.find_cu(wanted.id, main).map_err(damaged(".debug_cu_index"))?;
            let Some(dwarf) = found.filter(|_| !split.contains_key(&wanted.id.0)) else { continue };
            let header = dwarf.units().next().map_err(damaged(".debug_info.dwo"))?;
            let header = header.filter(|header| id_of(&dwarf, header, &mut 0) == Some(wanted.id.0));
            if let Some(header) = header {
                let part = self.add_packed(elf, key, &package, dwarf);
                split.insert(wanted.id.0, self.push_alone(header, part)?);
            }
        }
        // Each row has a slot in the hash table, so a file has room for all that it claims.
        for row in 1..=package.tu_index.unit_count().min(package.tu_index.slot_count()) {
            let dwarf = package.tu_sections(row, main).map_err(damaged(".debug_tu_index"))?;
            let header = match dwarf.units().next().map_err(damaged(".debug_info.dwo"))? {
                Some(header) => Some(header),
                None => dwarf.type_units().next().map_err(damaged(".debug_types.dwo"))?,
            };
            let is_new = |header: &UnitHeader<Slice<'a>>| self.lacks_type(header);
            if let Some(header) = header.filter(is_new) {
                let part = self.add_packed(elf, key, &package, dwarf);
                self.push_alone(header, part)?;
            }
        }
        Ok(())
    }

    fn add_packed(
        &mut self,
        elf: &'a Elf,
        key: usize,
        package: &DwarfPackage<Slice<'a>>,
        dwarf: gimli::Dwarf<Slice<'a>>,
    ) -> usize {
        let part = self.add_part(elf.path(), Arc::new(dwarf));
        // Rows share tables of abbreviations: each is parsed once for the whole package.
        self.parts[part].abbreviations = (key, *package.debug_abbrev.reader());
        part
    }

    /// Adds the only unit of a part.
    fn push_alone(&mut self, header: UnitHeader<Slice<'a>>, part: usize) -> Result<UnitId, DwarfError> {
        unit::check_length(self.parts[part].path, &header)?;
        let id = self.push(header, part)?;
        self.parts[part].info = id.index()..self.units.len();
        Ok(id)
    }

    /// Adds all units of a `.dwo` file that are not there yet.
    fn add_object(
        &mut self,
        elf: &'a Elf,
        main: &Main<'a>,
        split: &mut FxHashMap<u64, UnitId>,
    ) -> Result<(), DwarfError> {
        let mut dwarf = sections::of_split(elf)?;
        dwarf.make_dwo(main);
        let part = self.add_part(elf.path(), Arc::new(dwarf));
        let dwarf = Arc::clone(&self.parts[part].dwarf);
        let mut old = 0;
        for section in sections::all(elf, ".debug_info.dwo")? {
            let start = self.units.len();
            let mut headers = unit::headers(elf.path(), ".debug_info.dwo", DebugInfo::from(section).units());
            while let Some(header) = headers.next()? {
                if let UnitType::Type { .. } | UnitType::SplitType { .. } = header.type_() {
                    if self.lacks_type(&header) {
                        self.push(header, part)?;
                    }
                } else if let Some(id) = id_of(&dwarf, &header, &mut old)
                    && !split.contains_key(&id)
                {
                    split.insert(id, self.push(header, part)?);
                    self.parts[part].info = start..self.units.len();
                }
            }
        }
        for section in sections::all(elf, ".debug_types.dwo")? {
            let mut headers =
                unit::headers(elf.path(), ".debug_types.dwo", DebugTypes::from(section).units());
            while let Some(header) = headers.next()? {
                if self.lacks_type(&header) {
                    self.push(header, part)?;
                }
            }
        }
        Ok(())
    }

    /// It is a type unit, and the first with its signature: every split file brings its own copies.
    fn lacks_type(&self, header: &UnitHeader<Slice<'a>>) -> bool {
        let (UnitType::Type { type_signature, .. } | UnitType::SplitType { type_signature, .. }) =
            header.type_()
        else {
            return false;
        };
        let DebugTypeSignature(signature) = type_signature;
        !self.types.contains_key(&signature)
    }

    /// A program of nothing but skeletons has no debug info to speak of.
    fn check_that_some_are_there(&self, binary: &Binary) -> Result<(), DwarfError> {
        let is_lone =
            |index: usize| matches!(self.units.get(index).map(|unit| unit.role), Some(Role::LoneSkeleton));
        let (count, mut info) = (self.missing.len(), self.parts[MAIN].info.clone());
        match self.missing.first() {
            Some(first) if info.all(is_lone) => {
                let (path, wanted) = (binary.path().to_owned(), first.path.clone());
                Err(DwarfError::SplitMissing { path, count, wanted })
            }
            _ => Ok(()),
        }
    }
}

/// The sections of the program's own debug info.
type Main<'a> = Arc<gimli::Dwarf<Slice<'a>>>;

fn path_of(text: Slice<'_>) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(text.slice()))
}
