//! Whatever is written, evaluating it ends, and gives a value, a mistake or a failure.

use super::world::{BLOCK, Block, table};
use mcrx_debuginfo::table::{Table, Type};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::run::NoMigration;
use mcrx_dsl::eval::value::Place;
use mcrx_dsl::eval::{Compiler, Definitions, Lookup, Machine, NoPairs, Sort, Value};
use mcrx_dsl::load;
use mcrx_dsl::source::Only;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    table(
        "enum state { IDLE, BUSY = 7 }; struct node { struct node *next; struct node *prev; int value; }; \
         struct pair { struct pair *next; char *one, *other; }; \
         struct all { int a; unsigned b : 5; enum state state; struct node *list; struct pair *pairs; struct node nodes[3]; char text[8]; \
         char *name; char *names[2]; void *any; double d; long wide; unsigned char small; union { int n; char *s; } u; } all; \
         int count; void on_read(int fd) { count = fd; }",
    )
});

/// Expressions as text: the parser is part of what is looked at.
fn expressions() -> impl Strategy<Value = String> {
    let names = "a b state list nodes text name any d wide small u u.n list.next list.next.value nodes[1].value missing";
    let names: Vec<&'static str> = names.split(' ').collect();
    let leaf = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        (0_u64..9).prop_map(|number| number.to_string()),
        prop::sample::select(names).prop_map(|name| format!("old.{name}")),
        prop::sample::select(vec![
            "IDLE",
            "BUSY",
            "on_read",
            "count",
            "from.count",
            "to.all.a",
            "null",
            "zero",
            "true",
            "\"text\"",
            "old",
            "nothing",
            "x",
            "fail(\"no\")",
            "todo \"why\"",
            "sizeof(all)",
            "&all",
            "&old.a",
            "old.nodes[0 .. 3]",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        let operators = vec!["+", "-", "*", "/", "%", "&", "<<", ">>", "==", "<", "&&", "||", "else"];
        let functions = vec!["min", "max", "len", "text", "alloc", "array", "twice", "clamp"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(one, operator, other)| format!("({one}) {operator} ({other})")),
            (prop::sample::select(vec!["-", "!", "~", "&"]), inner.clone())
                .prop_map(|(operator, one)| format!("{operator}({one})")),
            (prop::sample::select(functions), inner.clone()).prop_map(|(name, one)| format!("{name}({one})")),
            inner.clone().prop_map(|one| format!("chain({one}, via next)")),
            inner.clone().prop_map(|one| format!("list({one}, via next)")),
            (inner.clone(), inner.clone()).prop_map(|(of, first)| format!("fold({of}, {first}, plus)")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a})[{b} .. {c}]")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("match {a} {{ IDLE, 3 => {b}, & 4 => 1, _ => 2 }}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            inner.prop_map(|a| format!("node {{ value = {a} }}")),
        ]
    })
}

fn all() -> Type<'static> {
    TABLE.types_named("all").find(|ty| ty.size().is_some()).unwrap()
}

