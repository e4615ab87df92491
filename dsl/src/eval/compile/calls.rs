//! Functions: the language's own, and those that rules define.
//!
//! `list`, `array` and `alloc` make blocks, so they stand only where something is stored: see [`super::storing`].

use super::looking::Found;
use super::{Compiled, Compiler, Hint, compiled};
use crate::eval::code::{Code, Node};
use crate::eval::definitions::Definition;
use crate::eval::failure::Mistake;
use crate::eval::scalar::Scalar;
use crate::eval::sort::{Local, Sort};
use crate::rules::{Argument, Expression, Path, Step};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Kind, Type};

/// Makes something of the body of a function.
type Body<'a, 'c, 'r, 't, T> =
    &'a mut dyn FnMut(&mut Compiler<'c, 'r, 't>, &At<Expression>) -> Result<T, Mistake>;

/// An argument that is a value, at its place.
pub(super) fn argument(argument: &At<Argument>) -> Result<At<Expression>, Mistake> {
    match &argument.is {
        Argument::Value(value) => Ok(At { is: value.clone(), span: argument.span }),
        Argument::Via(_) => Err(Mistake::new(argument.span, "`via` is for `list` and `chain`")),
    }
}

/// The members of a call's `via`s, and its values.
pub(super) fn split(arguments: &[At<Argument>]) -> (Vec<At<Expression>>, Vec<(&Path, Span)>) {
    let mut values = Vec::new();
    let mut vias = Vec::new();
    for argument in arguments {
        match &argument.is {
            Argument::Value(value) => values.push(At { is: value.clone(), span: argument.span }),
            Argument::Via(path) => vias.push((path, argument.span)),
        }
    }
    (values, vias)
}

/// How many arguments there have to be.
pub(super) fn exactly<'a, const N: usize>(
    name: &At<String>,
    values: &'a [At<Expression>],
    usage: &str,
) -> Result<&'a [At<Expression>; N], Mistake> {
    values.try_into().map_err(|_| Mistake::new(name.span, format!("it is called `{usage}`")))
}

impl<'c, 'r, 't> Compiler<'c, 'r, 't> {
    pub(super) fn call(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        if let Some(definition) = self.definitions.function(&name.is) {
            let called = self.defined(name, definition, arguments, &mut |compiler, body| {
                let body = compiler.value(body, hint)?;
                Ok((body.code, body.sort))
            });
            return called.map(|(code, sort)| Compiled { code, sort });
        }
        match name.is.as_str() {
            "min" | "max" => {
                let of = arguments.iter().map(|one| argument(one).and_then(|one| self.integer(&one, hint)));
                let of: Vec<At<Code>> = of.map(|one| one.map(|one| *one)).collect::<Result<_, _>>()?;
                if of.is_empty() {
                    return Err(Mistake::new(name.span, format!("`{}` of what?", name.is)));
                }
                let code = Code::Extreme { of, greatest: name.is == "max" };
                Ok(compiled(code, span, Sort::Integer(None)))
            }
            "clamp" => {
                let (values, _) = split(arguments);
                if values.len() == 1 {
                    let message = "only where it is stored does a value have a range of itself: `clamp(VALUE, LEAST, MOST)`";
                    return Err(Mistake::new(span, message));
                }
                let [value, least, most] =
                    exactly(name, &values, "clamp(VALUE) or clamp(VALUE, LEAST, MOST)")?;
                let code = Code::Clamp(
                    self.integer(value, hint)?,
                    self.integer(least, hint)?,
                    self.integer(most, hint)?,
                );
                Ok(compiled(code, span, Sort::Integer(None)))
            }
            "len" => {
                let (values, _) = split(arguments);
                let [value] = exactly(name, &values, "len(SEQUENCE)")?;
                let code = self.length(value, span)?;
                Ok(compiled(code, span, Sort::Integer(None)))
            }
            "text" => {
                let (values, _) = split(arguments);
                let [value] = exactly(name, &values, "text(CHARACTERS)")?;
                let value = self.value(value, None)?;
                let text = self.text(value)?;
                Ok(Compiled { code: *text, sort: Sort::Text })
            }
            "fold" => self.fold(name, arguments, span),
            "chain" => self.chain(name, arguments, span),
            "fail" => {
                let (values, _) = split(arguments);
                let [why] = exactly(name, &values, "fail(\"why\")")?;
                let Expression::Text(why) = &why.is else {
                    return Err(Mistake::new(why.span, "`fail` is given a reason in quotes"));
                };
                let why = String::from_utf8_lossy(why).into_owned();
                Ok(compiled(Code::Fail(why), span, Sort::Never))
            }
            "list" | "array" => {
                let message = format!(
                    "`{}` makes what a member leads to; here nothing says of which type it would be",
                    name.is
                );
                Err(Mistake::new(span, message))
            }
            "alloc" => self.alloc(name, arguments, None, span),
            other => Err(Mistake::new(name.span, format!("there is no function `{other}`"))),
        }
    }

