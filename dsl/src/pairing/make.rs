//! Making a pairing: members one by one, then what follows from types that hold others.

mod convert;
mod judge;
mod members;

pub(super) use judge::judge_variable;
pub(super) use members::List;

use super::said::{self, Said};
use super::{
    About, Asked, Body, Constants, FxHashMap, Made, Number, Origin, PairId, Pairing, Place, Question,
    QuestionId, TypePair, container, counter, functions, holes, plain, variables,
};
use crate::rules::{Change, Fact, Reading, Rules, TypeChange};
use mcrx_debuginfo::compare::{Pair, Pairs, Relation};
use mcrx_debuginfo::table::{Kind, Table, Tag, Type, TypeId};
use rustc_hash::FxHashSet;

/// What is known while a pairing is made.
pub(super) struct Making<'p, 't> {
    pub(super) relation: Relation<'p, 't, 't>,
    pub(super) of_old: FxHashMap<TypeId, PairId>,
    pub(super) of_new: FxHashMap<TypeId, PairId>,
    /// Old types that are merged into others.
    pub(super) merged: FxHashSet<TypeId>,
    /// New types that are split off others: which of those that are made.
    pub(super) beside: FxHashMap<TypeId, usize>,
    pub(super) questions: Vec<Question<'t>>,
    /// Unions of which a fact tells which member counts: members of a pair's old type.
    pub(super) told: FxHashSet<(PairId, String)>,
}

/// A `type` statement whose types are there.
struct Statement<'t> {
    change: &'t TypeChange,
    from: Vec<Type<'t>>,
    to: Vec<Type<'t>>,
}

pub(super) fn pairing<'t>(old: &'t Table, new: &'t Table, rules: &'t Rules) -> Pairing<'t> {
    let statements = statements(old, new, rules);
    let given: Vec<(Type<'t>, Type<'t>)> = statements
        .iter()
        .filter_map(|statement| Some((*statement.from.first()?, *statement.to.first()?)))
        .collect();
    let pairs = Pairs::with(old, new, &given);
    let chosen: Vec<(usize, &Pair<'t, 't>)> = pairs
        .all()
        .iter()
        .enumerate()
        .filter(|(_, pair)| matches!(pair.old.kind(), Kind::Aggregate | Kind::Enumeration(_)))
        .collect();
    let ids: FxHashMap<usize, PairId> =
        chosen.iter().zip(0..).map(|((index, _), id)| (*index, PairId(id))).collect();
    let id_of = |index: Option<usize>| index.and_then(|index| ids.get(&index)).copied();
    let mut of_old: FxHashMap<TypeId, PairId> =
        old.types().filter_map(|ty| Some((ty.id(), id_of(pairs.index_of(ty))?))).collect();
    let mut of_new: FxHashMap<TypeId, PairId> =
        new.types().filter_map(|ty| Some((ty.id(), id_of(pairs.index_of_new(ty))?))).collect();
    let mut said_of: FxHashMap<PairId, &Statement<'t>> = FxHashMap::default();
    let (mut merged, mut beside) = (FxHashSet::default(), FxHashMap::default());
    for statement in &statements {
        let Some(id) = statement.from.first().and_then(|ty| of_old.get(&ty.id())).copied() else { continue };
        // Of two about one thing the later one counts.
        said_of.insert(id, statement);
        for one in statement.from.iter().skip(1) {
            of_old.insert(one.id(), id);
            merged.insert(one.id());
        }
        for (index, made) in statement.to.iter().enumerate().skip(1) {
            of_new.insert(made.id(), id);
            beside.insert(made.id(), index);
        }
    }
    let drained: Vec<Type<'t>> = rules
        .changes
        .iter()
        .filter_map(|change| match &change.is {
            Change::Drain { ty, .. } => said::named_type(old, &ty.is),
            _ => None,
        })
        .collect();
    let told = told(old, rules, &of_old);
    let relation = Relation::new(&pairs);
    let mut making = Making { relation, of_old, of_new, merged, beside, questions: Vec::new(), told };
    let mut types = Vec::with_capacity(chosen.len());
    for ((_, pair), id) in chosen.iter().zip(0..) {
        let id = PairId(id);
        let mut made = making.type_pair(id, pair, said_of.get(&id).copied());
        made.is_drained = made.old.iter().any(|ty| drained.contains(ty));
        types.push(made);
    }
    let mut variables = variables::pairs(&mut making, old, new, rules);
    judge::judge(&mut making, &mut types);
    variables::judge(&mut making, &mut variables, &types);
    let (functions, new_functions) = functions::pairs(old, new, rules);
    let Making { of_old, of_new, questions, .. } = making;
    let mut pairing = Pairing { types, variables, functions, new_functions, questions, of_old, of_new };
    container::ask(&mut pairing, rules);
    counter::ask(&mut pairing);
    plain::ask(&mut pairing, old);
    holes::mark(&mut pairing, rules);
    pairing
}

