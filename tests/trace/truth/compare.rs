//! Whether a place, or a local variable, is what gdb says it is; and how much was compared.

use super::gdb::Answer;
use super::walk::{Place, has_parts, is_same_type, name};
use mcrx_debuginfo::table::{Tag, Type};
use mcrx_harness::{Result, ensure};
use mcrx_tracer::roots::{Root, RootKind};
use mcrx_tracer::trace::Trace;
use mcrx_tracer::value::{Scalar, Value};
use std::collections::BTreeMap;

/// How much agreed, and all that did not.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) compared: usize,
    /// Of those, how many pointers were followed to.
    pub(crate) through_pointers: usize,
    /// And how many by a pointer whose type does not say to what.
    pub(crate) through_casts: usize,
    /// Numbers of bit-fields.
    pub(crate) bit_fields: usize,
    /// Names of constants.
    pub(crate) constants: usize,
    /// Names of functions.
    pub(crate) functions: usize,
    /// Of a thread's own.
    pub(crate) thread_locals: usize,
    /// Variables of frames.
    pub(crate) locals: usize,
    /// What gdb cannot say for sure.
    pub(crate) refused: usize,
    differences: Vec<String>,
}

/// Differences that are listed.
const LISTED: usize = 30;

impl Tally {
    pub(crate) fn place(&mut self, place: &Place<'_>, answer: &Answer) {
        let expression = &place.question.expression;
        let is_nameless =
            |error: &String| error.starts_with("No symbol") || error.starts_with("A syntax error");
        if answer.refused.is_some() || place.is_static_local && answer.error.as_ref().is_some_and(is_nameless)
        {
            self.refused += 1;
            return;
        }
        if let Some(error) = &answer.error {
            self.differences.push(format!("{expression}: gdb: {error}"));
            return;
        }
        match self.same(&place.value, answer) {
            Ok(()) => {
                self.compared += 1;
                self.through_pointers += usize::from(place.pointers > 0);
                self.through_casts += usize::from(place.casts > 0);
                let is_threads = place.question.tid.is_some() && place.question.function.is_none();
                self.thread_locals += usize::from(is_threads);
            }
            Err(why) => {
                self.differences.push(format!("{expression}: {why:#}; {:?}, {answer:?}", place.value))
            }
        }
    }

