//! Types, functions, variables and constants by their names.

use super::units::{are_alike, is_file, is_of_unit};
use crate::rules::{Keyword, Pattern, Symbol};
use mcrx_debuginfo::table::{Encoding, Function, Kind, Storage, Table, Tag, Type, Variable};
use rustc_hash::FxHashMap;

/// All types that a name can mean, each once, without typedefs and qualifiers. Declarations only if there is nothing else.
///
/// Types of C's own have names of several words: `unsigned long` is what compilers call `long unsigned int`. A structure that has no name at all
/// goes by that of the variable that it is declared with.
pub fn types<'t>(table: &'t Table, keyword: Option<Keyword>, symbol: &Symbol) -> Vec<Type<'t>> {
    let mut found: Vec<Type<'t>> = Vec::new();
    for name in spellings(&symbol.name) {
        let named = table.types_named(&name).filter(|ty| is_so_called(*ty, keyword));
        for ty in named.filter(|ty| symbol.unit.as_deref().is_none_or(|unit| is_of_unit(*ty, unit))) {
            if let Some(ty) = ty.resolved().filter(|ty| !found.contains(ty)) {
                found.push(ty);
            }
        }
    }
    if found.is_empty() {
        found = unnamed(table, keyword, symbol);
    }
    if found.iter().any(|ty| !ty.is_declaration()) {
        found.retain(|ty| !ty.is_declaration());
    }
    // Debug info has several of one type where units differ in what they know of others that it points to.
    let mut distinct: Vec<Type<'t>> = Vec::new();
    for ty in found {
        if !distinct.iter().any(|other| are_alike(*other, ty)) {
            distinct.push(ty);
        }
    }
    distinct
}

/// The same without `struct` before it.
pub fn named_type<'t>(table: &'t Table, symbol: &Symbol) -> Vec<Type<'t>> {
    types(table, None, symbol)
}

/// `struct { ... } store;`: what a variable of the name is of.
fn unnamed<'t>(table: &'t Table, keyword: Option<Keyword>, symbol: &Symbol) -> Vec<Type<'t>> {
    // Debug info has one type for all that are declared alike: what is said of one variable must not be about another one.
    let is_alone = |ty: &Type<'t>| {
        let alike = |variable: &Variable<'t>| {
            variable.name() != symbol.name && variable.ty().and_then(Type::resolved) == Some(*ty)
        };
        !table.variables().any(|variable| alike(&variable))
    };
    let is_unnamed = |ty: &Type<'t>| {
        let is_structure = matches!((keyword, ty.tag()), (None | Some(Keyword::Struct), Tag::Structure))
            || matches!((keyword, ty.tag()), (None | Some(Keyword::Union), Tag::Union));
        // One with a typedef's name goes by that.
        is_structure && ty.name().is_none()
    };
    let of_variables = variables(table, symbol).into_iter().filter_map(|variable| variable.ty());
    let unnamed = of_variables.filter(|ty| ty.tag() != Tag::Typedef).filter_map(Type::resolved);
    unnamed.filter(is_unnamed).filter(is_alone).collect()
}

fn is_so_called(ty: Type<'_>, keyword: Option<Keyword>) -> bool {
    let tag = ty.tag();
    match keyword {
        None => tag.is_aggregate() || matches!(tag, Tag::Enumeration | Tag::Typedef | Tag::Base),
        Some(Keyword::Struct) => matches!(tag, Tag::Structure | Tag::Class),
        Some(Keyword::Union) => tag == Tag::Union,
        Some(Keyword::Enum) => tag == Tag::Enumeration,
    }
}

/// How compilers may call what is written so: itself, but for integers of several words.
fn spellings(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let is_integer = |word: &&str| matches!(*word, "unsigned" | "signed" | "long" | "short" | "int" | "char");
    if words.is_empty() || !words.iter().all(is_integer) {
        return vec![name.to_owned()];
    }
    let count = |wanted| words.iter().filter(|word| **word == wanted).count();
    let has = |wanted| count(wanted) > 0;
    if has("char") {
        let sign = ["unsigned", "signed"].into_iter().find(|sign| has(sign));
        return vec![sign.map_or("char".to_owned(), |sign| format!("{sign} char"))];
    }
    let width = match (count("long"), count("short")) {
        (0, 0) => "",
        (0, _) => "short ",
        (1, _) => "long ",
        _ => "long long ",
    };
    // gcc's and clang's.
    let sign = if has("unsigned") { "unsigned " } else { "" };
    let clang = format!("{sign}{width}");
    let clang = clang.trim_end();
    vec![format!("{width}{sign}int"), if width.is_empty() { format!("{sign}int") } else { clang.to_owned() }]
}