/// Members that facts read as one of their own members.
fn told(old: &Table, rules: &Rules, of_old: &FxHashMap<TypeId, PairId>) -> FxHashSet<(PairId, String)> {
    let fields = rules.facts.iter().filter_map(|fact| match &fact.is {
        Fact::Field { owner, paths, reading } => match reading.is {
            Reading::Match(_) | Reading::Member(_) => Some((&owner.is, paths)),
            _ => None,
        },
        _ => None,
    });
    let pairs = fields.flat_map(|(owner, paths)| {
        let owners = crate::names::named_type(old, owner).into_iter();
        let pairs = owners.filter_map(|ty| of_old.get(&ty.id()).copied());
        pairs.flat_map(|pair| paths.iter().map(move |path| (pair, said::spelt(&path.is.steps))))
    });
    pairs.collect()
}

fn statements<'t>(old: &'t Table, new: &'t Table, rules: &'t Rules) -> Vec<Statement<'t>> {
    let all = |table: &'t Table, names: &'t [crate::source::At<crate::rules::TypeName>]| {
        names.iter().map(|name| said::named_type(table, &name.is)).collect::<Option<Vec<Type<'t>>>>()
    };
    let changes = rules.changes.iter().filter_map(|change| match &change.is {
        Change::Type(change) => Some(change),
        _ => None,
    });
    let found = changes.filter_map(|change| {
        let statement = Statement { change, from: all(old, &change.from)?, to: all(new, &change.to)? };
        (!statement.from.is_empty() && !statement.to.is_empty()).then_some(statement)
    });
    found.collect()
}

impl<'t> Making<'_, 't> {
    fn type_pair(
        &mut self,
        id: PairId,
        pair: &Pair<'t, 't>,
        statement: Option<&Statement<'t>>,
    ) -> TypePair<'t> {
        let old = statement.map_or_else(|| vec![pair.old], |statement| statement.from.clone());
        let new = statement.map_or_else(|| vec![pair.new], |statement| statement.to.clone());
        let rule = statement.map(|statement| statement.change);
        // A structure without a name goes by what the rule calls it.
        let said = rule.and_then(|change| change.to.first()).map(|to| to.is.symbol.name.as_str());
        let name = if pair.name.is_empty() { said.unwrap_or("") } else { pair.name };
        let mut made = Vec::new();
        let mut dropped = Vec::new();
        let said: Vec<Said<'t>> = (0..new.len())
            .map(|index| rule.map_or_else(Said::default, |change| Said::of(change, index)))
            .collect();
        let about = About::Pair(id);
        for (index, (ty, said)) in new.iter().zip(&said).enumerate() {
            // What is made besides takes nothing that it is not given.
            let sources: &[Type<'t>] = if index == 0 { &old } else { &[] };
            let (body, parts, given_up) = self.body(about, (sources, &old), pair.old, *ty, said);
            made.push(Made { ty: *ty, body, parts });
            dropped.extend(given_up);
        }
        TypePair { name, old, made, dropped, rule, is_same: false, is_drained: false }
    }

    fn body(
        &mut self,
        about: About<'t>,
        (sources, all): (&[Type<'t>], &[Type<'t>]),
        old: Type<'t>,
        new: Type<'t>,
        said: &Said<'t>,
    ) -> (Body<'t>, Vec<super::MemberPair<'t>>, Vec<Place<'t>>) {
        if new.tag() == Tag::Enumeration {
            let body = match (Number::of(old, None), Number::of(new, None)) {
                (Some(from), Some(to)) => Body::Constants(Constants::between(old, new), from, to),
                _ => Body::Open(self.ask_retyped(about, old, new)),
            };
            return (body, Vec::new(), Vec::new());
        }
        let is_union = |ty: Type<'_>| ty.tag() == Tag::Union;
        if said.is_empty() && is_union(old) && is_union(new) {
            let body = Body::Union(self.alternatives(about, old, new, "", said));
            return (body, Vec::new(), Vec::new());
        }
        if said.is_empty() && is_union(old) != is_union(new) {
            return (Body::Open(self.ask_retyped(about, old, new)), Vec::new(), Vec::new());
        }
        let list = List { about, said, is_union: is_union(new) || is_union(old), old: all };
        let (found, gone) = self.members(&list, sources, new);
        let parts = self.parts(&list, new, &found);
        (Body::Members(found), parts, gone)
    }

    fn ask_retyped(&mut self, about: About<'t>, old: Type<'t>, new: Type<'t>) -> QuestionId {
        self.ask(about, Asked::Retyped, Some(Place::whole(Some(old))), Some(Place::whole(Some(new))))
    }

    /// One more question.
    pub(super) fn ask(
        &mut self,
        about: About<'t>,
        asked: Asked<'t>,
        old: Option<Place<'t>>,
        new: Option<Place<'t>>,
    ) -> QuestionId {
        let id = QuestionId(u32::try_from(self.questions.len()).unwrap_or(u32::MAX));
        self.questions.push(Question { about, asked, old, new, is_in_hole: false });
        id
    }

    /// A question in the place of a value.
    pub(super) fn open(
        &mut self,
        about: About<'t>,
        asked: Asked<'t>,
        old: Option<&Place<'t>>,
        new: Option<&Place<'t>>,
    ) -> Origin<'t> {
        Origin::Open(self.ask(about, asked, old.cloned(), new.cloned()))
    }
}
