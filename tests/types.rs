//! `mcrx types`, and the tables behind it, on every release of every server: against pahole for layouts, nm for variables and abidiff
//! for what changed; and the command as its users run it, on small programs.

use mcrx_harness::{Need, Suite, program};
use std::process::ExitCode;
use std::time::Duration;

#[path = "types/abidiff.rs"]
mod abidiff;
#[path = "types/changes.rs"]
mod changes;
#[path = "types/command.rs"]
mod command;
#[path = "types/layouts.rs"]
mod layouts;
#[path = "types/pahole.rs"]
mod pahole;
#[path = "types/programs.rs"]
mod programs;
#[path = "types/symbols.rs"]
mod symbols;

const SERVERS: [&str; 7] =
    ["nginx", "redis", "httpd-event", "httpd-prefork", "openssh", "memcached", "vsftpd"];

fn main() -> ExitCode {
    let pahole = [program("pahole")];
    let both = [program("pahole"), program("readelf")];
    let none: [Need; 0] = [];
    let mut suite = Suite::new();
    for server in SERVERS {
        suite = suite
            .each(server, both.clone(), layouts::every_structure_and_union_lies_as_pahole_says)
            .each(server, [program("nm"), program("objdump")], symbols::every_variable_is_where_nm_says);
    }
    suite = abidiff::tests(suite);
    suite = changes::tests(suite);
    suite
        .each("nginx", pahole.clone(), layouts::the_text_says_what_paholes_says)
        .each("openssh", pahole, layouts::the_text_says_what_paholes_says)
        .test(none.clone(), command::a_layout_shows_offsets_holes_and_sums)
        .test(none.clone(), command::every_type_of_a_name_is_shown_with_its_files)
        .test(none.clone(), command::a_type_is_found_by_tag_typedef_or_both)
        .test(none.clone(), command::an_unknown_type_is_wrong_usage_and_near_ones_are_named)
        .test(none.clone(), command::a_listing_has_every_named_structure_and_union)
        .test(none.clone(), command::json_says_what_the_text_says)
        .test(none.clone(), command::a_second_argument_is_a_program_if_there_is_such_a_file)
        .test(none.clone(), command::changes_are_told_incompatible_ones_first)
        .test(none.clone(), command::a_program_compared_with_itself_has_not_changed)
        .test(none, command::what_has_no_debug_info_is_said_with_what_to_do)
        .within(Duration::from_secs(60))
        .run()
}
