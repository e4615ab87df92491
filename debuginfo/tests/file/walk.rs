//! A walk over all entries of all units: what they name, and whether what they refer to is there.

use gimli::{AttributeValue, Operation};
use mcrx_debuginfo::dwarf::{DieRef, Dwarf, Role, Slice, Unit};
use mcrx_debuginfo::file::Binary;
use mcrx_harness::{Result, anyhow, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What the debug info of a program has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Name, kind and size of complete types.
    pub(crate) types: BTreeSet<(String, String, u64)>,
    /// Variables with an address of their own.
    pub(crate) variables: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) functions: BTreeMap<String, BTreeSet<u64>>,
    /// References that were followed, of them into another unit.
    pub(crate) references: usize,
    pub(crate) across: usize,
    /// Ranges of code that some unit has, in bytes.
    pub(crate) code: u64,
    /// Names of files with lines.
    pub(crate) sources: BTreeSet<String>,
}

type Entry<'a> = gimli::DebuggingInformationEntry<Slice<'a>>;

pub(crate) fn walk(dwarf: &Dwarf<'_>) -> Result<Seen> {
    let mut seen = Seen::default();
    let units = dwarf.unit_ids().map(|id| dwarf.unit(id)).collect::<Result<Vec<Unit<'_>>, _>>()?;
    for unit in &units {
        if let Role::Skeleton { .. } = dwarf.role(unit.id) {
            continue;
        }
        see_unit(dwarf, unit, &mut seen)?;
        let mut entries = unit.unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            see_entry(dwarf, &units, unit, entry, &mut seen)?;
        }
    }
    Ok(seen)
}

