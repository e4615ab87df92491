//! What changed between two tables, and how C spells a type: on small sources, compiled here.

mod compare {
    mod constants;
    mod fields;
    mod functions;
    mod hostile;
    mod names;
    mod order;
    mod source;
    mod spelling;
    mod variables;
}
