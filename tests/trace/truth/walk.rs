//! Walks through the graph, by chance but always the same ones: from variables on, along members, elements and pointers. Each place that a
//! walk comes by has an expression in C that says the same.

use super::gdb::Question;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Kind, Storage, Tag, Type, Variable};
use mcrx_tracer::graph::{Edge, Kind as EdgeKind};
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::RootKind;
use mcrx_tracer::trace::Trace;
use mcrx_tracer::value::{Scalar, Value};
use std::collections::{HashMap, HashSet};

/// A place, and what gdb is asked about it.
#[derive(Clone)]
pub(crate) struct Place<'t> {
    pub(crate) value: Value<'t>,
    pub(crate) question: Question,
    /// Of the pointers that led there, how many do not say by their type what they point to.
    pub(crate) casts: usize,
    /// How many pointers led there.
    pub(crate) pointers: usize,
    /// It begins in a static variable of a function, which gdb finds only where the variable is in the outermost block of a function that
    /// was not inlined.
    pub(crate) is_static_local: bool,
    /// It begins in a variable of the program itself, or in one of a thread or frame, and not in a library's.
    pub(crate) is_own: bool,
}

/// Steps of one walk.
const STEPS: usize = 24;
/// Members of each structure that are looked at in passing.
const BESIDE: usize = 2;
/// Of so many places chance decides upon, the one that leads furthest is taken.
pub(crate) const CHOICE: usize = 3;
/// Elements of one array that are looked at.
const ELEMENTS: u64 = 50;

/// Chance that is the same in each run (Marsaglia, *Xorshift RNGs*, 2003).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.0 % end).unwrap_or(0)
    }
}

/// Where walks begin: each root with a type that gdb has a sure name for.
pub(crate) fn beginnings<'t>(trace: &'t Trace<'t>) -> Vec<Place<'t>> {
    let variables = variables(trace);
    let mut of_name: HashMap<&str, usize> = HashMap::new();
    for root in &trace.roots {
        *of_name.entry(&root.name).or_default() += 1;
    }
    let begin = |number: usize| {
        let root = trace.roots.get(number)?;
        let value = Value::root(trace, number)?;
        let of_thread = |name: &str, tid: &str, function: Option<&str>| {
            let function = function.map(str::to_owned);
            Some(Question {
                expression: name.to_owned(),
                tid: Some(tid.parse().ok()?),
                function,
                locals: false,
            })
        };
        let module = trace.process.module_at(root.address);
        let is_own = root.kind != RootKind::Variable
            || module.is_some_and(|module| module.path == trace.process.executable);
        let question = match root.kind {
            RootKind::Variable => variables.get(&(root.address, root.ty?))?.clone(),
            // A block inside another may have a variable of the same name.
            _ if of_name.get(root.name.as_str()) != Some(&1) => return None,
            RootKind::ThreadLocal => {
                let (name, tid) = root.name.rsplit_once(" of thread ")?;
                of_thread(name, tid, None)?
            }
            RootKind::Local => {
                let (name, rest) = root.name.split_once(" in ")?;
                let (function, tid) = rest.rsplit_once(" of thread ")?;
                of_thread(name, tid, Some(function))?
            }
            _ => return None,
        };
        let is_static_local = root.kind == RootKind::Variable && root.name.contains("::");
        Some(Place { value, question, casts: 0, pointers: 0, is_static_local, is_own })
    };
    (0..trace.roots.len()).filter_map(begin).collect()
}

/// A question for each variable that has a name of its own, by address and type.
fn variables(trace: &Trace<'_>) -> HashMap<(u64, Ty), Question> {
    let modules = || trace.process.modules.iter().zip(&trace.known.debug.modules);
    let tables = || modules().filter_map(|(module, described)| Some((module, described.table.as_ref()?)));
    let is_there = |variable: &Variable<'_>| variable.storage() == Storage::Static;
    let mut of_name: HashMap<String, usize> = HashMap::new();
    for (_, table) in tables() {
        for variable in table.variables().filter(is_there) {
            *of_name.entry(expression(&variable)).or_default() += 1;
        }
    }
    let mut found = HashMap::new();
    for (module, table) in tables() {
        let is_program = module.path == trace.process.executable;
        for variable in table.variables().filter(is_there) {
            let expression = expression(&variable);
            // Of two of one name gdb takes one. Libraries' own variables the program may have copied to itself (copy relocations).
            // Names with namespaces are not C's.
            let is_sure = of_name.get(&expression) == Some(&1)
                && !variable.name().contains("::")
                && (is_program || variable.function().is_none() && !variable.is_external());
            let Some(ty) = variable.ty().and_then(|ty| trace.model.number_in(table, ty)) else { continue };
            if is_sure {
                let question = Question { expression, tid: None, function: None, locals: false };
                found.insert((module.mapped(variable.address().0), ty), question);
            }
        }
    }
    found
}

