//! Mistakes, and what is said of each: all of a file at once, and nothing that only follows from another.

use super::{load, told};

#[track_caller]
fn is_told(text: &str, wanted: &[&str]) {
    assert_eq!(told(&load(&[("a.mcrx", text)])), wanted, "{text}");
}

/// What a file is after all fixes that are offered.
fn fixed(text: &str) -> String {
    let loaded = load(&[("a.mcrx", text)]);
    let mut fixes: Vec<_> = loaded.diagnostics.iter().filter_map(|found| found.fix.clone()).collect();
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix.span));
    let mut text = text.to_owned();
    fixes.iter().for_each(|fix| text.replace_range(fix.span.range(), &fix.text));
    text
}

#[track_caller]
fn is_mended(text: &str, right: &str) {
    assert_eq!(fixed(text), right);
    is_told(right, &[]);
}

#[test]
fn a_bracket_that_is_missing_is_told_where_it_was_opened() {
    is_told(
        "type conn {\n    a = f(old.x\n    b = old.y\n}\ntype other { c = 1 }",
        &["2:10 MCX020 this `(` is not closed"],
    );
    is_told(
        "type conn {\n    a = match old.x {\n        1 => 2\n    b = 3\n}\ntype other { c = 1 }",
        &["2:21 MCX020 this `{` is not closed"],
    );
    is_told(
        "type conn {\n    drop a\n\ntype b { c = 1 }\nsite f bytes",
        &[
            "1:11 MCX020 this `{` is not closed",
            "5:8 MCX010 expected `:` and what blocks are after `f`, found `bytes`",
        ],
    );
    is_told(
        "type conn\n    drop a\n}\nfield a.b : pin",
        &["1:10 MCX010 expected `{` after `conn`, found the end of the line"],
    );
    is_told(
        "}\nfield a.b : pin\n]",
        &["1:1 MCX021 this `}` closes nothing", "3:1 MCX021 this `]` closes nothing"],
    );
    is_told("field a.b : match x {\n    1 => pin", &["1:21 MCX020 this `{` is not closed"]);
    is_told(
        "field a.b, : pin\nfield c.d",
        &[
            "1:12 MCX010 expected the name of a member after `,`, found `:`",
            "2:10 MCX010 expected `:` and a reading after `d`, found the end of the file",
        ],
    );
}

#[test]
fn a_wrong_item_does_not_hide_what_is_wrong_with_others() {
    is_told(
        "type conn {\n    drp a\n    b = \n    c = 1 +\n    d = old.x `\n    keep e\n    f\n}\ndrain conn in 5s\nfeild a.b : 5",
        &[
            "2:5 MCX012 expected an item of a type, found `drp`",
            "3:8 MCX010 expected an expression after `=`, found the end of the line",
            "4:12 MCX010 expected an expression after `+`, found the end of the line",
            "5:15 MCX001 ``` means nothing here",
            "6:10 MCX010 expected `old` or `new` after `keep`, found `e`",
            "7:6 MCX010 expected `=` and a value, or `->` and a new name after `f`, found the end of the line",
            "9:12 MCX010 expected `within` after `conn`, found `in`",
            "10:1 MCX011 there is no statement `feild`",
            "10:13 MCX010 expected a reading after `:`, found `5`",
        ],
    );
}

#[test]
fn text_that_is_none_of_the_language_is_one_mistake() {
    is_told(
        "hello world, this is\nno rule file; it is { text\nand ( so } on",
        &["1:1 MCX011 there is no statement `hello`"],
    );
    is_told(
        "#include <stdio.h>\nstruct conn { int a; char *b; };\n",
        &["1:1 MCX002 this is no comment of this language", "2:1 MCX011 there is no statement `struct`"],
    );
}

