//! Loading: programs compiled here, whose layouts, addresses and sizes they print themselves, against what the table says of them.

#[path = "load/cache.rs"]
mod cache;
#[path = "load/damage.rs"]
mod damage;
#[path = "load/forms.rs"]
mod forms;
#[path = "load/hostile.rs"]
mod hostile;
#[path = "load/languages.rs"]
mod languages;
#[path = "load/layouts.rs"]
mod layouts;
#[path = "load/merging.rs"]
mod merging;
#[path = "load/random.rs"]
mod random;
#[path = "load/things.rs"]
mod things;
#[path = "load/workshop.rs"]
mod workshop;

use mcrx_harness::{Suite, program};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let (gcc, clang) = (program("gcc"), program("clang"));
    let servers = ["nginx", "redis", "httpd-event", "openssh", "memcached", "vsftpd"];
    let on_servers = |suite: Suite, server| {
        suite.each(server, [], forms::threads_do_not_change_the_table).within(Duration::from_secs(120))
    };
    servers
        .into_iter()
        .fold(Suite::new(), on_servers)
        .test([gcc.clone()], layouts::gcc_and_the_table_agree_on_random_structures)
        .within(Duration::from_secs(300))
        .test([clang.clone()], layouts::clang_and_the_table_agree_on_random_structures)
        .within(Duration::from_secs(300))
        .test([gcc.clone()], layouts::arrays_have_their_dimensions)
        .test([clang.clone()], layouts::arrays_of_clang_have_their_dimensions)
        .test([gcc.clone()], merging::structures_of_one_name_that_differ_stay_apart)
        .test([gcc.clone()], merging::a_difference_far_below_keeps_apart_what_reaches_it)
        .test([gcc.clone()], merging::types_that_refer_to_each_other_in_circles_are_one)
        .test([gcc.clone()], merging::a_declaration_is_the_definition_of_another_unit)
        .test([gcc.clone()], merging::a_declaration_that_two_units_define_differently_stays_one)
        .test([program("g++")], merging::a_declaration_is_rather_the_definition_of_its_own_unit)
        .test([gcc.clone()], merging::anonymous_types_are_one_where_they_are_alike)
        .test([gcc.clone(), clang.clone()], merging::both_compilers_mean_the_same_structure)
        .test([gcc.clone()], things::globals_are_where_the_program_says)
        .test([clang.clone()], things::globals_of_clang_are_where_the_program_says)
        .test([gcc.clone()], things::statics_of_one_name_are_told_apart)
        .test([gcc.clone()], things::a_static_local_is_there_once_and_has_its_function)
        .test([gcc.clone()], things::what_is_only_declared_is_elsewhere)
        .test([gcc.clone()], things::what_was_optimised_out_is_nowhere)
        .test([gcc.clone()], things::functions_have_all_runs_of_their_code)
        .test([gcc.clone()], things::functions_without_code_are_there_once)
        .test([gcc.clone(), clang.clone()], things::enumerations_and_functions_are_as_written)
        .test([gcc.clone()], things::link_time_optimisation_loses_nothing)
        .test([gcc.clone()], forms::every_version_of_dwarf_says_the_same)
        .test([clang.clone()], forms::every_version_of_dwarf_by_clang_says_the_same)
        .test([gcc.clone()], forms::types_in_units_of_their_own_say_the_same)
        .test([gcc.clone()], forms::split_debug_info_says_the_same)
        .test([clang.clone()], forms::split_debug_info_of_clang_says_the_same)
        .test([gcc.clone(), program("dwz")], forms::what_dwz_has_moved_says_the_same)
        .test([program("g++")], languages::classes_of_cpp_are_laid_out_as_the_compiler_says)
        .test([program("clang++")], languages::classes_of_cpp_by_clang_are_laid_out_as_the_compiler_says)
        .test([], languages::rust_says_the_same_of_its_own_types)
        .within(Duration::from_secs(120))
        .test([gcc.clone()], damage::no_changed_byte_of_the_debug_info_does_harm)
        .within(Duration::from_secs(600))
        .test([gcc.clone()], hostile::names_that_share_their_bytes_are_refused)
        .test([gcc.clone()], hostile::types_nested_without_end_are_refused)
        .test([gcc.clone()], hostile::a_long_chain_of_types_takes_no_long_time)
        .test([gcc.clone()], hostile::types_in_circles_are_read)
        .test([gcc.clone()], cache::a_table_is_kept_and_mapped)
        .test([gcc.clone()], cache::what_is_damaged_or_foreign_is_replaced)
        .test([gcc.clone()], cache::a_folder_that_cannot_be_used_stops_nothing)
        .test([gcc.clone()], cache::many_at_once_all_get_the_whole_table)
        .within(Duration::from_secs(120))
        .test([gcc.clone(), program("objcopy"), program("strip")], cache::a_debug_file_of_later_is_noticed)
        .test([gcc.clone()], cache::the_oldest_tables_make_room)
        .test([gcc], cache::without_build_id_nothing_is_kept)
        .run()
}
