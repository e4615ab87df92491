//! Opening programs of every make: where the debug info is, all units, references between them, symbols, stubs, and files that are
//! broken. The programs are compiled here, and `nm`, `readelf` and `objdump` say what is in them.

#[path = "file/bad_input.rs"]
mod bad_input;
#[path = "file/debug_files.rs"]
mod debug_files;
#[path = "file/forms.rs"]
mod forms;
#[path = "file/servers.rs"]
mod servers;
#[path = "file/split.rs"]
mod split;
#[path = "file/symbols.rs"]
mod symbols;
#[path = "file/walk.rs"]
mod walk;
#[path = "file/workshop.rs"]
mod workshop;

use mcrx_harness::{Suite, condition, program};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let (gcc, clang, nm, objcopy) = (program("gcc"), program("clang"), program("nm"), program("objcopy"));
    let (objdump, readelf, strip) = (program("objdump"), program("readelf"), program("strip"));
    let gcc_and_nm = [gcc.clone(), nm.clone()];
    let clang_and_nm = [clang.clone(), nm.clone()];
    let with = |more: &[&mcrx_harness::Need]| -> Vec<mcrx_harness::Need> {
        gcc_and_nm.iter().chain(more.iter().copied()).cloned().collect()
    };
    let servers = ["nginx", "redis", "httpd-event", "openssh", "memcached", "vsftpd"];
    let on_servers = |suite: Suite, server| {
        suite
            .each(server, [nm.clone()], servers::debug_info_and_symbols_and_nm_agree)
            .within(Duration::from_secs(300))
    };
    servers
        .into_iter()
        .fold(Suite::new(), on_servers)
        .test(gcc_and_nm.clone(), forms::gcc_with_every_version_of_dwarf)
        .test(clang_and_nm.clone(), forms::clang_with_every_version_of_dwarf)
        .test(gcc_and_nm.clone(), forms::gcc_with_types_in_units_of_their_own)
        .test([program("clang++"), nm.clone()], forms::clang_with_types_in_units_of_their_own)
        .test(gcc_and_nm.clone(), forms::gcc_with_link_time_optimisation)
        .test(with(&[&readelf]), forms::there_are_as_many_units_as_readelf_counts)
        .test(with(&[&objcopy]), forms::sections_compressed_in_three_ways)
        .test(with(&[&program("dwz")]), forms::what_dwz_moves_into_another_file)
        .test(with(&[&program("dwz")]), forms::what_dwz_moves_as_dwarf_5_has_it)
        .test(with(&[&program("dwz")]), forms::a_missing_supplementary_file_is_named)
        .test(with(&[&objcopy, &strip]), debug_files::by_its_link)
        .test(with(&[&objcopy, &strip]), debug_files::by_its_build_id)
        .test(with(&[&objcopy, &strip]), debug_files::by_the_cache_of_debuginfod)
        .test(with(&[&objcopy, &strip]), debug_files::by_its_checksum_when_there_is_no_build_id)
        .test(with(&[&objcopy, &strip]), debug_files::one_of_another_build_is_left_alone)
        .test(with(&[&strip]), debug_files::a_stripped_program_says_what_would_help)
        .test(with(&[&objcopy, &strip]), debug_files::a_program_that_is_opened_elsewhere)
        .test([condition(debug_files::libc_has_one)], debug_files::of_debians_c_library)
        .test(gcc_and_nm.clone(), split::gcc_with_object_files)
        .test(clang_and_nm.clone(), split::clang_with_object_files)
        .test(with(&[&program("dwp")]), split::gcc_with_a_package_by_dwp)
        .test(with(&[&program("llvm-dwp")]), split::gcc_with_a_package_by_llvm)
        .test([clang.clone(), nm.clone(), program("llvm-dwp")], split::clang_with_a_package_by_llvm)
        .test(gcc_and_nm.clone(), split::types_of_several_object_files_are_there_once)
        .test(gcc_and_nm.clone(), split::a_build_that_was_moved_is_found)
        .test(gcc_and_nm.clone(), split::a_stale_object_file_is_left_alone)
        .test(gcc_and_nm.clone(), split::none_of_the_object_files_is_there)
        .test(gcc_and_nm.clone(), symbols::every_symbol_that_nm_lists_is_there)
        .test(with(&[&strip]), symbols::a_stripped_library_has_its_dynamic_symbols)
        .test(
            [gcc.clone(), objdump.clone(), program("ld.gold")],
            symbols::stubs_have_the_names_that_objdump_gives_them,
        )
        .test(
            [clang, objdump, program("ld.lld")],
            symbols::stubs_of_lld_have_the_names_that_objdump_gives_them,
        )
        .test([gcc.clone()], symbols::words_filled_by_the_loader_have_names)
        .test([gcc.clone(), program("objdump")], symbols::code_is_what_objdump_prints)
        .test([gcc.clone()], bad_input::a_file_cut_off_anywhere_is_refused_or_read)
        .within(Duration::from_secs(300))
        .test([gcc.clone(), objcopy], bad_input::no_flipped_bit_does_harm)
        .within(Duration::from_secs(600))
        .test(
            [gcc.clone(), program("dwp"), program("dwz")],
            bad_input::no_flipped_bit_of_the_files_beside_it_does_harm,
        )
        .within(Duration::from_secs(300))
        .test([gcc.clone()], bad_input::other_files_are_named_for_what_they_are)
        .test([gcc], bad_input::sections_that_claim_too_much_are_not_believed)
        .run()
}
