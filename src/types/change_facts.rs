//! What `mcrx types OLD NEW --json` prints.

use super::layout::kind;
use super::program::ProgramFacts;
use mcrx_debuginfo::compare::{
    Comparison, ConstantChange, Difference, Effect, Field, FieldChange, Named, TypeChange, VariableChange,
};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Function, Storage, Type, Variable};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Facts {
    schema: &'static str,
    old: ProgramFacts,
    new: ProgramFacts,
    /// Whether anything makes memory of the old release wrong for the new one.
    incompatible: bool,
    /// Types of both: incompatible ones first, then additions, then what only reads differently.
    changed: Vec<TypeFacts>,
    /// Names.
    added: Vec<String>,
    removed: Vec<String>,
    /// The same, with what they are.
    types_added: Vec<NamedFacts>,
    types_removed: Vec<NamedFacts>,
    globals: GlobalFacts,
    functions: FunctionFacts,
}

#[derive(Serialize)]
struct TypeFacts {
    name: String,
    kind: &'static str,
    effect: &'static str,
    size_before: Option<u64>,
    size_after: Option<u64>,
    /// Paths of members, and of an enumeration its constants.
    fields_added: Vec<String>,
    fields_removed: Vec<String>,
    /// Of another type or other bits; constants of another value.
    fields_retyped: Vec<String>,
    fields_moved: Vec<String>,
    /// Guesses: each is among the removed, and it or what it lies in among the added.
    fields_renamed: Vec<RenamedFacts>,
    /// Each change of a member, with both declarations.
    fields: Vec<FieldFacts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    constants: Vec<ConstantFacts>,
    /// The changed types that it holds.
    via: Vec<ViaFacts>,
    only_via: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<TargetFacts>,
    /// Its own name in each release, where they differ; an anonymous type has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<[Option<String>; 2]>,
    unit_before: Option<String>,
    unit_after: Option<String>,
}

#[derive(Serialize)]
struct RenamedFacts {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct ViaFacts {
    field: String,
    #[serde(rename = "type")]
    name: String,
}

#[derive(Serialize)]
struct TargetFacts {
    before: String,
    after: String,
    difference: &'static str,
}

#[derive(Serialize)]
struct FieldFacts {
    name: String,
    effect: &'static str,
    before: Option<PlaceFacts>,
    after: Option<PlaceFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'static str>,
}

#[derive(Serialize)]
struct PlaceFacts {
    #[serde(rename = "type")]
    ty: String,
    offset: u64,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bit_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bit_size: Option<u32>,
    /// It shares its bytes with others of an anonymous union.
    in_union: bool,
}

#[derive(Serialize)]
struct ConstantFacts {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize)]
struct NamedFacts {
    name: String,
    kind: &'static str,
    size: Option<u64>,
    unit: Option<String>,
}

#[derive(Serialize)]
struct GlobalFacts {
    /// Names.
    added: Vec<String>,
    removed: Vec<String>,
    retyped: Vec<String>,
    /// Of the same type, which itself changed.
    via: Vec<String>,
    /// The same, with what they are.
    variables_added: Vec<VariableFacts>,
    variables_removed: Vec<VariableFacts>,
    variables_changed: Vec<VariableChangeFacts>,
}

#[derive(Serialize)]
struct VariableFacts {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    size: Option<u64>,
    external: bool,
    thread_local: bool,
    unit: Option<String>,
    /// Of a static local.
    function: Option<String>,
}

#[derive(Serialize)]
struct VariableChangeFacts {
    name: String,
    effect: &'static str,
    before: VariableFacts,
    after: VariableFacts,
    difference: Option<&'static str>,
    via: Option<String>,
}

#[derive(Serialize)]
struct FunctionFacts {
    added: Vec<String>,
    removed: Vec<String>,
    /// Functions that take or return other things.
    retyped: Vec<String>,
}

