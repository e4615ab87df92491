//! DWARF's constants in the table's terms.

use crate::table::{Encoding, Tag};
use gimli::constants as dw;
use gimli::{DwLang, DwTag};

/// The table's tag of a type; `None`: no type.
pub(super) fn of(tag: DwTag) -> Option<Tag> {
    Some(match tag {
        dw::DW_TAG_base_type => Tag::Base,
        dw::DW_TAG_structure_type => Tag::Structure,
        dw::DW_TAG_union_type => Tag::Union,
        dw::DW_TAG_class_type | dw::DW_TAG_interface_type => Tag::Class,
        dw::DW_TAG_enumeration_type => Tag::Enumeration,
        dw::DW_TAG_typedef | dw::DW_TAG_template_alias | dw::DW_TAG_subrange_type => Tag::Typedef,
        dw::DW_TAG_pointer_type => Tag::Pointer,
        dw::DW_TAG_reference_type => Tag::Reference,
        dw::DW_TAG_rvalue_reference_type => Tag::RvalueReference,
        dw::DW_TAG_ptr_to_member_type => Tag::PointerToMember,
        dw::DW_TAG_array_type => Tag::Array,
        dw::DW_TAG_subroutine_type => Tag::Function,
        dw::DW_TAG_const_type | dw::DW_TAG_immutable_type => Tag::Const,
        dw::DW_TAG_volatile_type => Tag::Volatile,
        dw::DW_TAG_restrict_type => Tag::Restrict,
        dw::DW_TAG_atomic_type => Tag::Atomic,
        dw::DW_TAG_unspecified_type
        | dw::DW_TAG_string_type
        | dw::DW_TAG_set_type
        | dw::DW_TAG_file_type
        | dw::DW_TAG_shared_type
        | dw::DW_TAG_packed_type
        | dw::DW_TAG_dynamic_type
        | dw::DW_TAG_coarray_type => Tag::Unknown,
        _ => return None,
    })
}

/// Tags that a declaration and its definition may have. Others are not declared.
pub(super) fn family(tag: Tag) -> Option<u64> {
    match tag {
        Tag::Structure | Tag::Class => Some(1),
        Tag::Union => Some(2),
        Tag::Enumeration => Some(3),
        _ => None,
    }
}

/// Whether names stand in no scope in this language, wherever a type is written.
pub(super) fn is_c(language: DwLang) -> bool {
    matches!(
        language,
        dw::DW_LANG_C
            | dw::DW_LANG_C89
            | dw::DW_LANG_C99
            | dw::DW_LANG_C11
            | dw::DW_LANG_C17
            | dw::DW_LANG_Mips_Assembler
    )
}

pub(super) fn encoding(encoding: u8) -> Encoding {
    match gimli::DwAte(encoding) {
        dw::DW_ATE_boolean => Encoding::Boolean,
        dw::DW_ATE_signed | dw::DW_ATE_signed_fixed => Encoding::Signed,
        dw::DW_ATE_unsigned | dw::DW_ATE_address | dw::DW_ATE_unsigned_fixed => Encoding::Unsigned,
        dw::DW_ATE_signed_char => Encoding::SignedChar,
        dw::DW_ATE_unsigned_char | dw::DW_ATE_UTF | dw::DW_ATE_ASCII | dw::DW_ATE_UCS => {
            Encoding::UnsignedChar
        }
        dw::DW_ATE_float | dw::DW_ATE_decimal_float => Encoding::Float,
        dw::DW_ATE_complex_float | dw::DW_ATE_imaginary_float => Encoding::ComplexFloat,
        _ => Encoding::Other,
    }
}
