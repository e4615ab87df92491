//! Programs with a malloc of their own, or of a library.

use crate::build::{Folder, strip};
use crate::{codes, message};

const OWN: &str = "\
#include <stddef.h>
static char pool[65536]; static size_t used;
void *malloc(size_t n) { void *p = pool + used; used += (n + 15) & ~15ul; return p; }
void free(void *p) { (void)p; }
int main(void) { return malloc(10) == NULL; }
";

#[test]
fn a_malloc_in_the_program_is_found_exported_or_not() {
    let folder = Folder::new();
    for (name, options) in
        [("plain", &[][..]), ("exported", &["-rdynamic"][..]), ("hidden", &["-fvisibility=hidden"][..])]
    {
        let program = folder.compile(name, OWN, options);
        assert_eq!(codes(&program), ["error own-malloc"], "{name}");
        assert!(message(&program, "own-malloc").contains("its own malloc, free"), "{name}");
    }
    // Stripped, only what is exported can be seen: which is what the loader sees, too.
    let stripped = folder.compile("stripped", OWN, &["-rdynamic"]);
    strip(&stripped);
    assert_eq!(codes(&stripped)[0], "error own-malloc");
}

#[test]
fn an_allocator_that_is_built_in_under_another_name_is_found() {
    let folder = Folder::new();
    let source = "\
#include <stdlib.h>
void *je_malloc(size_t n) { return n ? (void *)\"<jemalloc>: Error in malloc()\" : 0; }
int main(int c, char **v) { return je_malloc(c) == (void *)v; }
";
    let program = folder.compile("built-in", source, &[]);
    assert_eq!(codes(&program), ["error built-in-allocator"]);
    assert!(message(&program, "built-in-allocator").starts_with("jemalloc is built into it (je_malloc)"));
    strip(&program);
    let codes = codes(&program);
    assert!(codes.contains(&"warning built-in-allocator".to_owned()), "{codes:?}");
}

/// A library with a malloc, a way of its own to make blocks, and figures.
const LIBRARY: &str = "\
#include <stddef.h>
void *malloc(size_t n) { return (void *)n; }
void free(void *p) { (void)p; }
void *mallocx(size_t n, int flags) { return (void *)(n + flags); }
int mallctl(const char *name) { return name == NULL; }
";

fn linked(folder: &Folder, name: &str, source: &str) -> std::path::PathBuf {
    let library =
        folder.compile("libother.so.2", LIBRARY, &["-shared", "-fPIC", "-Wl,-soname,libother.so.2"]);
    let rpath = format!("-Wl,-rpath,{}", folder.path("").display());
    folder.compile(name, source, &[library.to_str().unwrap(), &rpath])
}

#[test]
fn a_library_with_a_malloc_gives_way_but_is_mentioned() {
    let folder = Folder::new();
    let source = "#include <stdlib.h>\nint mallctl(const char *); int main(void) { free(malloc(1)); return mallctl(\"x\"); }\n";
    let program = linked(&folder, "program", source);
    assert_eq!(codes(&program), ["warning allocator-library"]);
    assert!(message(&program, "allocator-library").contains("libother.so.2, whose malloc gives way"));
}

#[test]
fn a_program_that_makes_blocks_by_a_librarys_own_ways_is_found() {
    let folder = Folder::new();
    let source =
        "#include <stdlib.h>\nvoid *mallocx(size_t, int); int main(void) { return mallocx(1, 0) == NULL; }\n";
    let program = linked(&folder, "program", source);
    assert_eq!(codes(&program), ["error allocator-library"]);
    assert!(
        message(&program, "allocator-library")
            .starts_with("it makes blocks by mallocx of libother.so.2 itself")
    );
}

#[test]
fn a_program_built_with_a_sanitizer_is_found() {
    let folder = Folder::new();
    let program = folder.program("sanitized", &["-fsanitize=address"]);
    assert_eq!(codes(&program), ["error sanitizer"]);
    assert!(message(&program, "sanitizer").contains("AddressSanitizer"));
}
