//! Processes: where they wait, and what becomes of those that start-up does not bring back.

use super::Context;
use crate::codes;
use crate::diagnostic::Release;
use crate::rules::{Process, Role, RoleItem, Step, Symbol};
use crate::source::{At, Span};
use rustc_hash::{FxHashMap, FxHashSet};

impl<'a> Context<'a> {
    pub(crate) fn check_processes(&self) {
        let roles: Vec<&'a Role> = self.roles().collect();
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        for process in &self.rules.processes {
            match &process.is {
                Process::Quiesce { at, .. } => {
                    for (release, _) in self.releases.all() {
                        self.the_function(release, At { is: &at.is, span: at.span });
                    }
                }
                Process::Role(role) => {
                    if let Some(earlier) = seen.insert(&role.name.is, role.name.span) {
                        let what = format!("the role `{}`", role.name.is);
                        self.report(codes::said_twice::report(&what, role.name.span, earlier, false));
                    }
                    self.check_role(role, &roles);
                }
            }
        }
        self.check_waits(&roles);
    }

    fn roles(&self) -> impl Iterator<Item = &'a Role> {
        self.rules.processes.iter().filter_map(|process| match &process.is {
            Process::Role(role) => Some(role),
            Process::Quiesce { .. } => None,
        })
    }

    fn check_role(&self, role: &'a Role, roles: &[&'a Role]) {
        self.the_function(Release::Old, At { is: &role.frame.is, span: role.frame.span });
        let mut bound: Vec<(&'a str, Span)> = Vec::new();
        let mut used: FxHashSet<&'a str> = FxHashSet::default();
        for item in &role.items {
            match &item.is {
                RoleItem::Bind(binds) => {
                    for (name, variable) in binds {
                        bound.push((&name.is, name.span));
                        let function = variable.is.function.as_ref().unwrap_or(&role.frame);
                        let function_at = At { is: &function.is, span: function.span };
                        // The frame itself was looked up above.
                        let found = match variable.is.function {
                            Some(_) => self.the_function(Release::Old, function_at),
                            None => self.function_quietly(Release::Old, &function.is),
                        };
                        let Some(found) = found.filter(|_| variable.is.at_entry) else { continue };
                        let parameters: Vec<&str> =
                            found.parameters().map(|parameter| parameter.name).collect();
                        if !parameters.contains(&variable.is.name.is.as_str()) {
                            let declaration = self.declare_function(Release::Old, found);
                            let name = &variable.is.name;
                            let report = codes::no_parameter::report(
                                self,
                                found.name(),
                                &name.is,
                                &parameters,
                                declaration,
                                name.span,
                            );
                            self.report(report);
                        }
                    }
                }
                RoleItem::Enter { function, arguments, .. } => {
                    let found = self.the_function(Release::New, At { is: &function.is, span: function.span });
                    if let Some(found) = found.filter(|found| found.parameters().len() != arguments.len()) {
                        let declaration = self.declare_function(Release::New, found);
                        let span = arguments.last().map_or(function.span, |last| function.span.to(last.span));
                        let (wanted, given) = (found.parameters().len(), arguments.len());
                        self.report(codes::argument_count::report(
                            found.name(),
                            wanted,
                            given,
                            declaration,
                            span,
                        ));
                    }
                    for argument in arguments {
                        used.insert(&argument.is);
                        self.check_bound_name(&argument.is, argument.span, &role.items);
                    }
                }
                RoleItem::Opaque { path, export, import } => {
                    self.the_function(Release::Old, At { is: &export.is, span: export.span });
                    self.the_function(Release::New, At { is: &import.is, span: import.span });
                    if let Some(At { is: Step::Member(name), span }) = path.is.steps.first() {
                        used.insert(name);
                        self.check_bound_name(name, *span, &role.items);
                    }
                }
                RoleItem::Wait { role: waited, .. } => {
                    if !roles.iter().any(|role| role.name.is == waited.is) {
                        let known: Vec<&str> = roles.iter().map(|role| role.name.is.as_str()).collect();
                        self.report(codes::unknown_role::report(self, &waited.is, &known, waited.span));
                    }
                }
                RoleItem::Image(_) | RoleItem::Mute(_) => {}
            }
        }
        // One of them is what was meant by a name that nothing is bound to.
        let is_all_bound = used.iter().all(|used| bound.iter().any(|(name, _)| name == used));
        for (name, span) in bound {
            if is_all_bound && !used.contains(name) {
                self.report(codes::unused_bind::report(name, span));
            }
        }
    }

    fn check_bound_name(&self, name: &str, span: Span, items: &[At<RoleItem>]) {
        let bound: Vec<&str> = items
            .iter()
            .filter_map(|item| match &item.is {
                RoleItem::Bind(binds) => Some(binds.iter().map(|(name, _)| name.is.as_str())),
                _ => None,
            })
            .flatten()
            .collect();
        if !bound.contains(&name) {
            self.report(codes::unbound_name::report(self, name, &bound, span));
        }
    }

    fn function_quietly(
        &self,
        release: Release,
        symbol: &Symbol,
    ) -> Option<mcrx_debuginfo::table::Function<'a>> {
        crate::names::functions(self.table(release)?, symbol).into_iter().next()
    }

    /// Roles that wait for themselves, on whatever way.
    fn check_waits(&self, roles: &[&'a Role]) {
        let waits_of = |role: &'a Role| {
            role.items.iter().filter_map(|item| match &item.is {
                RoleItem::Wait { role, .. } => Some(role),
                _ => None,
            })
        };
        let by_name: FxHashMap<&str, &'a Role> =
            roles.iter().map(|role| (role.name.is.as_str(), *role)).collect();
        let mut reported: FxHashSet<&str> = FxHashSet::default();
        for role in roles {
            let mut way: Vec<&'a str> = vec![&role.name.is];
            let mut next: Vec<(usize, &'a At<String>)> = waits_of(role).map(|waited| (1, waited)).collect();
            let mut visited: FxHashSet<&str> = FxHashSet::default();
            while let Some((depth, waited)) = next.pop() {
                way.truncate(depth);
                way.push(&waited.is);
                if waited.is == role.name.is {
                    if reported.insert(&role.name.is) {
                        reported.extend(way.iter().copied());
                        let way = way
                            .iter()
                            .map(|name| format!("`{name}`"))
                            .collect::<Vec<_>>()
                            .join(" waits for ");
                        self.report(codes::roles_wait_in_a_circle::report(&way, role.name.span));
                    }
                    break;
                }
                if visited.insert(&waited.is)
                    && let Some(role) = by_name.get(waited.is.as_str())
                {
                    next.extend(waits_of(role).map(|waited| (depth + 1, waited)));
                }
            }
        }
    }
}
