//! C's spelling of types, against the compiler's reading of it: what was declared is spelt as it was declared.

use super::source::table;
use mcrx_debuginfo::spell::{Anonymous, Declaration, declaration, type_name};

#[test]
fn a_declaration_is_spelt_as_it_was_written() {
    let declarations = [
        "int i",
        "char buf[16]",
        "int grid[2][3]",
        "struct node *list",
        "struct node **lists[4]",
        "struct node *(*pointer_to_array)[4]",
        "int (*handler)(struct event *)",
        "void (*signal_like(int, void (*)(int)))(int)",
        "void (*(*returns_a_function)(int))(char)",
        "int (*table[8])(void)",
        "int (*(*table_pointer)[8])(const char *, ...)",
        "const char *text",
        "char *const fixed",
        "const char *const both",
        "volatile int seen",
        "const volatile int port",
        "const int rows[3]",
        "node_t alias",
        "unsigned int (*callback)(node_t *, union both, enum colour)",
        "struct { int n; char c; } pair",
        "struct { union { int i; float f; }; struct { char a[2]; } in; } nested[2]",
        "union { long int l; struct node *p; } either",
        "enum { RED, GREEN = 4, BLUE } shade",
        "enum { MINUS = -1, ZERO } sign",
        "struct { unsigned int low : 3; unsigned int high : 29; } bits",
        "void *anything",
        "void (*no_prototype)()",
        "float vector __attribute__((vector_size(16)))",
    ];
    let mut source = String::from(
        "struct event { int n; }; struct node { struct node *next; }; typedef struct node node_t; \
         union both { int i; }; enum colour { A };\n",
    );
    for text in declarations {
        source.push_str(&format!(
            "{text}{};\n",
            if text.starts_with("void (*signal_like") { "{ return 0; }" } else { "" }
        ));
    }
    let table =
        table(&source.replace("signal_like(int, void (*)(int))", "signal_like(int n, void (*f)(int))"));
    for text in declarations {
        if text.contains("signal_like") || text.contains("vector") {
            continue;
        }
        let found = table
            .variables()
            .find(|variable| declaration(variable.ty(), variable.name(), Anonymous::WrittenOut) == text);
        let near = || {
            table
                .variables()
                .map(|variable| declaration(variable.ty(), variable.name(), Anonymous::WrittenOut))
        };
        assert!(found.is_some(), "{text}: {:#?}", near().collect::<Vec<_>>());
    }
    let vector = table.variables_named("vector").next().unwrap();
    assert_eq!(type_name(vector.ty(), Anonymous::LeftOut), "float __attribute__((vector_size(16)))");
}

#[test]
fn a_type_alone_is_spelt_as_in_a_cast() {
    let table = table(
        "struct node { int n; }; struct node *a[2]; int (*f)(void); const char *const s; \
         struct { int n; } *anonymous; int grid[2][3];",
    );
    for (name, want) in [
        ("a", "struct node *[2]"),
        ("f", "int (*)(void)"),
        ("s", "const char *const"),
        ("anonymous", "struct { ... } *"),
        ("grid", "int[2][3]"),
    ] {
        let variable = table.variables_named(name).next().unwrap();
        assert_eq!(type_name(variable.ty(), Anonymous::LeftOut), want);
    }
    assert_eq!(type_name(None, Anonymous::LeftOut), "void");
}

#[test]
fn a_declaration_comes_apart_around_its_name() {
    let table = table("const struct { int n; } *slots[4];");
    let slots = table.variables_named("slots").next().unwrap();
    let apart = Declaration::of(slots.ty(), "slots", Anonymous::LeftOut);
    assert_eq!((apart.qualifiers.as_str(), apart.declarator.as_str()), ("const ", "*slots[4]"));
    assert_eq!(apart.specifier.and_then(|ty| ty.size()), Some(4));
    assert_eq!(apart.specifier_name(Anonymous::WrittenOut), "const struct { int n; }");
}
