use super::format;

#[track_caller]
fn becomes(text: &str, formatted: &str) {
    let once = format(text).unwrap();
    assert_eq!(once, formatted);
    assert_eq!(format(&once).unwrap(), once, "not what it is when it is formatted again");
}

#[test]
fn operators_of_neighbours_stand_below_each_other() {
    becomes(
        "field dict.type:opaque\nfield dictEntry.value : .d\n\nfield a.b : pin\n// new\nfield abc.d : pin",
        "field dict.type       : opaque\nfield dictEntry.value : .d\n\nfield a.b : pin\n// new\nfield abc.d : pin\n",
    );
    becomes("field a.b,c:pin\nfield d.e:pin", "field a.b, c : pin\nfield d.e    : pin\n");
    becomes(
        "type conn { // c\n a=1, bcd->e\n drop x,y\n\n\n\n f = 2; }",
        "type conn {  // c\n    a   = 1\n    bcd -> e\n    drop x, y\n\n    f = 2\n}\n",
    );
}

#[test]
fn what_was_on_one_line_stays_there_if_it_fits() {
    let short = "type a { b = match old.c { IDLE => 1, BUSY, DONE => 2, _ => f(3) } }\n";
    becomes(short, short);
    becomes("type a { b=1,c=2 }", "type a {\n    b = 1\n    c = 2\n}\n");
    becomes("type a {\n}", "type a {}\n");
    becomes("field a.b : match c { 1 => x 2 => y }", "field a.b : match c { 1 => x, 2 => y }\n");
}

#[test]
fn long_lists_go_on_below_their_beginning() {
    let names: Vec<String> = (0..14).map(|n| format!("function_{n}")).collect();
    becomes(
        &format!("wrapper {}", names.join(",")),
        "wrapper function_0, function_1, function_2, function_3, function_4, function_5, function_6, function_7,\n        \
         function_8, function_9, function_10, function_11, function_12, function_13\n",
    );
    becomes(
        &format!("call f({}, 1)\nafter transfer", names.join(" + ")),
        "call f(function_0 + function_1 + function_2 + function_3 + function_4 + function_5 + function_6 + function_7 +\n       \
         function_8 + function_9 + function_10 + function_11 + function_12 + function_13, 1) after transfer\n",
    );
}

#[test]
fn comments_stay_where_they_are() {
    becomes(
        "// first\nprogram   x// behind\n  // alone\nwrapper a, // of a\n  // of b\n b\ntype conn { a = 1 // one\n bcd = 2 // two\n // end\n} // conn\n",
        "// first\nprogram x  // behind\n// alone\nwrapper a,  // of a\n        // of b\n        b\ntype conn {\n    a   = 1  // one\n    \
         bcd = 2  // two\n    // end\n}  // conn\n",
    );
}

#[test]
fn everything_of_the_grammar_is_left_as_it_is_when_it_is_formatted_again() {
    let text = include_str!("../../tests/everything.mcrx");
    let once = format(text).unwrap();
    assert_eq!(format(&once).unwrap(), once);
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    assert!(!format("field a.b :").unwrap_err().is_empty());
}