    /// A call of a function that rules define, its body compiled with what it is given.
    pub(super) fn defined<T>(
        &mut self,
        name: &At<String>,
        definition: Definition<'_>,
        arguments: &[At<Argument>],
        body: Body<'_, 'c, 'r, 't, (At<Code>, T)>,
    ) -> Result<(At<Code>, T), Mistake> {
        let mut values = Vec::new();
        let mut sorts = Vec::new();
        for given in arguments {
            let value = self.value(&argument(given)?, None)?;
            sorts.push(value.sort);
            values.push(value.code);
        }
        let (code, extra) = self.applied(name, definition, sorts, body)?;
        Ok((At { is: Code::Let(values, Box::new(code)), span: name.span }, extra))
    }

    /// `fold(SEQUENCE, FIRST, DEFINED)`: the defined function is given what came before and an element, for each of them.
    fn fold(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        span: Span,
    ) -> Result<Compiled<'t>, Mistake> {
        let (values, _) = split(arguments);
        let [of, first, step] = exactly(name, &values, "fold(SEQUENCE, FIRST, DEFINED)")?;
        let Expression::Name(step_name) = &step.is else {
            return Err(Mistake::new(
                step.span,
                "this is to be the name of a function that a `define` makes",
            ));
        };
        let step = At { is: step_name.name.clone(), span: step.span };
        let definition = self
            .definitions
            .function(&step.is)
            .ok_or_else(|| Mistake::new(step.span, format!("`{}` is no function of these rules", step.is)))?;
        let of = self.value(of, None)?;
        let element = match &of.sort {
            Sort::Sequence(element) => (**element).clone(),
            Sort::Text => Sort::Integer(None),
            sort => return Err(Mistake::new(of.code.span, format!("{} is no sequence", sort.describe()))),
        };
        let first = self.value(first, None)?;
        // A number is one of any width, whatever the first one was.
        let sort = if first.sort.is_integer() { Sort::Integer(None) } else { first.sort.clone() };
        let each = self.applied(&step, definition, [sort.clone(), element], &mut |compiler, body| {
            compiler.value(body, None)
        })?;
        let is_alike = if sort.is_integer() { each.sort.is_integer() } else { each.sort == sort };
        if !is_alike && each.sort != Sort::Never {
            let (one, other) = (each.sort.describe(), sort.describe());
            let message = format!("`{}` gives {one}, and is given {other} first", step.is);
            return Err(Mistake::new(step.span, message));
        }
        let code =
            Code::Fold { of: Box::new(of.code), first: Box::new(first.code), each: Box::new(each.code) };
        Ok(compiled(code, span, sort))
    }

    /// The body of a function that rules define, compiled for values that are the next locals.
    fn applied<T>(
        &mut self,
        name: &At<String>,
        definition: Definition<'_>,
        sorts: impl IntoIterator<Item = Sort<'t>>,
        body: Body<'_, 'c, 'r, 't, T>,
    ) -> Result<T, Mistake> {
        if self.calls.contains(&name.is) {
            return Err(Mistake::new(name.span, format!("`{}` calls itself", name.is)));
        }
        let sorts: Vec<Sort<'t>> = sorts.into_iter().collect();
        if definition.parameters.len() != sorts.len() {
            let (wanted, given) = (definition.parameters.len(), sorts.len());
            let message = format!("`{}` takes {wanted} values and is given {given}", name.is);
            return Err(Mistake::new(name.span, message));
        }
        let (outer, before) = (self.visible, self.locals.len());
        self.visible = before;
        let named = definition.parameters.iter().zip(sorts);
        self.locals.extend(named.map(|(parameter, sort)| Local { name: parameter.is.clone(), sort }));
        self.calls.push(name.is.clone());
        let result = body(self, definition.body);
        self.calls.pop();
        self.locals.truncate(before);
        self.visible = outer;
        result
    }

    fn length(&mut self, value: &At<Expression>, span: Span) -> Result<Code, Mistake> {
        let value = self.value(value, None)?;
        match &value.sort {
            Sort::Sequence(_) | Sort::Text | Sort::Never => Ok(Code::Length(Box::new(value.code))),
            Sort::Object(_, ty) if matches!(ty.kind(), Kind::Array { .. }) => {
                let row = self.row(Found::Value(value), span)?;
                let count =
                    row.count.ok_or_else(|| Mistake::new(span, "this array does not say how long it is"))?;
                Ok(Code::Constant(crate::eval::value::Value::Integer(i128::from(count))))
            }
            sort => Err(Mistake::new(span, format!("{} has no length", sort.describe()))),
        }
    }

    /// `chain(HEAD, via next)`: as pointers to its objects.
    fn chain(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        span: Span,
    ) -> Result<Compiled<'t>, Mistake> {
        let (values, vias) = split(arguments);
        let usage = "chain(FIRST, via MEMBER)";
        let [head] = exactly(name, &values, usage)?;
        let [(path, via)] = vias.as_slice() else {
            return Err(Mistake::new(name.span, format!("it is called `{usage}`")));
        };
        let head = self.value(head, None)?;
        // Of several lists, one after the other: the buckets of a table.
        let first = match &head.sort {
            Sort::Sequence(heads) => (**heads).clone(),
            sort => sort.clone(),
        };
        let Sort::Pointer(of, Some(element)) = first else {
            let message = format!(
                "a list begins with a pointer to its first element, not with {}",
                head.sort.describe()
            );
            return Err(Mistake::new(head.code.span, message));
        };
        let next = link(element, path, *via)?;
        let sort = Sort::Sequence(Box::new(Sort::Pointer(of, Some(element))));
        Ok(compiled(Code::Chain(Box::new(head.code), next), span, sort))
    }

    pub(super) fn slice(
        &mut self,
        of: &At<Expression>,
        from: &At<Expression>,
        to: &At<Expression>,
        span: Span,
    ) -> Result<Compiled<'t>, Mistake> {
        let (from, to): (Node, Node) = (self.integer(from, None)?, self.integer(to, None)?);
        let found = self.look(of, None)?;
        if let Found::Value(value) = &found
            && matches!(value.sort, Sort::Sequence(_) | Sort::Text)
        {
            let code = Code::Part(Box::new(value.code.clone()), from, to);
            return Ok(compiled(code, span, value.sort.clone()));
        }
        let row = self.row(found, of.span)?;
        Ok(elements(row, Some(from), Some(to), span))
    }
}

