//! `mcrx rules check` and `explain` as their users run them: the catalogue of wrong files with what is said of each, the formats for other
//! programs, and the examples, of which nothing wrong is said.

use mcrx_harness::{Need, Suite};
use std::process::ExitCode;
use std::time::Duration;

#[path = "rules_check/catalogue.rs"]
mod catalogue;
#[path = "rules_check/examples.rs"]
mod examples;
#[path = "rules_check/formats.rs"]
mod formats;
#[path = "rules_check/programs.rs"]
mod programs;
#[path = "rules_check/types.rs"]
mod types;

fn main() -> ExitCode {
    let none: [Need; 0] = [];
    let suite = Suite::new()
        .test(none.clone(), catalogue::every_wrong_file_is_told_what_is_expected)
        .test(none.clone(), catalogue::every_code_has_a_wrong_file)
        .test(none.clone(), catalogue::every_fix_makes_its_finding_go_away)
        .test(none.clone(), formats::json_has_the_fields_that_others_rely_on)
        .test(none.clone(), formats::sarif_names_rules_places_and_fixes)
        .test(none.clone(), formats::codes_are_explained_by_number_and_by_name)
        .test(none.clone(), formats::exit_codes_tell_errors_from_warnings_and_from_missing_files)
        .test(none.clone(), types::a_type_is_explained_member_by_member)
        .test(none.clone(), types::a_type_that_is_not_there_is_told_with_what_may_be_meant);
    examples::tests(suite).within(Duration::from_secs(120)).run()
}
