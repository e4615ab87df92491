//! Abbreviations in a form that is quick to follow: of each, which attributes matter, and how many bytes lie between them.
//!
//! Nine attributes of ten are of no interest here (columns, siblings, accessibility, ...), most have a fixed length, and an abbreviation
//! is used for thousands of entries: looking at each attribute of each entry anew would take four times as long.

use super::error::Fault;
use super::limits::{Excess, MOST_ATTRIBUTES};
use super::tags;
use crate::table::Tag;
use gimli::constants as dw;
use gimli::{Abbreviation, AttributeSpecification, DwAt, DwForm, DwTag, Encoding};
use rustc_hash::FxHashMap;

/// An abbreviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) tag: DwTag,
    /// What sort of type, if it is one.
    pub(super) ty: Option<Tag>,
    pub(super) has_children: bool,
    /// Whether a variable with it may have a place, or be a declaration.
    pub(super) is_placed: bool,
    count: u16,
    first: u32,
}

/// What to do next with an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Bytes to pass over first.
    pub(super) skip: u32,
    pub(super) action: Action,
    pub(super) form: DwForm,
    /// The value, if the form is that it is in the abbreviation.
    pub(super) constant: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// An attribute that matters.
    Read(DwAt),
    /// One that does not, and has no fixed length.
    Pass,
    /// Only what is passed over.
    Nothing,
}

/// The abbreviations that a unit has used so far.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// By code; compilers count them from 1.
    dense: Vec<Option<Plan>>,
    sparse: FxHashMap<u64, Plan>,
    steps: Vec<Step>,
}

/// Codes below are looked up by place. Real tables have some hundred.
const DENSE: u64 = 2048;

impl Plans {
    /// No abbreviations, in the same room.
    pub(super) fn cleared(mut self) -> Plans {
        self.dense.clear();
        self.sparse.clear();
        self.steps.clear();
        self
    }

    #[inline]
    pub(super) fn known(&self, code: u64) -> Option<Plan> {
        match usize::try_from(code).ok().and_then(|code| self.dense.get(code)) {
            Some(plan) => *plan,
            None if code < DENSE => None,
            None => self.sparse.get(&code).copied(),
        }
    }

    /// Works out an abbreviation that is not known yet.
    pub(super) fn add(&mut self, abbreviation: &Abbreviation, encoding: Encoding) -> Result<Plan, Fault> {
        let attributes = abbreviation.attributes();
        if attributes.len() > MOST_ATTRIBUTES {
            return Err(Excess::Attributes.into());
        }
        let first = self.steps.len();
        let mut skip = 0;
        for spec in attributes {
            let length = length(spec.form(), encoding);
            let action = match (is_wanted(abbreviation.tag(), spec), length) {
                (true, _) => Action::Read(spec.name()),
                (false, None) => Action::Pass,
                (false, Some(length)) => {
                    skip += length;
                    continue;
                }
            };
            let constant = spec.implicit_const_value().unwrap_or(0);
            self.steps.push(Step { skip, action, form: spec.form(), constant });
            skip = 0;
        }
        if skip > 0 {
            self.steps.push(Step { skip, action: Action::Nothing, form: dw::DW_FORM_null, constant: 0 });
        }
        let placed = |spec: &AttributeSpecification| match spec.name() {
            dw::DW_AT_location => is_wanted(abbreviation.tag(), spec),
            name => name == dw::DW_AT_declaration,
        };
        let index = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let plan = Plan {
            tag: abbreviation.tag(),
            ty: tags::of(abbreviation.tag()),
            has_children: abbreviation.has_children(),
            is_placed: attributes.iter().any(placed),
            first: index(first),
            // At most `MOST_ATTRIBUTES` and one.
            count: u16::try_from(self.steps.len() - first).unwrap_or(u16::MAX),
        };
        let code = abbreviation.code();
        match usize::try_from(code) {
            Ok(place) if code < DENSE => {
                if self.dense.len() <= place {
                    self.dense.resize(place + 1, None);
                }
                self.dense[place] = Some(plan);
            }
            _ => {
                self.sparse.insert(code, plan);
            }
        }
        Ok(plan)
    }

