//! `mcrx rules fmt` as its users run it: on all rule files that there are, on files that cannot be read or written, as a filter.

use mcrx_harness::{Need, Suite, root};
use std::process::ExitCode;
use std::time::Duration;

#[path = "rules_fmt/files.rs"]
mod files;
#[path = "rules_fmt/folder.rs"]
mod folder;
#[path = "rules_fmt/input.rs"]
mod input;
#[path = "rules_fmt/text.rs"]
mod text;

fn main() -> ExitCode {
    let none: [Need; 0] = [];
    Suite::new()
        .test(none.clone(), text::all_examples_are_in_the_style)
        .test(none.clone(), text::indents_and_spaces_come_back_as_they_were)
        .test(none.clone(), text::comments_stay_where_they_were)
        .test(none.clone(), files::what_changed_is_named_once)
        .test(none.clone(), files::a_check_names_files_and_changes_none)
        .test(none.clone(), files::a_file_that_cannot_be_read_as_rules_is_left_alone)
        .test(none.clone(), files::the_others_are_formatted_where_one_is_missing)
        .test(none.clone(), files::permissions_and_links_stay)
        .test([root()], files::the_owner_stays)
        .test(none.clone(), files::a_file_that_cannot_be_written_whole_stays_as_it_was)
        .test(none.clone(), files::a_reader_sees_the_old_text_or_the_new_one)
        .test(none.clone(), input::standard_input_goes_to_standard_output)
        .test(none.clone(), input::what_is_wrong_with_standard_input_is_said_elsewhere)
        .test(none, input::standard_input_is_checked)
        .within(Duration::from_secs(60))
        .run()
}
