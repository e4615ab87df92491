//! Functions.

use super::source::table;
use mcrx_debuginfo::compare::compare;

fn functions(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (table(old), table(new));
    let comparison = compare(&old, &new);
    let found = &comparison.functions;
    let changed = found.changed.iter().map(|change| format!("~{}", change.new.name()));
    let added = found.added.iter().map(|function| format!("+{}", function.name()));
    let removed = found.removed.iter().map(|function| format!("-{}", function.name()));
    changed.chain(added).chain(removed).collect()
}

#[test]
fn functions_come_go_and_change_their_signature() {
    assert_eq!(functions("int f(int a) { return a; }", "int f(int a) { return a + 1; }"), [""; 0]);
    assert_eq!(functions("int f(int a) { return a; }", "int g(int a) { return a; }"), ["+g", "-f"]);
    assert_eq!(functions("int f(int a) { return a; }", "long f(int a) { return a; }"), ["~f"]);
    assert_eq!(functions("int f(int a) { return a; }", "int f(int a, int b) { return a + b; }"), ["~f"]);
    assert_eq!(functions("int f(char *a) { return *a; }", "int f(const char *a) { return *a; }"), [""; 0]);
}