/// Compiles it for a place of a type, or as a value, and evaluates it.
fn evaluate(text: &str, bytes: &[u8]) {
    let source = format!("define twice(x) = (x) + x\ndefine plus(sum, x) = sum + x\ndefine it(old) = {text}");
    let loaded = load::rules(Path::new("a.mcrx"), &Only(&source));
    let definitions = Definitions::of(&loaded.rules);
    let lookup = Lookup::new(&TABLE);
    let mut expressions = loaded.rules.changes.iter().filter_map(|change| match &change.is {
        mcrx_dsl::rules::Change::Define { body, .. } => Some(body),
        _ => None,
    });
    let Some(expression) = expressions.next_back() else { return };
    let world = Block(bytes.to_vec());
    let old = Value::Object(Place { of: Release::Old, address: BLOCK });
    let compile = |run: &mut dyn FnMut(&mut Compiler<'_, '_, 'static>)| {
        let mut pairs = NoPairs;
        let compiler = Compiler::new(&definitions, &lookup, &lookup, &mut pairs);
        run(&mut compiler.with("old", Sort::Object(Release::Old, all())));
    };
    compile(&mut |compiler| {
        if let Ok(compiled) = compiler.value(expression, None) {
            let mut machine = Machine::new(&world, &NoMigration);
            let _ = machine.with([old.clone()], |machine| machine.value(&compiled.code));
        }
    });
    for (_, member) in all().fields() {
        let Some(ty) = member.ty() else { continue };
        compile(&mut |compiler| {
            if let Ok(stored) = compiler.stored(expression, ty, None) {
                let mut machine = Machine::new(&world, &NoMigration);
                let mut into = vec![0; usize::try_from(stored.size).unwrap()];
                let _ = machine.with([old.clone()], |machine| machine.store(&stored, &mut into));
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_expression_makes_it_panic(text in expressions(), seed: [u8; 16], points: bool) {
        let size = usize::try_from(all().size().unwrap()).unwrap();
        let mut bytes: Vec<u8> = seed.iter().copied().cycle().take(size).collect();
        if points {
            // Pointers lead into the block itself, in circles too.
            for (index, word) in bytes.chunks_exact_mut(8).enumerate() {
                let to = BLOCK + u64::from(seed[index % 16] % 120);
                word.copy_from_slice(&to.to_le_bytes());
            }
        }
        evaluate(&text, &bytes);
    }
}

#[test]
fn definitions_that_double_what_they_are_given_do_not_take_for_ever() {
    let mut source = "define f0(x) = x + x\n".to_owned();
    for depth in 1..60 {
        source += &format!("define f{depth}(x) = f{}(x) + f{}(x)\n", depth - 1, depth - 1);
    }
    let loaded = load::rules(Path::new("a.mcrx"), &Only(&format!("{source}define it() = f59(1)")));
    let definitions = Definitions::of(&loaded.rules);
    let lookup = Lookup::new(&TABLE);
    let Some(mcrx_dsl::rules::Change::Define { body, .. }) =
        loaded.rules.changes.last().map(|change| &change.is)
    else {
        panic!("a definition");
    };
    let mut pairs = NoPairs;
    let mistake = Compiler::new(&definitions, &lookup, &lookup, &mut pairs).value(body, None).unwrap_err();
    assert!(
        ["with all that it calls, this expression is too large", "this is nested too deeply"]
            .contains(&&*mistake.message)
    );
}

#[test]
fn a_definition_that_calls_itself_is_a_mistake() {
    let loaded = load::rules(Path::new("a.mcrx"), &Only("define f(x) = g(x)\ndefine g(x) = f(x)"));
    let definitions = Definitions::of(&loaded.rules);
    let lookup = Lookup::new(&TABLE);
    let Some(mcrx_dsl::rules::Change::Define { body, .. }) =
        loaded.rules.changes.last().map(|change| &change.is)
    else {
        panic!("a definition");
    };
    let mut pairs = NoPairs;
    let compiler = Compiler::new(&definitions, &lookup, &lookup, &mut pairs);
    let mistake = compiler.with("x", Sort::Integer(None)).value(body, None).unwrap_err();
    assert_eq!(mistake.message, "`f` calls itself");
}

#[test]
fn what_is_as_deep_as_it_may_be_is_computed_and_what_is_deeper_is_a_mistake() {
    let nested = |depth: usize| {
        format!("{}old.a{}", "(1 + -match ".repeat(depth), " { 7 => 1, _ => 2 })".repeat(depth))
    };
    let calls = |depth: usize| format!("{}old.a{}", "twice(".repeat(depth), ")".repeat(depth));
    let size = usize::try_from(all().size().unwrap()).unwrap();
    for depth in [5, 15, 20, 30, 60, 120] {
        evaluate(&nested(depth), &vec![0; size]);
        evaluate(&calls(depth), &vec![0; size]);
    }
}

/// What is wrong with a value for a member.
fn mistake(member: &str, value: &str) -> Option<String> {
    let source = format!("define plus(sum, x) = sum + x\ndefine one(x) = x\ndefine it(old) = {value}");
    let loaded = load::rules(Path::new("a.mcrx"), &Only(&source));
    let definitions = Definitions::of(&loaded.rules);
    let lookup = Lookup::new(&TABLE);
    let Some(mcrx_dsl::rules::Change::Define { body, .. }) =
        loaded.rules.changes.last().map(|change| &change.is)
    else {
        panic!("a definition");
    };
    let (_, place) = all().field(member).expect("the member");
    let mut pairs = NoPairs;
    let compiler = Compiler::new(&definitions, &lookup, &lookup, &mut pairs);
    let mut compiler = compiler.with("old", Sort::Object(Release::Old, all()));
    compiler.stored(body, place.ty().expect("its type"), None).err().map(|mistake| mistake.message)
}

#[test]
fn structures_of_a_list_are_no_texts_of_an_array() {
    // Which of two members is meant is not clear.
    let message = mistake("names", "chain(old.pairs, via next)").expect("a mistake");
    assert!(message.starts_with("these are pointers to `struct pair`, and "), "{message}");
    let message = mistake("names", "chain(old.list, via next)").expect("a mistake");
    assert!(message.starts_with("a number is no value for "), "{message}");
    assert_eq!(mistake("names", "old.names[0 .. 1]"), None);
}

#[test]
fn what_cannot_be_folded_is_said() {
    assert_eq!(mistake("a", "fold(old.text[0 .. 3], 0, plus)"), None);
    let said = [
        ("fold(old.a, 0, plus)", "a number is no sequence"),
        ("fold(old.text[0 .. 3], 0, minus)", "`minus` is no function of these rules"),
        ("fold(old.text[0 .. 3], 0, one)", "`one` takes 1 values and is given 2"),
        ("fold(old.text[0 .. 3], old.list, plus)", "one computes with numbers"),
        ("fold(old.text[0 .. 3], 0)", "it is called `fold(SEQUENCE, FIRST, DEFINED)`"),
    ];
    for (value, why) in said {
        let message = mistake("a", value).expect(value);
        assert!(message.contains(why), "{value}: {message}");
    }
}