    fn same(&mut self, value: &Value<'_>, answer: &Answer) -> Result<()> {
        let (ours, theirs) = (value.address(), answer.address.as_deref().map(str::parse).transpose()?);
        // gdb's idea of where a bit-field is is that of the word that holds it.
        ensure!(ours == theirs || value.bits().is_some(), "it is at {ours:x?}, by gdb at {theirs:x?}");
        let ours = name(value.ty());
        ensure!(is_same_type(&ours, &answer.r#type), "it is of the type {ours}");
        let size = value.ty().size();
        ensure!(sizes_to_gdb(value.ty()).contains(&answer.size), "it has {size:?} bytes");
        if size.is_none() { Ok(()) } else { self.same_value(value, answer) }
    }

    fn same_value(&mut self, value: &Value<'_>, answer: &Answer) -> Result<()> {
        ensure!(value.bytes().is_some(), "it cannot be read");
        ensure!(answer.state.is_none(), "it can be read");
        match value.scalar() {
            Some(Scalar::Integer(ours)) => {
                ensure!(answer.number.as_deref() == Some(&*ours.to_string()), "it is {ours}");
                self.bit_fields += usize::from(value.bits().is_some());
                if let (Some(name), Some(text)) = (value.constant(), &answer.text) {
                    ensure!(name == text, "it is the constant {name}");
                    self.constants += 1;
                }
            }
            Some(Scalar::Pointer(ours)) => {
                ensure!(answer.number.as_deref() == Some(&*ours.to_string()), "it is {ours:#x}");
                // Of glibc's functions gdb may know another name.
                if let (Some((name, 0)), Some(text)) = (value.function(), &answer.text) {
                    ensure!(text.ends_with(&format!("{name}>")), "it is the function {name}");
                    self.functions += 1;
                }
            }
            Some(Scalar::Float(ours)) => {
                let theirs = answer.float.as_deref().and_then(hexadecimal);
                ensure!(
                    theirs.is_some_and(|theirs| same_float(ours, theirs)),
                    "it is {ours}, by gdb {theirs:?}"
                );
            }
            None => ensure!(
                has_parts(value.ty()) || answer.number.is_none() && answer.float.is_none(),
                "it has no value"
            ),
        }
        Ok(())
    }

    /// All variables of a thread's frames: each of ours is one of gdb's, and each that gdb finds in memory is one of ours. What it finds in
    /// registers may be what a function that was called has left there; the tests of `mcrx_debuginfo::frames` tell those apart.
    pub(crate) fn locals(&mut self, trace: &Trace<'_>, tid: u32, theirs: &[Answer]) {
        let mut ours: BTreeMap<String, Vec<Value<'_>>> = BTreeMap::new();
        let suffix = format!(" of thread {tid}");
        for (number, root) in trace.roots.iter().enumerate().filter(|(_, root)| root.kind == RootKind::Local)
        {
            if let (Some(name), Some(value)) = (root.name.strip_suffix(&suffix), Value::root(trace, number)) {
                ours.entry(name.to_owned()).or_default().push(value);
            }
        }
        for answer in theirs {
            // glibc has names of its own use for its functions: `raise` is `__GI_raise` to gdb.
            let function = answer.function.as_deref().unwrap_or("?");
            let name = format!("{} in {}", answer.name, function.trim_start_matches("__GI_"));
            let of_name = ours.get_mut(&name);
            let found = of_name.and_then(|values| {
                let place = values.iter().position(|value| self.clone().same(value, answer).is_ok())?;
                Some(values.remove(place))
            });
            // Static ones of an inlined function are roots of their own.
            let is_root = |address| {
                let covers = |root: &Root| (root.address..root.address + root.len).contains(&address);
                trace.roots.iter().any(|root| root.kind == RootKind::Variable && covers(root))
            };
            let address: Option<u64> = answer.address.as_deref().and_then(|address| address.parse().ok());
            let is_there = answer.error.is_none() && answer.state.is_none() && answer.size > 0;
            if found.is_some() {
                self.locals += 1;
            } else if is_there && address.is_some_and(|address| !is_root(address)) {
                self.differences.push(format!("thread {tid}: {name}: gdb alone has it: {answer:?}"));
            }
        }
        for (name, left) in ours {
            for value in left {
                let of_gdb: Vec<&Answer> = theirs
                    .iter()
                    .filter(|answer| name.starts_with(&format!("{} in ", answer.name)))
                    .collect();
                self.differences.push(format!("thread {tid}: {name}: gdb has no {value:?}, but {of_gdb:?}"));
            }
        }
    }

    /// An error that lists what differs.
    pub(crate) fn expect_agreement(&mut self) -> Result<()> {
        let differences = std::mem::take(&mut self.differences);
        let listed = differences.get(..LISTED.min(differences.len())).unwrap_or_default().join("\n");
        ensure!(differences.is_empty(), "{} differ, {self:?}:\n{listed}", differences.len());
        Ok(())
    }
}

/// What gdb may say that a type's size is.
fn sizes_to_gdb(ty: Type<'_>) -> [u64; 2] {
    // An array without a length has none.
    let size = ty.size().unwrap_or(0);
    // A union one of whose members ends in such an array is to gdb as large as its largest member, without what aligns it.
    let union = ty.resolved().filter(|ty| ty.tag() == Tag::Union);
    let largest = union.and_then(|union| union.members().filter_map(|member| member.ty()?.size()).max());
    [size, largest.unwrap_or(size)]
}

/// A zero has a sign, and what is no number is like no other.
fn same_float(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
}

/// What Python's `float.hex` writes: `-0x1.8000000000000p+1`, `inf`, `nan`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let Some(digits) = text.strip_prefix("0x") else {
        return text.parse::<f64>().ok().map(|value| sign * value);
    };
    let (digits, exponent) = digits.split_once('p')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut value = f64::from(u32::from_str_radix(whole, 16).ok()?);
    let mut place = 1.0;
    for digit in fraction.chars() {
        place /= 16.0;
        value += f64::from(digit.to_digit(16)?) * place;
    }
    // In two steps: 2^-1074 is the least there is, and 2^-1022 the least that is taken for one step.
    let exponent: i32 = exponent.parse().ok()?;
    Some(sign * value * 2_f64.powi(exponent / 2) * 2_f64.powi(exponent - exponent / 2))
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.compared += other.compared;
        self.through_pointers += other.through_pointers;
        self.through_casts += other.through_casts;
        self.bit_fields += other.bit_fields;
        self.constants += other.constants;
        self.functions += other.functions;
        self.thread_locals += other.thread_locals;
        self.locals += other.locals;
        self.refused += other.refused;
        self.differences.extend(other.differences);
    }
}