#[test]
fn a_token_that_is_wrong_by_itself_is_told_once() {
    is_told(
        "string \"a -> \"b\"\nfield a.b : 5",
        &[
            "1:16 MCX003 the text that begins here has no `\"` at its end",
            "2:13 MCX010 expected a reading after `:`, found `5`",
        ],
    );
    is_told("from \"1.22\nto \"1.26\"", &["1:6 MCX003 the text that begins here has no `\"` at its end"]);
    is_told("string \"a\" -> 'abc'", &["1:15 MCX005 `'abc'` is not one character"]);
    is_told(
        "global x = 0x1g + 08 + 99999999999999999999",
        &[
            "1:12 MCX006 `0x1g` is no number",
            "1:19 MCX006 `08` is no number",
            "1:24 MCX006 the number `99999999999999999999` has more than 64 bits",
        ],
    );
    is_told(
        "global x = 10ul + ''",
        &["1:12 MCX006 `10ul` is no number", "1:19 MCX005 `''` is not one character"],
    );
}

#[test]
fn what_is_missing_is_told_at_the_end_of_its_line() {
    is_told(
        "site f :\nhook ngx_palloc(pool, size)\nfield a.b :",
        &[
            "1:9 MCX010 expected a type, `bytes`, `caller` or `opaque` after `:`, found the end of the line",
            "2:6 MCX010 expected `pool` after `hook`, found `ngx_palloc`",
            "3:12 MCX010 expected a reading after `:`, found the end of the file",
        ],
    );
}

#[test]
fn an_item_is_not_taken_for_what_is_missing_in_the_one_before() {
    is_told(
        "type conn {\n    a =\n    b -> c\n    d ->\n    e = 1\n    f ->\n    drop g\n}",
        &[
            "2:8 MCX010 expected an expression after `=`, found the end of the line",
            "4:9 MCX010 expected the new name of the member after `->`, found the end of the line",
            "6:9 MCX010 expected the new name of the member after `->`, found the end of the line",
        ],
    );
}

#[test]
fn a_line_that_begins_with_an_operator_is_told() {
    is_told(
        "type conn {\n    a = old.x\n        + old.y\n    b = 1\n}\nglobal x = 1\n    * 2",
        &["3:9 MCX026 a line begins with `+`", "7:5 MCX026 a line begins with `*`"],
    );
    is_told("type conn {\n    a = (old.x\n        + old.y)\n    b = 1 +\n        2\n}", &[]);
}

#[test]
fn fixes_that_are_offered_are_right() {
    is_mended("field conn->data : opaque", "field conn.data : opaque");
    is_mended("field conn.data = opaque;", "field conn.data : opaque");
    is_mended("feild conn.data : opaque", "field conn.data : opaque");
    is_mended("pointer conn* : opaque", "pointer conn : opaque");
    is_mended(
        "type conn {\n a == old->b->c\n x->y = 1\n d => e\n}",
        "type conn {\n a = old.b.c\n x.y = 1\n d -> e\n}",
    );
    is_mended("type conn { a = NULL, b = c and d }", "type conn { a = null, b = c && d }");
    is_mended("type conn\n    drop a\n}", "type conn {\n    drop a\n}");
    is_mended("drain conn within 5 s", "drain conn within 5s");
    is_mended("drain conn wihtin 5sec", "drain conn within 5s");
    is_mended("quiesce at main wihtin 5s", "quiesce at main within 5s");
    is_mended("program redis-server", "program \"redis-server\"");
    is_mended("call \"rebuild\"() after transfer", "call rebuild() after transfer");
    is_mended("from \u{201c}1.22\u{201d}", "from \"1.22\"");
    is_mended("# so\n/* and\n * so */", "// so\n// and\n// so");
    is_mended("for each conn c when c.a {}", "for each conn c where c.a {}");
    is_mended("field a.b : match x { 1 -> pin, 2: bytes }", "field a.b : match x { 1 => pin, 2=> bytes }");
    is_mended("} type conn {} ]", " type conn {} ");
}

#[test]
fn members_may_be_called_like_words_of_the_language() {
    is_told(
        "type drop {\n    drop = old.drop\n    keep -> reset\n    drop drop, keep\n    type.field = old.match.else[3]\n    todo = 1\n}\n\
         field type.old : match match { match => match, _ => .type }\n\
         variant as of as {\n    as : as as as\n    stride : x[stride] stride stride\n}\n\
         for each old old { old.at = 1 }\n\
         global keep keep old",
        &[],
    );
}
