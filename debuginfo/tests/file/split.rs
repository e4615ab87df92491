//! `-gsplit-dwarf`: units in `.dwo` files and `.dwp` packages.

use crate::walk::check;
use crate::workshop::Workshop;
use mcrx_debuginfo::dwarf::{DwarfError, Role};
use mcrx_debuginfo::file::Binary;
use mcrx_harness::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;

const VERSIONS: [&str; 2] = ["-gdwarf-4", "-gdwarf-5"];
const OBJECTS: [&str; 2] = ["program-one.dwo", "program-two.dwo"];

/// All is there, and each skeleton has its split unit.
fn check_split(test: &Context, path: &Path) -> Result<()> {
    let binary = Binary::open(path)?;
    check(&binary, path, test.program("nm")?)?;
    let dwarf = binary.dwarf()?;
    let of = |wanted: fn(Role) -> bool| dwarf.unit_ids().filter(|id| wanted(dwarf.role(*id))).count();
    let skeletons = of(|role| matches!(role, Role::Skeleton { .. }));
    let splits = of(|role| matches!(role, Role::Split { .. }));
    ensure!((skeletons, splits) == (2, 2), "{skeletons} skeletons, {splits} split units");
    ensure!(dwarf.missing_splits().is_empty());
    for id in dwarf.unit_ids() {
        if let Role::Split { skeleton } = dwarf.role(id) {
            ensure!(dwarf.role(skeleton) == Role::Skeleton { split: id }, "{id:?} and {skeleton:?}");
            ensure!(dwarf.unit(id)?.unit.name.is_some() && dwarf.unit(id)?.unit.comp_dir.is_some());
        }
    }
    Ok(())
}

fn objects(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in VERSIONS {
        for more in ["-O0", "-O2", "-fdebug-types-section"] {
            let path = workshop.build(compiler, "program", &[version, "-gsplit-dwarf", more])?;
            check_split(test, &path)?;
        }
    }
    Ok(())
}

pub(crate) fn gcc_with_object_files(test: &Context) -> Result<()> {
    objects(test, "gcc")
}

pub(crate) fn clang_with_object_files(test: &Context) -> Result<()> {
    objects(test, "clang")
}

fn package(test: &Context, compiler: &str, packer: &str, versions: &[&str]) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in versions {
        for more in ["-O2", "-fdebug-types-section"] {
            let path = workshop.build(compiler, "program", &[version, "-gsplit-dwarf", more])?;
            let files = [&["-o", "program.dwp"], &OBJECTS[..]].concat();
            workshop.run(packer, &files)?;
            for object in OBJECTS {
                fs::remove_file(workshop.folder().join(object))?;
            }
            check_split(test, &path)?;
            fs::remove_file(workshop.folder().join("program.dwp"))?;
        }
    }
    Ok(())
}

pub(crate) fn gcc_with_a_package_by_dwp(test: &Context) -> Result<()> {
    // Of DWARF 5 the one of binutils 2.40 leaves the units out.
    package(test, "gcc", "dwp", &["-gdwarf-4"])
}

pub(crate) fn gcc_with_a_package_by_llvm(test: &Context) -> Result<()> {
    package(test, "gcc", "llvm-dwp", &VERSIONS)
}

pub(crate) fn clang_with_a_package_by_llvm(test: &Context) -> Result<()> {
    package(test, "clang", "llvm-dwp", &VERSIONS)
}

pub(crate) fn types_of_several_object_files_are_there_once(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in VERSIONS {
        let path = workshop.build("gcc", "program", &[version, "-gsplit-dwarf", "-fdebug-types-section"])?;
        let binary = Binary::open(&path)?;
        let dwarf = binary.dwarf()?;
        let signature = |id| match dwarf.header(id).type_() {
            gimli::UnitType::Type { type_signature, .. }
            | gimli::UnitType::SplitType { type_signature, .. } => Some(type_signature.0),
            _ => None,
        };
        let mut signatures: Vec<u64> = dwarf.unit_ids().filter_map(signature).collect();
        let all = signatures.len();
        signatures.sort_unstable();
        signatures.dedup();
        ensure!(
            all >= 5 && signatures.len() == all,
            "{version}: {all} type units, {} types",
            signatures.len()
        );
    }
    Ok(())
}

pub(crate) fn a_build_that_was_moved_is_found(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    workshop.build("gcc", "program", &["-g", "-gsplit-dwarf"])?;
    let moved = test.scratch().fresh("moved");
    fs::rename(workshop.folder(), &moved)?;
    check_split(test, &moved.join("program"))
}

pub(crate) fn a_stale_object_file_is_left_alone(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for (number, version) in VERSIONS.into_iter().enumerate() {
        let path = workshop.build("gcc", "program", &[version, "-gsplit-dwarf", "-O0"])?;
        let keep = workshop.folder().join("keep");
        fs::copy(&path, &keep)?;
        // The same names, other contents and so other ids.
        let source = workshop.folder().join("two.c");
        fs::write(&source, fs::read_to_string(&source)? + &format!("int later{};\n", number))?;
        workshop.build("gcc", "program", &[version, "-gsplit-dwarf", "-O0"])?;
        let binary = Binary::open(&keep)?;
        let dwarf = binary.dwarf()?;
        let missing = dwarf.missing_splits();
        ensure!(missing.len() == 1, "{version}: {missing:?}");
        ensure!(missing[0].path.ends_with("program-two.dwo"), "{missing:?}");
        ensure!(dwarf.role(missing[0].skeleton) == Role::LoneSkeleton);
    }
    Ok(())
}

pub(crate) fn none_of_the_object_files_is_there(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in VERSIONS {
        let path = workshop.build("gcc", "program", &[version, "-gsplit-dwarf"])?;
        for object in OBJECTS {
            fs::remove_file(workshop.folder().join(object))?;
        }
        match Binary::open(&path)?.dwarf() {
            Err(error @ DwarfError::SplitMissing { count: 2, .. }) => {
                ensure!(error.to_string().contains("program-one.dwo"), "{error}");
            }
            Err(error) => bail!("another error: {error}"),
            Ok(_) => bail!("no error"),
        }
    }
    Ok(())
}