fn expression(variable: &Variable<'_>) -> String {
    match (variable.function(), variable.unit()) {
        (Some(function), _) => format!("{}::{}", function.name(), variable.name()),
        (None, Some(unit)) => format!("'{}'::{}", unit.name(), variable.name()),
        (None, None) => variable.name().to_owned(),
    }
}

/// The words that a cast may use for each type that has no other of its name anywhere.
pub(crate) struct Names(HashMap<Ty, String>);

impl Names {
    pub(crate) fn of(trace: &Trace<'_>) -> Names {
        let mut by_name: HashMap<String, Vec<Type<'_>>> = HashMap::new();
        for table in trace.known.debug.modules.iter().filter_map(|described| described.table.as_ref()) {
            let is_named =
                |ty: &Type<'_>| ty.tag().is_aggregate() && ty.name().is_some() && !ty.is_declaration();
            for ty in table.types().filter(is_named) {
                by_name.entry(type_name(Some(ty), Anonymous::LeftOut)).or_default().push(ty);
            }
        }
        let only = |(name, types): (String, Vec<Type<'_>>)| match types.as_slice() {
            [ty] => Some((trace.model.number_in(ty.table(), *ty)?, name)),
            _ => None,
        };
        Names(by_name.into_iter().filter_map(only).collect())
    }
}

/// One walk. Each place on it is handed over.
pub(crate) fn walk<'t>(
    trace: &'t Trace<'t>,
    names: &Names,
    mut at: Place<'t>,
    chance: &mut Chance,
    each: &mut impl FnMut(Place<'t>),
) {
    let mut seen = HashSet::new();
    for _ in 0..STEPS {
        beside(&at, chance).into_iter().for_each(&mut *each);
        let Some(next) = step(trace, names, &at, chance) else { break };
        // A list that is a circle.
        let is_new = seen.insert(next.value.address());
        each(at);
        at = next;
        if !is_new {
            break;
        }
    }
    each(at);
}

/// Some members of a structure that a walk comes by.
fn beside<'t>(at: &Place<'t>, chance: &mut Chance) -> Vec<Place<'t>> {
    let members = at.value.members();
    let member = |_| {
        let (name, value) = members.get(chance.below(members.len()))?;
        Some(at.to(*value, format!("{}.{name}", at.question.expression)))
    };
    (0..BESIDE).filter_map(member).collect()
}

impl<'t> Place<'t> {
    /// A part of it.
    fn to(&self, value: Value<'t>, expression: String) -> Place<'t> {
        let question = Question { expression, ..self.question.clone() };
        Place { value, question, ..self.clone() }
    }

    /// What it points to.
    fn through(&self, value: Value<'t>, expression: String, is_cast: bool) -> Place<'t> {
        let (pointers, casts) = (self.pointers + 1, self.casts + usize::from(is_cast));
        Place { pointers, casts, ..self.to(value, expression) }
    }
}

fn step<'t>(trace: &'t Trace<'t>, names: &Names, at: &Place<'t>, chance: &mut Chance) -> Option<Place<'t>> {
    let Place { value, question, .. } = at;
    let expression = &question.expression;
    match value.ty().resolved()?.kind() {
        Kind::Aggregate => {
            let members = value.members();
            // Of some, one that leads on.
            let chosen: Vec<_> =
                (0..CHOICE).filter_map(|_| members.get(chance.below(members.len()))).collect();
            let (name, member) = chosen.iter().max_by_key(|(_, member)| leads(trace, member))?;
            Some(at.to(*member, format!("{expression}.{name}")))
        }
        Kind::Array { count, .. } => {
            let count = match count {
                Count::Exactly(count) if count > 0 => count,
                Count::Exactly(_) | Count::Open => ELEMENTS,
            };
            let count = usize::try_from(count.min(ELEMENTS)).ok()?;
            let chosen = (0..CHOICE).filter_map(|_| {
                let index = u64::try_from(chance.below(count)).ok()?;
                Some((index, value.element(index)?))
            });
            let (index, element) = chosen.max_by_key(|(_, element)| leads(trace, element))?;
            Some(at.to(element, format!("{expression}[{index}]")))
        }
        Kind::Pointer(said) => {
            let target = value.target()?;
            // C cannot follow one with bits in it that a fact takes off.
            let has_tag =
                matches!(value.scalar(), Some(Scalar::Pointer(word)) if target.address() != Some(word));
            if has_tag && target.address().is_some() {
                return None;
            }
            let index = u64::try_from(chance.below(usize::try_from(ELEMENTS).ok()?)).ok()?;
            let is_said = value.edge().is_some_and(|edge| edge.kind == EdgeKind::Precise)
                && said.is_some_and(|said| said.size().is_some_and(|size| size > 0));
            if !is_said {
                let name = names.0.get(&trace.model.number_in(target.ty().table(), target.ty())?)?;
                return Some(at.through(target, format!("(*({name} *){expression})"), true));
            }
            // Blocks hold arrays, and variables are what they are.
            let is_block = trace.graph.block(target.node()).is_some();
            match target.beside(index).filter(|_| is_block && index > 0) {
                Some(other) if holds_array(trace, &target, index) => {
                    Some(at.through(other, format!("{expression}[{index}]"), false))
                }
                _ => Some(at.through(target, format!("(*{expression})"), false)),
            }
        }
        _ => None,
    }
}