    #[inline]
    pub(super) fn steps(&self, plan: Plan) -> &[Step] {
        let (first, count) = (super::outline::at(plan.first), usize::from(plan.count));
        self.steps.get(first..first + count).unwrap_or(&[])
    }
}

/// Whether an attribute matters in an entry with this tag.
fn is_wanted(tag: DwTag, spec: &AttributeSpecification) -> bool {
    let is_part = matches!(
        tag,
        dw::DW_TAG_member | dw::DW_TAG_enumerator | dw::DW_TAG_inheritance | dw::DW_TAG_formal_parameter
    );
    match spec.name() {
        dw::DW_AT_decl_file | dw::DW_AT_decl_line => !is_part,
        // Lists of locations are for values that move.
        dw::DW_AT_location => matches!(
            spec.form(),
            dw::DW_FORM_exprloc
                | dw::DW_FORM_block1
                | dw::DW_FORM_block2
                | dw::DW_FORM_block4
                | dw::DW_FORM_block
                | dw::DW_FORM_indirect
        ),
        dw::DW_AT_name
        | dw::DW_AT_linkage_name
        | dw::DW_AT_MIPS_linkage_name
        | dw::DW_AT_byte_size
        | dw::DW_AT_bit_size
        | dw::DW_AT_bit_offset
        | dw::DW_AT_data_bit_offset
        | dw::DW_AT_data_member_location
        | dw::DW_AT_encoding
        | dw::DW_AT_type
        | dw::DW_AT_specification
        | dw::DW_AT_abstract_origin
        | dw::DW_AT_signature
        | dw::DW_AT_declaration
        | dw::DW_AT_external
        | dw::DW_AT_prototyped
        | dw::DW_AT_GNU_vector
        | dw::DW_AT_artificial
        | dw::DW_AT_count
        | dw::DW_AT_upper_bound
        | dw::DW_AT_lower_bound
        | dw::DW_AT_const_value => true,
        dw::DW_AT_low_pc | dw::DW_AT_high_pc | dw::DW_AT_ranges | dw::DW_AT_entry_pc | dw::DW_AT_noreturn => {
            tag == dw::DW_TAG_subprogram
        }
        dw::DW_AT_producer | dw::DW_AT_language => true,
        _ => false,
    }
}

/// How many bytes a form always takes; `None`: it depends.
pub(super) fn length(form: DwForm, encoding: Encoding) -> Option<u32> {
    let word = u32::from(encoding.format.word_size());
    Some(match form {
        dw::DW_FORM_flag_present | dw::DW_FORM_implicit_const => 0,
        dw::DW_FORM_data1 | dw::DW_FORM_flag | dw::DW_FORM_ref1 | dw::DW_FORM_strx1 | dw::DW_FORM_addrx1 => 1,
        dw::DW_FORM_data2 | dw::DW_FORM_ref2 | dw::DW_FORM_strx2 | dw::DW_FORM_addrx2 => 2,
        dw::DW_FORM_strx3 | dw::DW_FORM_addrx3 => 3,
        dw::DW_FORM_data4
        | dw::DW_FORM_ref4
        | dw::DW_FORM_ref_sup4
        | dw::DW_FORM_strx4
        | dw::DW_FORM_addrx4 => 4,
        dw::DW_FORM_data8 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_sup8 | dw::DW_FORM_ref_sig8 => 8,
        dw::DW_FORM_data16 => 16,
        dw::DW_FORM_addr => u32::from(encoding.address_size),
        dw::DW_FORM_ref_addr if encoding.version == 2 => u32::from(encoding.address_size),
        dw::DW_FORM_ref_addr
        | dw::DW_FORM_sec_offset
        | dw::DW_FORM_strp
        | dw::DW_FORM_line_strp
        | dw::DW_FORM_strp_sup
        | dw::DW_FORM_GNU_strp_alt
        | dw::DW_FORM_GNU_ref_alt => word,
        _ => return None,
    })
}
