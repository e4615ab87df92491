//! Values for people who read why a test has failed.

use super::scene::Scene;
use crate::diagnostic::Release;
use crate::eval::{Value, World};
use crate::names;
use mcrx_debuginfo::table::{Kind, Type};

impl Scene<'_, '_> {
    /// A value of a type of the new release: with the name of its constant, function or object, if it has one.
    pub(super) fn spell(&self, value: &Value, ty: Option<Type<'_>>) -> String {
        match value {
            Value::Integer(number) => {
                let enumeration =
                    ty.and_then(Type::resolved).filter(|ty| matches!(ty.kind(), Kind::Enumeration(_)));
                let constant = enumeration
                    .and_then(|ty| names::constants(ty).find(|constant| constant.value == *number));
                match constant {
                    Some(constant) => format!("{} ({number})", constant.name),
                    None => number.to_string(),
                }
            }
            Value::Pointer(place) => {
                if let Some(name) = self.name_of(place.address) {
                    return format!("&{name}");
                }
                let linked = self.memory.linked(Release::New, place.address);
                let function = linked.and_then(|linked| self.new.table().function_at(linked));
                let variable = linked.and_then(|linked| self.new.table().variable_at(linked));
                match (function, variable) {
                    (Some(function), _) => function.name().to_owned(),
                    (None, Some(variable)) if Some(variable.address()) == linked => {
                        format!("&{}", variable.name())
                    }
                    _ => format!("{:#x}", place.address),
                }
            }
            Value::Bytes(bytes) => {
                let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("the bytes {}", bytes.join(" "))
            }
            other => other.to_string(),
        }
    }
}