/// Elements as values: numbers and pointers are read, others stay where they are.
pub(super) fn elements<'t>(
    row: super::looking::Row<'t>,
    from: Option<Node>,
    to: Option<Node>,
    span: Span,
) -> Compiled<'t> {
    let load = Scalar::of(row.ty, None);
    let sort = match load.map(|scalar| scalar.shape) {
        None => Sort::Object(row.of, row.ty),
        Some(crate::eval::scalar::Shape::Integer { .. }) => Sort::Integer(Some((row.of, row.ty))),
        Some(crate::eval::scalar::Shape::Boolean) => Sort::Truth,
        Some(crate::eval::scalar::Shape::Float) => Sort::Float,
        Some(crate::eval::scalar::Shape::Pointer) => {
            Sort::Pointer(row.of, row.ty.target().and_then(Type::resolved))
        }
    };
    let code = Code::Slice { of: Box::new(row.code), from, to, stride: row.stride, count: row.count, load };
    compiled(code, span, Sort::Sequence(Box::new(sort)))
}

/// Where the pointer lies in an element that leads to another.
pub(super) fn link(element: Type<'_>, path: &Path, span: Span) -> Result<u64, Mistake> {
    let mut ty = element;
    let mut offset: u64 = 0;
    for step in &path.steps {
        let Step::Member(name) = &step.is else {
            return Err(Mistake::new(step.span, "a link is a member"));
        };
        let name = At { is: name.clone(), span: step.span };
        let (bits, member) = ty.field(&name.is).ok_or_else(|| super::looking::no_member(ty, &name))?;
        offset = offset.saturating_add(bits / 8);
        let next = member.ty().and_then(Type::resolved);
        ty = next.ok_or_else(|| Mistake::new(step.span, "the debug info does not say what this is"))?;
    }
    match ty.kind() {
        Kind::Pointer(to) if to.and_then(Type::resolved).is_none_or(|to| to == element) => Ok(offset),
        _ => Err(Mistake::new(span, "this member is no pointer to an element of its own type")),
    }
}