fn see_unit(dwarf: &Dwarf<'_>, unit: &Unit<'_>, seen: &mut Seen) -> Result<()> {
    let lines = unit.lines();
    if let Role::Whole | Role::Split { .. } = dwarf.role(unit.id) {
        for range in unit.code()? {
            let range = range?;
            seen.code += range.end - range.begin;
        }
    }
    if let Some(program) = lines.line_program.clone() {
        for file in program.header().file_names() {
            seen.sources.insert(lines.attr_string(file.path_name())?.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn see_entry<'a>(
    dwarf: &Dwarf<'a>,
    units: &[Unit<'a>],
    unit: &Unit<'a>,
    entry: &Entry<'a>,
    seen: &mut Seen,
) -> Result<()> {
    for attribute in entry.attrs() {
        let value = attribute.value();
        let is_reference = matches!(
            value,
            AttributeValue::UnitRef(_)
                | AttributeValue::DebugInfoRef(_)
                | AttributeValue::DebugInfoRefSup(_)
                | AttributeValue::DebugTypesRef(_)
        );
        if is_reference {
            let target = dwarf.resolve(unit, value);
            let target = target
                .ok_or_else(|| anyhow!("{:?} at {:?} leads nowhere", attribute.name(), entry.offset()))?;
            check_is_entry(units, target)?;
            seen.references += 1;
            seen.across += usize::from(target.unit != unit.id);
        }
    }
    match entry.tag() {
        gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type | gimli::DW_TAG_enumeration_type => {
            let size = entry.attr_value(gimli::DW_AT_byte_size).and_then(|size| size.udata_value());
            if let (Some(name), Some(size)) = (name_of(dwarf, units, unit, entry)?, size) {
                seen.types.insert((name, entry.tag().to_string(), size));
            }
        }
        gimli::DW_TAG_variable => {
            let name = name_of(dwarf, units, unit, entry)?;
            if let (Some(name), Some(AttributeValue::Exprloc(expression))) =
                (name, entry.attr_value(gimli::DW_AT_location))
            {
                let mut operations = expression.operations(unit.unit.encoding());
                let address = match operations.next()? {
                    Some(Operation::Address { address }) => Some(address),
                    Some(Operation::AddressIndex { index }) => Some(unit.unit_ref().address(index)?),
                    _ => None,
                };
                // An address with something behind it is a value, or in thread-local storage.
                if let (Some(address), None) = (address, operations.next()?) {
                    seen.variables.entry(name).or_default().insert(address);
                }
            }
        }
        gimli::DW_TAG_subprogram => {
            let name = name_of(dwarf, units, unit, entry)?;
            let start = entry.attr_value(gimli::DW_AT_low_pc);
            let start = start.map(|start| unit.unit_ref().attr_address(start)).transpose()?.flatten();
            if let (Some(name), Some(start)) = (name, start) {
                seen.functions.entry(name).or_default().insert(start);
            }
        }
        _ => {}
    }
    Ok(())
}

fn check_is_entry(units: &[Unit<'_>], at: DieRef) -> Result<()> {
    let unit = &units[usize::try_from(at.unit.0)?];
    let entry = unit.unit.entry(gimli::UnitOffset(usize::try_from(at.offset)?))?;
    ensure!(!entry.is_null(), "{at:?} is no entry");
    Ok(())
}

/// The name of an entry (of C++ the mangled one), or of what it is an instance or the definition of.
fn name_of<'a>(
    dwarf: &Dwarf<'a>,
    units: &[Unit<'a>],
    unit: &Unit<'a>,
    entry: &Entry<'a>,
) -> Result<Option<String>> {
    let linkage_name = entry.attr_value(gimli::DW_AT_linkage_name);
    if let Some(name) = linkage_name.or_else(|| entry.attr_value(gimli::DW_AT_name)) {
        return Ok(Some(unit.unit_ref().attr_string(name)?.to_string_lossy().into_owned()));
    }
    let origin = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification].into_iter();
    let origin = origin.filter_map(|name| dwarf.resolve(unit, entry.attr_value(name)?)).next();
    let Some(origin) = origin else { return Ok(None) };
    let unit = &units[usize::try_from(origin.unit.0)?];
    let entry = unit.unit.entry(gimli::UnitOffset(usize::try_from(origin.offset)?))?;
    name_of(dwarf, units, unit, &entry)
}

/// The debug info of the workshop's program has all that its sources have, with the addresses that `nm` knows of `symbols`, a file of
/// the same build that is not stripped.
pub(crate) fn check(binary: &Binary, symbols: &Path, nm: &Path) -> Result<Seen> {
    let seen = walk(&binary.dwarf()?)?;
    let sizes: [(&str, &str, u64); 6] = [
        ("point", "DW_TAG_structure_type", 8),
        ("list", "DW_TAG_structure_type", 32),
        ("value", "DW_TAG_union_type", 24),
        ("table", "DW_TAG_structure_type", 240),
        ("session", "DW_TAG_structure_type", 112),
        ("color", "DW_TAG_enumeration_type", 4),
    ];
    for (name, tag, size) in sizes {
        let wanted = (name.to_owned(), tag.to_owned(), size);
        ensure!(seen.types.contains(&wanted), "no {tag} {name} of {size} bytes in {:#?}", seen.types);
    }
    let listed = list(nm, symbols)?;
    for name in ["sessions", "only_here", "created"] {
        let nms = called(&listed, name);
        let found = called(&seen.variables, name);
        ensure!(!found.is_empty() && found == nms, "{name} is at {found:x?}, nm says {nms:x?}");
    }
    for name in ["main", "table_new", "table_count"] {
        let nms = called(&listed, name);
        let found = called(&seen.functions, name);
        ensure!(!found.is_empty() && found == nms, "{name} is at {found:x?}, nm says {nms:x?}");
    }
    ensure!(seen.references > 50, "only {} references", seen.references);
    ensure!(seen.code > 100, "units have {} bytes of code", seen.code);
    for source in ["one.c", "two.c"] {
        let has = seen.sources.iter().any(|path| path.ends_with(source));
        ensure!(has, "no lines of {source}: {:?}", seen.sources);
    }
    Ok(seen)
}

/// Where symbols of a name are. Of C++ static ones are mangled (`_ZL9only_here`), and link-time optimisation adds to names
/// (`only_here.lto_priv.0`).
fn called(listed: &BTreeMap<String, BTreeSet<u64>>, name: &str) -> BTreeSet<u64> {
    let is_it = |symbol: &str| {
        let symbol = symbol.split('.').next().unwrap_or_default();
        symbol == name || symbol == format!("_ZL{}{name}", name.len())
    };
    listed.iter().filter(|(symbol, _)| is_it(symbol)).flat_map(|(_, addresses)| addresses).copied().collect()
}

/// Addresses by name, of what `nm` says has an address.
pub(crate) fn list(nm: &Path, program: &Path) -> Result<BTreeMap<String, BTreeSet<u64>>> {
    let out = Command::new(nm).arg("--defined-only").arg(program).output()?;
    let mut list: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in String::from_utf8(out.stdout)?.lines() {
        let mut words = line.split_whitespace();
        if let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next()) {
            list.entry(name.to_owned()).or_default().insert(u64::from_str_radix(address, 16)?);
        }
    }
    Ok(list)
}