impl Facts {
    pub(super) fn of(
        schema: &'static str,
        old: ProgramFacts,
        new: ProgramFacts,
        comparison: &Comparison<'_, '_>,
    ) -> Facts {
        let Comparison { types, variables, functions } = comparison;
        let named = |named: &Named<'_>| named.name.to_owned();
        let variable = |variable: &Variable<'_>| variable.name().to_owned();
        let function = |function: &Function<'_>| function.name().to_owned();
        let retyped = variables.changed.iter().filter(|change| change.is_retyped());
        let via = variables.changed.iter().filter(|change| change.via.is_some());
        Facts {
            schema,
            old,
            new,
            incompatible: comparison.is_incompatible(),
            changed: types.changed.iter().map(TypeFacts::of).collect(),
            added: types.added.iter().map(named).collect(),
            removed: types.removed.iter().map(named).collect(),
            types_added: types.added.iter().map(NamedFacts::of).collect(),
            types_removed: types.removed.iter().map(NamedFacts::of).collect(),
            globals: GlobalFacts {
                added: variables.added.iter().map(variable).collect(),
                removed: variables.removed.iter().map(variable).collect(),
                retyped: retyped.map(|change| variable(&change.new)).collect(),
                via: via.map(|change| variable(&change.new)).collect(),
                variables_added: variables.added.iter().map(VariableFacts::of).collect(),
                variables_removed: variables.removed.iter().map(VariableFacts::of).collect(),
                variables_changed: variables.changed.iter().map(VariableChangeFacts::of).collect(),
            },
            functions: FunctionFacts {
                added: functions.added.iter().map(function).collect(),
                removed: functions.removed.iter().map(function).collect(),
                retyped: functions.changed.iter().map(|change| function(&change.new)).collect(),
            },
        }
    }
}

impl TypeFacts {
    fn of(change: &TypeChange<'_, '_>) -> TypeFacts {
        let fields = |which: fn(&FieldChange<'_, '_>) -> bool| -> Vec<String> {
            let fields = change.fields.iter().filter(|field| which(field));
            fields.map(|field| field.path().to_owned()).collect()
        };
        let constants = |which: fn(&ConstantChange<'_, '_>) -> Option<String>| -> Vec<String> {
            change.constants.iter().filter_map(which).collect()
        };
        let spelt = |ty: Type<'_>| spell::type_name(ty.target(), Anonymous::WrittenOut);
        let tag = |ty: Type<'_>| ty.name().map(ToOwned::to_owned);
        let mut fields_added = fields(|field| matches!(field, FieldChange::Added(_)));
        fields_added.extend(constants(|constant| match constant {
            ConstantChange::Added(new) => Some(new.name.to_owned()),
            _ => None,
        }));
        let mut fields_removed = fields(|field| matches!(field, FieldChange::Removed(_)));
        fields_removed.extend(constants(|constant| match constant {
            ConstantChange::Removed(old) => Some(old.name.to_owned()),
            _ => None,
        }));
        let mut fields_retyped = fields(|field| field.is_retyped());
        fields_retyped.extend(constants(|constant| match constant {
            ConstantChange::Renumbered(_, new) => Some(new.name.to_owned()),
            _ => None,
        }));
        TypeFacts {
            name: change.name.to_owned(),
            kind: kind(change.new),
            effect: effect(change.effect()),
            size_before: change.old.size(),
            size_after: change.new.size(),
            fields_added,
            fields_removed,
            fields_retyped,
            fields_moved: fields(|field| field.is_moved()),
            fields_renamed: change
                .renamed
                .iter()
                .map(|guess| RenamedFacts { from: guess.old.clone(), to: guess.new.clone() })
                .collect(),
            fields: change.fields.iter().map(FieldFacts::of).collect(),
            constants: change.constants.iter().map(|constant| ConstantFacts::of(constant, change)).collect(),
            via: change
                .via
                .iter()
                .map(|via| ViaFacts { field: via.path.clone(), name: via.name.to_owned() })
                .collect(),
            only_via: change.is_only_via(),
            target: change.target.map(|how| TargetFacts {
                before: spelt(change.old),
                after: spelt(change.new),
                difference: difference(how),
            }),
            tags: change.is_renamed().then(|| [tag(change.old), tag(change.new)]),
            unit_before: unit(change.old),
            unit_after: unit(change.new),
        }
    }
}

