//! From a request to servers: what is built already is taken as it is, the rest is fetched and built, one at a time.

use crate::apt::PrivateApt;
use crate::cache::{Cache, Record};
use crate::error::{Error, Refusal};
use crate::manifest::Manifest;
use crate::recipe::{Recipe, Source};
use crate::source::{self, Fetched};
use crate::{Server, Unavailable, build, key, packages, recipes, selection};
use std::path::Path;

/// What a request came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The servers that are there now.
    pub servers: Vec<Server>,
    /// How many of them this run built; the others were there.
    pub built: usize,
    /// Those whose source is out of reach from this machine.
    pub skipped: Vec<Unavailable>,
    /// Those that could not be built: a package is missing, or a step failed.
    pub failed: Vec<Unavailable>,
}

/// One release there is a recipe for.
#[derive(Debug, Clone)]
pub struct Listed {
    /// As in [`Server`].
    pub name: &'static str,
    /// As in [`Server`].
    pub version: &'static str,
    /// Whether this clone can use it.
    pub state: State,
}

/// Whether a clone can use a server.
#[derive(Debug, Clone)]
pub enum State {
    /// It is in the manifest and its program is there.
    Built(Server),
    /// It is not there, and why.
    NotBuilt(Unavailable),
}

/// Every release of the request (`nginx`, `nginx@1.22.1`; none means all), and whether this clone can use it. Builds
/// nothing.
///
/// # Errors
/// The request names a server or release that there is no recipe for.
pub fn list(asked: &[String]) -> Result<Vec<Listed>, Error> {
    let manifest = Manifest::of_this_clone();
    let recipes = selection::select(&recipes::all(), asked)?;
    let state = |recipe: &Recipe| match manifest.find(recipe.name, recipe.version) {
        Ok(server) => State::Built(server),
        Err(reason) => State::NotBuilt(reason),
    };
    Ok(recipes
        .iter()
        .map(|recipe| Listed { name: recipe.name, version: recipe.version, state: state(recipe) })
        .collect())
}

/// Builds what a request names (`nginx`, `nginx@1.22.1`; none means all) and is not built yet, and enters everything
/// into this clone's manifest. `narrate` is told what is going on, a line at a time.
///
/// # Errors
/// The request names a server or release that there is no recipe for, or our own files cannot be written. That single
/// servers cannot be had is part of the report.
pub fn provide(asked: &[String], narrate: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let wanted = selection::select(&recipes::all(), asked)?;
    let mut run = Run { cache: Cache::locate()?, apt: None, report: Report::default(), narrate };
    run.provide(&wanted)?;
    let report = run.report;
    let refused = [report.skipped.as_slice(), report.failed.as_slice()].concat();
    for unreadable in Manifest::of_this_clone().record(&report.servers, &refused)? {
        narrate(&format!("{unreadable}; it has been started anew"));
    }
    Ok(report)
}

/// One call of [`provide`].
struct Run<'a> {
    cache: Cache,
    /// Set up when the first source is asked of it, and then never again, whether it can be had or not.
    apt: Option<Result<PrivateApt, String>>,
    report: Report,
    narrate: &'a mut dyn FnMut(&str),
}

impl Run<'_> {
    fn provide(&mut self, wanted: &[Recipe]) -> Result<(), Error> {
        let compiler = match self.compiler() {
            Ok(compiler) => compiler,
            Err(reason) => {
                self.report.failed = wanted.iter().map(|recipe| unavailable(recipe, &reason)).collect();
                return Ok(());
            }
        };
        let mut missing = Vec::new();
        let place = |server: &Server| {
            wanted.iter().position(|recipe| recipe.name == server.name && recipe.version == server.version)
        };
        for recipe in wanted {
            let key = key::recipe_key(recipe, &compiler);
            match self.cache.find(recipe, &key) {
                Some((prefix, record)) => self.report.servers.push(server(recipe, &prefix, &record)),
                None => missing.push((recipe, key)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let narrate = &mut *self.narrate;
        let _lock = self.cache.lock(|| narrate("waiting: another build is going on in this cache"))?;
        for (recipe, key) in missing {
            match self.provide_one(recipe, &key, &compiler) {
                Ok(server) => self.report.servers.push(server),
                Err(refusal) => {
                    let row = unavailable(recipe, &refusal.to_string());
                    (self.narrate)(&format!("{} {}: {}", row.name, row.version, row.reason));
                    match refusal {
                        Refusal::Unreachable(_) => self.report.skipped.push(row),
                        Refusal::Broken(_) => self.report.failed.push(row),
                    }
                }
            }
        }
        self.report.servers.sort_by_key(place);
        Ok(())
    }

    fn provide_one(&mut self, recipe: &Recipe, key: &str, compiler: &str) -> Result<Server, Refusal> {
        // Whoever had the lock before may have built it.
        if let Some((prefix, record)) = self.cache.find(recipe, key) {
            return Ok(server(recipe, &prefix, &record));
        }
        packages::provide(recipe, self.narrate).map_err(Refusal::Broken)?;
        let fetched = self.fetch(recipe)?;
        let prefix = self.cache.prefix(recipe, key, &key::source_key(&fetched.files));
        (self.narrate)(&format!("building {} {}", recipe.name, recipe.version));
        let record = build::build(&self.cache, recipe, &fetched, compiler, &prefix)?;
        self.report.built += 1;
        Ok(server(recipe, &prefix, &record))
    }

    fn fetch(&mut self, recipe: &Recipe) -> Result<Fetched, Refusal> {
        match recipe.source {
            Source::Debian { package, upstream, patched } => {
                let (cache, narrate) = (&self.cache, &mut *self.narrate);
                let apt = self.apt.get_or_insert_with(|| PrivateApt::open(cache, narrate));
                let apt = apt.as_ref().map_err(|reason| Refusal::Unreachable(reason.clone()))?;
                source::debian::fetch(apt, package, upstream, patched, narrate)
            }
            Source::Crate { name, version, upstream, folder } => {
                source::registry::fetch(&self.cache, (name, version, upstream, folder))
            }
        }
    }

    fn compiler(&mut self) -> Result<String, String> {
        if let Ok(compiler) = key::compiler() {
            return Ok(compiler);
        }
        packages::provide_compiler(self.narrate)?;
        key::compiler()
    }
}

fn server(recipe: &Recipe, prefix: &Path, record: &Record) -> Server {
    Server {
        name: recipe.name.to_owned(),
        version: recipe.version.to_owned(),
        build_id: record.build_id.clone(),
        path: prefix.join(recipe.program),
    }
}

fn unavailable(recipe: &Recipe, reason: &str) -> Unavailable {
    Unavailable {
        name: recipe.name.to_owned(),
        version: recipe.version.to_owned(),
        reason: reason.to_owned(),
    }
}
