//! What is reported first.

use super::source::types;

#[test]
fn what_is_incompatible_comes_first_and_what_only_follows_from_it_comes_behind() {
    let old = "
        enum z_more { A };
        struct a_same { char *p; };
        struct m_grown { char a; long b; };
        struct z_broken { int n; };
        struct b_via { struct z_broken z; };
        struct y_broken { int n; };";
    let new = "
        enum z_more { A, B };
        struct a_same { const char *p; };
        struct m_grown { char a, x; long b; };
        struct z_broken { float n; };
        struct b_via { struct z_broken z; };
        struct y_broken { float n; };";
    let names: Vec<String> =
        types(old, new).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["!y_broken", "!z_broken", "!b_via", "+m_grown", "+z_more", "=a_same"]);
}

#[test]
fn within_a_type_what_is_incompatible_comes_first() {
    assert_eq!(
        types("struct s { char a; const char *p; int gone; };", "struct s { char a, b; char *p; };"),
        ["!s: size 24->16; -int gone@16; +char b@1; ~p Spelling"]
    );
}