/// How far a place leads: a pointer to a block, what has such pointers in it, another pointer, nowhere.
pub(crate) fn leads(trace: &Trace<'_>, value: &Value<'_>) -> usize {
    let Some(size) = value.ty().size() else { return 0 };
    let inside = value.offset()..value.offset().saturating_add(size);
    let is_sure = |edge: &Edge| {
        matches!(edge.kind, EdgeKind::Precise | EdgeKind::Opaque) && trace.graph.block(edge.to).is_some()
    };
    let leads =
        || trace.graph.edges(value.node()).any(|edge| inside.contains(&edge.offset) && is_sure(&edge));
    match value.ty().resolved().map(Type::kind) {
        Some(Kind::Pointer(_)) if leads() && value.target().is_some() => 3,
        Some(Kind::Aggregate | Kind::Array { .. }) if leads() => 2,
        Some(Kind::Pointer(_)) if value.target().is_some() => 1,
        _ => 0,
    }
}

/// Whether what marking says is there has an element of the same type so much further on.
fn holds_array(trace: &Trace<'_>, target: &Value<'_>, index: u64) -> bool {
    let Some(block) = trace.graph.block(target.node()) else { return false };
    let further = target.ty().size().and_then(|size| size.checked_mul(index)?.checked_add(target.offset()));
    let there = further.and_then(|further| Value::in_block(trace, block, further));
    there.is_some_and(|there| {
        Some(there.offset()) == further && there.ty().resolved() == target.ty().resolved()
    })
}

/// Whether two spellings of a type differ by spaces, by the order of qualifiers, or by how integers are spelt, alone.
pub(crate) fn is_same_type(ours: &str, theirs: &str) -> bool {
    /// gcc's names of integers, and gdb's.
    const INTEGERS: [(&str, &str); 6] = [
        ("long long unsigned int", "unsigned long long"),
        ("long unsigned int", "unsigned long"),
        ("short unsigned int", "unsigned short"),
        ("long long int", "long long"),
        ("long int", "long"),
        ("short int", "short"),
    ];
    let plain = |text: &str| {
        let text = INTEGERS.iter().fold(text.to_owned(), |text, (gcc, gdb)| text.replace(gcc, gdb));
        // The tracer names what an atomic one holds.
        let text = text.replace("_Atomic", "");
        let text = text.replace("volatile const", "const volatile").replace(' ', "");
        // An array is as constant as its elements are: gdb says the one, debug info the other.
        if text.ends_with(']') { text.trim_start_matches("const").to_owned() } else { text }
    };
    plain(ours) == plain(theirs)
}

/// The type below typedefs and qualifiers, as C writes it.
pub(crate) fn name(ty: Type<'_>) -> String {
    type_name(ty.resolved(), Anonymous::LeftOut)
}

/// Whether a type is one whose parts are values of their own.
pub(crate) fn has_parts(ty: Type<'_>) -> bool {
    let resolved = ty.resolved();
    resolved.is_some_and(|ty| ty.tag().is_aggregate() || ty.tag() == Tag::Array)
}
