//! Real servers, built once per machine.
