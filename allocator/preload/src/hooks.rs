//! Contains `unsafe`: a place in the list of what the loader calls before `main`.

/// By then every module that the program is linked with lies where it stays, and has its addresses.
extern "C" fn before_main() {
    mcrx_allocator::hook_program();
}

// SAFETY: the loader calls what is in this section once, after libc's own start, which is all that the function needs.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;