/// The functions of a name. Those with code first, and alone where there are any.
pub fn functions<'t>(table: &'t Table, symbol: &Symbol) -> Vec<Function<'t>> {
    let is_wanted = |function: &Function<'t>| {
        let Some(unit) = symbol.unit.as_deref() else { return true };
        is_file(function.declared().file, unit)
            || function.unit().is_some_and(|own| is_file(own.name(), unit))
    };
    let all: Vec<Function<'t>> = table.functions_named(&symbol.name).filter(is_wanted).collect();
    let has_code = |function: &Function<'t>| function.code().is_some();
    if all.iter().any(has_code) { all.into_iter().filter(has_code).collect() } else { all }
}

/// The variables of a name; static locals only if there is nothing else.
pub fn variables<'t>(table: &'t Table, symbol: &Symbol) -> Vec<Variable<'t>> {
    let is_wanted = |variable: &Variable<'t>| {
        let Some(unit) = symbol.unit.as_deref() else { return true };
        is_file(variable.declared().file, unit)
            || variable.unit().is_some_and(|own| is_file(own.name(), unit))
    };
    let mut all: Vec<Variable<'t>> = table.variables_named(&symbol.name).filter(is_wanted).collect();
    for is_better in
        [(|variable: &Variable<'t>| variable.function().is_none()) as fn(&Variable<'t>) -> bool, |variable| {
            matches!(variable.storage(), Storage::Static | Storage::ThreadLocal)
        }]
    {
        if all.iter().any(is_better) {
            all.retain(is_better);
        }
    }
    all
}

/// Whether a name is one that a pattern stands for.
pub fn is_named(pattern: &Pattern, name: &str) -> bool {
    if pattern.is_prefix { name.starts_with(&pattern.name) } else { name == pattern.name }
}

/// The functions that a pattern stands for.
pub fn functions_of_pattern<'t>(table: &'t Table, pattern: &Pattern) -> Vec<Function<'t>> {
    if pattern.is_prefix {
        return table.functions().filter(|function| function.name().starts_with(&pattern.name)).collect();
    }
    functions(table, &Symbol { name: pattern.name.clone(), unit: None })
}

/// The variables that a pattern stands for.
pub fn variables_of_pattern<'t>(table: &'t Table, pattern: &Pattern) -> Vec<Variable<'t>> {
    if pattern.is_prefix {
        return table.variables().filter(|variable| variable.name().starts_with(&pattern.name)).collect();
    }
    variables(table, &Symbol { name: pattern.name.clone(), unit: None })
}

/// A constant of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constant<'t> {
    /// As written.
    pub name: &'t str,
    /// Its value, read as its enumeration says.
    pub value: i128,
    /// The enumeration.
    pub of: Type<'t>,
}

/// The constants of all enumerations, by name: debug info has no index of them.
#[derive(Debug, Default)]
pub struct Constants<'t>(FxHashMap<&'t str, Vec<Constant<'t>>>);

impl<'t> Constants<'t> {
    /// Of all enumerations of a release.
    pub fn of(table: &'t Table) -> Constants<'t> {
        let mut all: FxHashMap<&'t str, Vec<Constant<'t>>> = FxHashMap::default();
        for ty in table.types().filter(|ty| ty.tag() == Tag::Enumeration) {
            for constant in constants(ty) {
                all.entry(constant.name).or_default().push(constant);
            }
        }
        Constants(all)
    }

    /// Those of a name.
    pub fn named(&self, name: &str) -> &[Constant<'t>] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &'t str> {
        self.0.keys().copied()
    }
}

/// The constants of an enumeration.
pub fn constants<'t>(enumeration: Type<'t>) -> impl Iterator<Item = Constant<'t>> {
    let is_unsigned = enumeration.flags().unsigned
        || matches!(enumeration.kind(), Kind::Enumeration(Some(below)) if is_unsigned(below));
    enumeration.enumerators().map(move |constant| Constant {
        name: constant.name,
        value: if is_unsigned {
            i128::from(constant.value.cast_unsigned())
        } else {
            i128::from(constant.value)
        },
        of: enumeration,
    })
}

fn is_unsigned(ty: Type<'_>) -> bool {
    matches!(
        ty.resolved().map(Type::kind),
        Some(Kind::Base(Encoding::Unsigned | Encoding::UnsignedChar | Encoding::Boolean))
    )
}
