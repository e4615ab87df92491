//! Real servers under test.
