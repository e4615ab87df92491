//! Which member lies at a place of an object, as facts speak of members: of the innermost structure that has a name.

use super::{Model, Ty};
use mcrx_debuginfo::table::{Count, Kind, Tag, Type};

/// How deep members are looked into.
const DEEPEST: u32 = 32;

/// A member, for whoever writes a fact about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot<'t> {
    /// The structure, union or variant by whose name a fact can speak of it.
    pub owner: String,
    /// From there: names with dots between them. An anonymous union is called by the first of its members that has a name.
    pub field: String,
    /// What it is declared to be, without typedefs and qualifiers; of an array of numbers or pointers, the array.
    pub ty: Type<'t>,
    /// The structure that `owner` names.
    pub of: Type<'t>,
}

impl<'t> Model<'t> {
    /// The member that lies `offset` bytes into an object, down to what is no structure. `None`: there is none, or no structure around
    /// it has a name.
    pub fn spot(&self, ty: Ty, offset: u64) -> Option<Spot<'t>> {
        let mut ty_here = self.ty(ty)?;
        let mut rest = offset;
        let mut owner = self.spoken_name(ty).map(|name| (name, ty_here));
        let mut names: Vec<&'t str> = Vec::new();
        for _ in 0..DEEPEST {
            match ty_here.kind() {
                Kind::Aggregate => {
                    if is_choice(ty_here) {
                        break;
                    }
                    let Some(member) =
                        ty_here.members().filter(|member| member.bit_size().is_none()).find(|member| {
                            let start = member.offset();
                            let is_open = matches!(
                                member.ty().and_then(Type::resolved).map(Type::kind),
                                Some(Kind::Array { count: Count::Open | Count::Exactly(0), .. })
                            );
                            let end = start.saturating_add(member.ty().and_then(Type::size).unwrap_or(0));
                            start <= rest && (rest < end || is_open)
                        })
                    else {
                        break;
                    };
                    let declared = member.ty()?;
                    rest -= member.offset();
                    names.extend(member.name());
                    ty_here = declared.resolved()?;
                    if is_choice(ty_here) && member.name().is_none() {
                        names.extend(ty_here.fields().iter().find_map(|(_, member)| member.name()));
                        break;
                    }
                    if ty_here.tag().is_aggregate()
                        && !is_choice(ty_here)
                        && let Some(name) = name_of(ty_here, declared).filter(|_| member.name().is_some())
                    {
                        (owner, names) = (Some((name.to_owned(), ty_here)), Vec::new());
                    }
                }
                Kind::Array { element: Some(element), .. } => {
                    let inner = element.resolved()?;
                    if !inner.tag().is_aggregate() {
                        break;
                    }
                    rest %= element.size().filter(|size| *size > 0)?;
                    ty_here = inner;
                    if !is_choice(inner)
                        && let Some(name) = name_of(inner, element)
                    {
                        (owner, names) = (Some((name.to_owned(), inner)), Vec::new());
                    }
                }
                _ => break,
            }
        }
        let (owner, of) = owner?;
        (!names.is_empty()).then(|| Spot { owner, field: names.join("."), ty: ty_here, of })
    }

    /// The name by which facts speak of a type: that of a variant, its own, or that of a typedef.
    pub fn spoken_name(&self, ty: Ty) -> Option<String> {
        if let Some(variant) = self.variant(ty) {
            return Some(variant.name.clone());
        }
        let ty = self.ty(ty)?;
        if let Some(name) = ty.name() {
            return Some(name.to_owned());
        }
        let is_it = |typedef: &Type<'_>| typedef.tag() == Tag::Typedef && typedef.resolved() == Some(ty);
        ty.table().types().find(is_it)?.name().map(str::to_owned)
    }
}

/// Whether which member an object holds is not known from its type.
fn is_choice(ty: Type<'_>) -> bool {
    ty.tag() == Tag::Union || ty.tag().is_aggregate() && ty.members().any(|member| member.variant().is_some())
}

/// A type's own name, or that of the typedef that a declaration uses for it.
fn name_of<'t>(ty: Type<'t>, declared: Type<'t>) -> Option<&'t str> {
    let mut below = declared;
    for _ in 0..DEEPEST {
        match below.kind() {
            _ if ty.name().is_some() => return ty.name(),
            Kind::Typedef(_) => return below.name(),
            Kind::Qualified(Some(inner)) => below = inner,
            _ => return None,
        }
    }
    None
}
