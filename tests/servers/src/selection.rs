//! `nginx` or `nginx@1.22.1`, as typed, to recipes.

use crate::error::Error;
use crate::recipe::Recipe;

/// The recipes that are asked for, each once, in the order they are kept in; all of them for an empty request.
pub(crate) fn select(recipes: &[Recipe], asked: &[String]) -> Result<Vec<Recipe>, Error> {
    if let Some(unknown) = asked.iter().find(|asked| !recipes.iter().any(|recipe| names(asked, recipe))) {
        let known: Vec<_> =
            recipes.iter().map(|recipe| format!("{}@{}", recipe.name, recipe.version)).collect();
        return Err(Error::UnknownServer { asked: unknown.clone(), known: known.join(", ") });
    }
    let wanted = |recipe: &&Recipe| asked.is_empty() || asked.iter().any(|asked| names(asked, recipe));
    Ok(recipes.iter().filter(wanted).cloned().collect())
}

fn names(asked: &str, recipe: &Recipe) -> bool {
    match asked.split_once('@') {
        Some((name, version)) => name == recipe.name && version == recipe.version,
        None => asked == recipe.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select_versions(asked: &[&str]) -> Result<Vec<String>, Error> {
        let asked: Vec<_> = asked.iter().map(ToString::to_string).collect();
        let selected = select(&crate::recipes::all(), &asked)?;
        Ok(selected.iter().map(|recipe| format!("{}@{}", recipe.name, recipe.version)).collect())
    }

    #[test]
    fn a_bare_name_selects_every_release_of_it_once() {
        let all = select_versions(&["memcached"]).unwrap();
        assert_eq!(all, ["memcached@1.6.18", "memcached@1.6.38"]);
        assert_eq!(select_versions(&["memcached", "memcached@1.6.18"]).unwrap(), all);
    }

    #[test]
    fn a_name_with_a_version_selects_that_release_only() {
        assert_eq!(select_versions(&["nginx@1.22.1"]).unwrap(), ["nginx@1.22.1"]);
    }

    #[test]
    fn nothing_asked_means_everything() {
        assert_eq!(select_versions(&[]).unwrap().len(), crate::recipes::all().len());
    }

    #[test]
    fn an_unknown_name_or_release_is_refused_with_what_there_is() {
        for asked in ["lighttpd", "nginx@0.1", "nginx@", "@", ""] {
            let message = select_versions(&[asked]).unwrap_err().to_string();
            assert!(message.contains(&format!("`{asked}`")) && message.contains("nginx@1.22.1"), "{message}");
        }
    }
}
