//! Whether another malloc takes the place of mcrx's.
//!
//! The loader looks a name up in the program first, then in what is preloaded, then in the libraries. So a malloc in the program wins
//! over mcrx's, and mcrx's over one in a library; but functions of a library that mcrx does not have, `mallocx` say, stay
//! that library's.

use super::finding::Finding;
use super::libraries::{Libraries, Library};
use crate::elf::symbols::Names;
use crate::elf::{Elf, Parsed};
use object::{Object, ObjectSection};
use std::collections::BTreeSet;

const FAMILY: [&str; 4] = ["malloc", "calloc", "realloc", "free"];

/// What an allocator that is linked in is called, by the names its functions have then.
const BUILT_IN: [(&str, &str); 8] = [
    ("je_malloc", "jemalloc"),
    ("_rjem_malloc", "jemalloc"),
    ("tc_malloc", "tcmalloc"),
    ("mi_malloc", "mimalloc"),
    ("rpmalloc", "rpmalloc"),
    ("sn_rust_alloc", "snmalloc"),
    ("scudo_malloc", "scudo"),
    ("dlmalloc", "dlmalloc"),
];

/// What such an allocator says in its messages, which stays when a program is stripped.
const MESSAGES: [(&[u8], &str); 4] = [
    (b"<jemalloc>: ", "jemalloc"),
    (b"tcmalloc: large alloc", "tcmalloc"),
    (b"mimalloc: ", "mimalloc"),
    (b"Scudo ERROR", "scudo"),
];

/// Sanitizers' start-up functions and libraries.
const SANITIZERS: [(&str, &str, &str); 5] = [
    ("__asan_init", "libasan.so", "AddressSanitizer"),
    ("__tsan_init", "libtsan.so", "ThreadSanitizer"),
    ("__msan_init", "libmsan.so", "MemorySanitizer"),
    ("__hwasan_init", "libhwasan.so", "HWAddressSanitizer"),
    ("__lsan_init", "liblsan.so", "LeakSanitizer"),
];

/// Functions of an allocator's own that make or free blocks.
fn is_own_way(name: &str) -> bool {
    let prefixed = ["je_", "tc_", "mi_"].iter().find_map(|prefix| name.strip_prefix(prefix));
    let of_jemalloc = ["mallocx", "rallocx", "xallocx", "dallocx", "sdallocx"].contains(&name);
    of_jemalloc
        || prefixed.is_some_and(|rest| {
            ["alloc", "new", "free", "delete", "memalign"].iter().any(|part| rest.contains(part))
        })
}

fn is_of_interest(name: &str) -> bool {
    FAMILY.contains(&name)
        || is_own_way(name)
        || name == "mallctl"
        || BUILT_IN.iter().any(|(symbol, _)| *symbol == name)
        || SANITIZERS.iter().any(|(symbol, ..)| *symbol == name)
}

pub(super) fn findings(file: &Parsed<'_>, libraries: &Libraries) -> Vec<Finding> {
    let exported = Names::dynamic(file, is_of_interest);
    let all = Names::full(file, is_of_interest);
    let defined: BTreeSet<&str> = exported.defined.iter().chain(&all.defined).map(String::as_str).collect();
    if let Some(finding) = sanitizer(&defined, libraries) {
        return vec![finding];
    }
    let mut findings: Vec<Finding> =
        own_malloc(&defined).or_else(|| built_in(file, &defined, &all)).into_iter().collect();
    let wanted = wanted(&exported, libraries);
    findings.extend(libraries.found.iter().filter_map(|library| of_library(library, &wanted)));
    findings
}

fn sanitizer(defined: &BTreeSet<&str>, libraries: &Libraries) -> Option<Finding> {
    let loaded = |prefix: &str| libraries.found.iter().any(|library| library.name.starts_with(prefix));
    let (.., name) =
        SANITIZERS.iter().find(|(symbol, library, _)| defined.contains(symbol) || loaded(library))?;
    Some(Finding::error(
        "sanitizer",
        format!("it is built with {name}, which must have malloc for itself"),
        "build it without -fsanitize",
    ))
}

fn own_malloc(defined: &BTreeSet<&str>) -> Option<Finding> {
    let own: Vec<&str> = FAMILY.into_iter().filter(|name| defined.contains(name)).collect();
    if own.is_empty() {
        return None;
    }
    Some(Finding::error(
        "own-malloc",
        format!("it has its own {}: a program's own functions come before preloaded ones", own.join(", ")),
        "build it to use the C library's malloc",
    ))
}

fn built_in(file: &Parsed<'_>, defined: &BTreeSet<&str>, all: &Names) -> Option<Finding> {
    let help = "build it to use the C library's malloc (redis: make MALLOC=libc)";
    if let Some((symbol, name)) = BUILT_IN.iter().find(|(symbol, _)| defined.contains(symbol)) {
        return Some(Finding::error(
            "built-in-allocator",
            format!("{name} is built into it ({symbol}): what it makes with that is not seen"),
            help,
        ));
    }
    if !all.defined.is_empty() || file.elf_symbol_table().iter().next().is_some() {
        return None;
    }
    let text = file.section_by_name(".rodata").and_then(|section| section.data().ok()).unwrap_or(&[]);
    let (_, name) =
        MESSAGES.iter().find(|(message, _)| text.windows(message.len()).any(|window| window == *message))?;
    Some(Finding::warning(
        "built-in-allocator",
        format!(
            "{name} seems to be built into it, by the messages it has: what it makes with that is not seen"
        ),
        help,
    ))
}

/// What the program and its libraries want from each other.
fn wanted(program: &Names, libraries: &Libraries) -> BTreeSet<String> {
    let of = |elf: &Elf| {
        elf.parse().map(|file| Names::dynamic(&file, is_of_interest).undefined).unwrap_or_default()
    };
    let of_libraries = libraries.found.iter().flat_map(|library| of(&library.elf));
    program.undefined.iter().cloned().chain(of_libraries).collect()
}

/// Libraries that have a malloc as a matter of course.
fn is_c_library(name: &str) -> bool {
    name == "libc.so.6" || name.starts_with("ld-linux") || name == "libmcrx.so"
}

fn of_library(library: &Library, wanted: &BTreeSet<String>) -> Option<Finding> {
    if is_c_library(&library.name) {
        return None;
    }
    let file = library.elf.parse().ok()?;
    let names = Names::dynamic(&file, is_of_interest).defined;
    if !names.contains("malloc") {
        return None;
    }
    let name = &library.name;
    let own_ways: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| is_own_way(name) && wanted.contains(*name)).collect();
    if own_ways.is_empty() {
        return Some(Finding::warning(
            "allocator-library",
            format!(
                "it is linked with {name}, whose malloc gives way to mcrx's: what that library tells of itself will be next to nothing"
            ),
            "nothing, unless the program relies on such figures: then build it to use the C library's malloc",
        ));
    }
    Some(Finding::error(
        "allocator-library",
        format!(
            "it makes blocks by {} of {name} itself: they are not seen, and must not meet mcrx's free",
            own_ways.join(", ")
        ),
        "build it to use the C library's malloc",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocators_own_ways_are_told_from_its_figures() {
        for name in ["mallocx", "sdallocx", "je_malloc", "mi_heap_new", "tc_delete", "mi_free"] {
            assert!(is_own_way(name), "{name}");
        }
        for name in ["malloc", "mallctl", "je_mallctl", "malloc_stats_print", "mi_stats_print", "tc_version"]
        {
            assert!(!is_own_way(name), "{name}");
        }
    }
}
