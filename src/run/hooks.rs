//! Functions of a program's own that hand out parts of blocks: which they are, by a rule file or by the facts that come with mcrx, and the
//! tables by which the allocator hooks them.

use crate::output::Output;
use anyhow::Result;
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::hooks::{Hook, Hooks};
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load;
use mcrx_dsl::rules::{Fact, Parameter, Pattern, Rules};
use mcrx_dsl::source::Only;
use std::path::Path;

/// Tells the allocator where the tables are.
pub(super) const HOOKS: &str = "MCRX_HOOKS";

/// Facts of programs that have pools.
const BUILT_IN: &[(&str, &str)] = &[("nginx.mcrx", include_str!("../../examples/facts/nginx.mcrx"))];

/// Functions that allocate from pools, as rules name them.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<(Pattern, Option<usize>, usize)>);

impl Named {
    /// Those of some rules; if these name none, those of the facts that come with mcrx, for a program of this file name.
    pub(super) fn of(rules: Option<&Rules>, program: &Path) -> Named {
        let named = rules.map_or_else(Named::default, Named::in_rules);
        if !named.is_empty() {
            return named;
        }
        let program = program.file_name().unwrap_or_default();
        let built_in = BUILT_IN.iter().map(|(name, text)| load::rules(Path::new(name), &Only(text)).rules);
        let of_program = |rules: &Rules| rules.program.as_ref().is_some_and(|name| *name.is == *program);
        built_in.into_iter().find(of_program).map_or_else(Named::default, |rules| Named::in_rules(&rules))
    }

    fn in_rules(rules: &Rules) -> Named {
        let calls = rules.facts.iter().filter_map(|fact| match &fact.is {
            Fact::HookPool(hook) => Some(&hook.functions),
            _ => None,
        });
        let named = calls.flatten().map(|call| {
            let parameters = &call.is.parameters;
            let size = parameters.iter().position(|parameter| parameter.is == Parameter::Size);
            (call.is.function.is.clone(), size, parameters.len())
        });
        Named(named.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As functions of a binary.
    fn hooks(&self, table: &Table) -> Vec<Hook> {
        let mut hooks = Vec::new();
        for (pattern, size, parameters) in &self.0 {
            let Some(size_parameter) = *size else { continue };
            let hook = |function: &str| Hook {
                function: function.to_owned(),
                size_parameter,
                parameters: *parameters,
            };
            if !pattern.is_prefix {
                hooks.push(hook(&pattern.name));
                continue;
            }
            let all = table.functions().map(|function| function.name());
            let mut names: Vec<&str> = all.filter(|name| name.starts_with(&pattern.name)).collect();
            names.sort_unstable();
            names.dedup();
            hooks.extend(names.into_iter().map(hook));
        }
        hooks
    }

    /// Writes the tables of some files into a folder, and says which functions cannot be hooked.
    pub(super) fn write<'f>(
        &self,
        folder: &Path,
        files: impl Iterator<Item = &'f Path>,
        output: &Output,
    ) -> Result<()> {
        let cache = Cache::default();
        for file in files {
            // What has no debug info has no functions by name.
            let Ok(binary) = Binary::open(file) else { continue };
            let Ok(table) = cache.table(&binary) else { continue };
            let Ok(hooks) = Hooks::of(&binary, &table, &self.hooks(&table)) else { continue };
            for refused in hooks.refused() {
                output.narrate(format_args!(
                    "what {} allocates from pools is not seen: {}",
                    refused.function, refused.why
                ));
            }
            for copies in hooks.inlined() {
                output.narrate(format_args!(
                    "what {} allocates from pools is not seen: {} was inlined there",
                    copies.into, copies.function
                ));
            }
            // An older table, made by other rules, must not count.
            if !hooks.rows().is_empty() || folder.join(hooks.file_name()).exists() {
                hooks.write(folder)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_that_come_with_mcrx_count_for_the_program_that_they_name() {
        let named = Named::of(None, Path::new("/usr/sbin/nginx"));
        let names: Vec<&str> = named.0.iter().map(|(pattern, _, _)| pattern.name.as_str()).collect();
        assert_eq!(names, ["ngx_palloc", "ngx_pnalloc", "ngx_pcalloc", "ngx_pmemalign"]);
        assert!(named.0.iter().all(|(_, size, parameters)| *size == Some(1) && *parameters >= 2));
        assert!(Named::of(None, Path::new("/usr/sbin/nginxd")).is_empty());
    }
}
