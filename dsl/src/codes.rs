//! All that the checker can find, a module for each: what it is called and means, how it is put, and what would mend it.
//!
//! Numbers go by class: 0xx syntax, 1xx resolution, 2xx destructive, 3xx ambiguous, 4xx data-dependent, 5xx unsafe, 6xx unused, 7xx
//! style. A number once given never means anything else; one that is given up is not used again.
//!
//! A module has its [`Entry`], and builds the diagnostic from what [`crate::check`] found. The wrong files of the catalogue in
//! `tests/wrong` begin with the numbers of the codes that they are for: there is at least one for each, with the text that a person gets.
//!
//! What it does not do: find anything. What [`crate::syntax`] and [`crate::load`] find is of class syntax.

use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::source::Span;

/// A kind of diagnostic.
#[derive(Debug)]
pub struct Entry {
    /// Its number.
    pub code: Code,
    /// What it is called for short: `unknown-type`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// What it means, why that matters, and what to do; paragraphs with an empty line between them.
    pub text: &'static str,
    /// Lines of a rule file that are wrong in this way.
    pub wrong: &'static str,
    /// The same as they should be; empty where the best is to write nothing.
    pub right: &'static str,
}

impl Entry {
    /// Its class, by its number.
    pub fn class(&self) -> Class {
        self.code.class()
    }

    /// A diagnostic of this kind.
    pub(crate) fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.code, self.severity, span, message)
    }
}

impl Code {
    /// Of what sort it is.
    pub fn class(self) -> Class {
        match self.0 / 100 {
            0 => Class::Syntax,
            1 => Class::Resolution,
            2 => Class::Destructive,
            3 => Class::Ambiguous,
            4 => Class::DataDependent,
            5 => Class::Unsafe,
            6 => Class::Unused,
            _ => Class::Style,
        }
    }
}

/// All kinds that there are, by their numbers.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    ALL.iter().copied()
}

/// The one of a number.
pub fn of(code: Code) -> Option<&'static Entry> {
    all().find(|entry| entry.code == code)
}

/// The one that somebody means by `MCX102`, `102` or `unknown-member`.
pub fn find(text: &str) -> Option<&'static Entry> {
    let text = text.trim();
    let digits = text.get(..3).filter(|start| start.eq_ignore_ascii_case("mcx")).and_then(|_| text.get(3..));
    let number = digits.unwrap_or(text).parse().ok();
    all().find(|entry| Some(entry.code.0) == number || entry.name == text)
}

macro_rules! codes {
    ($($module:ident)*) => {
        $(pub(crate) mod $module;)*
        static ALL: &[&Entry] = &[$(&$module::ENTRY),*];
    };
}

codes! {
    unknown_character
    foreign_comment
    no_quote
    unknown_escape
    not_a_character
    not_a_number
    no_unit
    foreign_letters
    needs_quotes
    expected
    unknown_statement
    unknown_item
    too_much
    not_closed
    closes_nothing
    needless_separator
    arrow_for_dot
    other_operator
    foreign_construct
    line_ended
    mixed_operators
    compared_twice
    too_deep
    // 30 was an object written out in rules, which is allowed now.
    unreachable_arm
    header_twice
    version_not_first
    version_unknown
    not_a_code
    cannot_import
    imports_itself
    two_programs
    cannot_read
    unknown_type
    unknown_member
    unknown_function
    unknown_global
    unknown_constant
    unknown_name
    unknown_variant
    unknown_module_list
    variant_name_taken
    not_a_structure
    index_beyond
    incomplete_type
    not_an_array
    count_not_integer
    match_subject
    other_enumeration
    arm_never_fits
    not_several
    tag_bits
    slab_incomplete
    container_incomplete
    hook_parameters
    argument_count
    no_descriptor
    member_of_no_union
    no_room_for_pointer
    pointer_wanted
    module_name
    empty_scratch
    wrong_operand
    wrong_comparison
    unknown_rule_function
    wrong_arguments
    no_old
    no_size
    division_by_zero
    shift_beyond_width
    constant_does_not_fit
    impossible_value
    unknown_part
    no_condition
    unlike_branches
    recursion
    defined_twice
    impossible_rename
    unlike_types
    same_release
    unknown_object
    unknown_role
    roles_wait_in_a_circle
    unbound_name
    no_parameter
    impossible_expression
    dropped_but_there
    dropped_global
    state_lost
    elements_lost
    no_inverse
    given_up
    comes_back_otherwise
    ambiguous_name
    contradiction
    said_twice
    rename_onto_kept
    retyped
    union_changed
    narrowing
    values_left_over
    tag_bits_by_alignment
    constants_gone
    hole
    no_first_value
    assert_never_true
    elements_unknown
    counter_kept
    function_signature
    fact_without_subject
    unused_change
    unused_define
    unused_variant
    unused_allow
    unknown_code
    no_reason
    duplicate_arm
    assert_always_true
    reading_without_effect
    pointless_rename
    test_expects_nothing
    unused_bind
    statement_order
    pin_without_pointer
}