impl FieldFacts {
    fn of(change: &FieldChange<'_, '_>) -> FieldFacts {
        let (before, after, how) = match change {
            FieldChange::Added(field) => (None, Some(PlaceFacts::of(field)), None),
            FieldChange::Removed(field) => (Some(PlaceFacts::of(field)), None, None),
            FieldChange::Changed { old, new, difference } => {
                (Some(PlaceFacts::of(old)), Some(PlaceFacts::of(new)), *difference)
            }
        };
        FieldFacts {
            name: change.path().to_owned(),
            effect: effect(change.effect()),
            before,
            after,
            difference: how.map(difference),
        }
    }
}

impl PlaceFacts {
    fn of(field: &Field<'_>) -> PlaceFacts {
        PlaceFacts {
            ty: spell::type_name(field.member.ty(), Anonymous::WrittenOut),
            offset: field.offset(),
            size: field.member.ty().and_then(Type::size),
            bit_offset: field.member.bit_size().map(|_| field.bit_offset),
            bit_size: field.member.bit_size(),
            in_union: field.is_alternative,
        }
    }
}

impl ConstantFacts {
    fn of(constant: &ConstantChange<'_, '_>, change: &TypeChange<'_, '_>) -> ConstantFacts {
        let (name, before, after) = match constant {
            ConstantChange::Added(new) => (new.name, None, Some(new.value)),
            ConstantChange::Removed(old) => (old.name, Some(old.value), None),
            ConstantChange::Renumbered(old, new) => (new.name, Some(old.value), Some(new.value)),
        };
        ConstantFacts {
            name: name.to_owned(),
            before: before.map(|value| spell::constant(value, change.old)),
            after: after.map(|value| spell::constant(value, change.new)),
        }
    }
}

impl NamedFacts {
    fn of(named: &Named<'_>) -> NamedFacts {
        NamedFacts {
            name: named.name.to_owned(),
            kind: kind(named.ty),
            size: named.ty.size(),
            unit: unit(named.ty),
        }
    }
}

impl VariableFacts {
    fn of(variable: &Variable<'_>) -> VariableFacts {
        VariableFacts {
            name: variable.name().to_owned(),
            ty: spell::type_name(variable.ty(), Anonymous::WrittenOut),
            size: variable.ty().and_then(Type::size),
            external: variable.is_external(),
            thread_local: variable.storage() == Storage::ThreadLocal,
            unit: variable.unit().map(|unit| unit.name().to_owned()),
            function: variable.function().map(|function| function.name().to_owned()),
        }
    }
}

impl VariableChangeFacts {
    fn of(change: &VariableChange<'_, '_>) -> VariableChangeFacts {
        VariableChangeFacts {
            name: change.new.name().to_owned(),
            effect: effect(change.effect()),
            before: VariableFacts::of(&change.old),
            after: VariableFacts::of(&change.new),
            difference: change.difference.map(difference),
            via: change.via.map(|(name, _)| name.to_owned()),
        }
    }
}

fn unit(ty: Type<'_>) -> Option<String> {
    ty.unit().map(|unit| unit.name().to_owned())
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Incompatible => "incompatible",
        Effect::Addition => "addition",
        Effect::Compatible => "compatible",
    }
}

fn difference(difference: Difference) -> &'static str {
    match difference {
        Difference::Spelling => "spelling",
        Difference::Pointee => "pointee",
        Difference::Signature => "signature",
        Difference::Length => "length",
        Difference::Number => "number",
        Difference::Contents => "contents",
        Difference::Kind => "kind",
    }
}
