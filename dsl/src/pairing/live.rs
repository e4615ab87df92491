//! Which types can have objects that outlive what the program is just doing.
//!
//! An object lives in a variable, in a thread's variable, in a block, or in a frame that stays: whatever is reached from one of these
//! through members and pointers can be there when the program is updated. A type that only short-lived frames use cannot. What `void *`
//! leads to is not seen, so the types of blocks are given by who knows the program's allocation sites.

use mcrx_debuginfo::table::{Kind, Storage, Table, Type, TypeId};
use rustc_hash::FxHashSet;

/// Types of the old release that objects can be of.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// `None`: all.
    types: Option<FxHashSet<TypeId>>,
}

impl Live {
    /// Whatever there is.
    pub fn all() -> Live {
        Live { types: None }
    }

    /// What variables hold and lead to, and what these types, of blocks and of variables of frames that stay, hold and lead to.
    pub fn reached<'t>(table: &'t Table, others: impl IntoIterator<Item = Type<'t>>) -> Live {
        let has_place = |storage| matches!(storage, Storage::Static | Storage::ThreadLocal);
        let variables = table.variables().filter(|variable| has_place(variable.storage()));
        let mut next: Vec<Type<'t>> = variables.filter_map(|variable| variable.ty()).chain(others).collect();
        let mut types: FxHashSet<TypeId> = next.iter().map(|ty| ty.id()).collect();
        while let Some(ty) = next.pop() {
            let members = ty.members().filter_map(|member| member.ty());
            let below = match ty.kind() {
                // No object is reached through a function.
                Kind::Function(_) => None,
                _ => ty.target(),
            };
            next.extend(members.chain(below).filter(|ty| types.insert(ty.id())));
        }
        // A type that some units only declare is reached there, too.
        let declared: Vec<&str> = types
            .iter()
            .filter_map(|id| table.ty(*id))
            .filter(|ty| ty.is_declaration())
            .filter_map(Type::name)
            .collect();
        let defined = declared.into_iter().flat_map(|name| table.types_named(name));
        let defined: Vec<TypeId> = defined.filter(|ty| !ty.is_declaration()).map(Type::id).collect();
        types.extend(defined);
        Live { types: Some(types) }
    }

    /// Whether objects of this type can be there.
    pub fn has(&self, ty: Type<'_>) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&ty.id()))
    }
}
