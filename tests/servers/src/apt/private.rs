//! An apt of our own: its sources, lists and archives lie in our cache, so that it works without rights and leaves the
//! machine's apt as it is. How to reach the network (proxies, credentials) is still the machine's to say.

use super::configured;
use super::derived::{self, Repository};
use super::index::{self, IndexedFile, SourcePackage};
use crate::cache::Cache;
use crate::command::{command, failure, is_installed, output_of, run};
use crate::error::Error;
use crate::key::sha256_of;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Downloads and decompresses the way apt does; part of the `apt` package.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Indexes younger than this are not asked for again.
const FRESH: Duration = Duration::from_hours(6);

/// The private apt, with its indexes.
#[derive(Debug)]
pub(crate) struct PrivateApt {
    configuration: PathBuf,
    downloads: PathBuf,
    indexes: Vec<Index>,
    /// What there is no index of.
    unreached: Vec<Repository>,
    /// What apt said about that.
    complaint: Option<String>,
}

/// One suite's index of source packages, as apt keeps it.
#[derive(Debug)]
struct Index {
    suite: String,
    base: String,
    file: PathBuf,
}

impl PrivateApt {
    /// Sets up the private apt and brings its indexes up to date. Each suite that cannot be had is narrated and left out;
    /// none at all is an error of one sentence.
    pub(crate) fn open(cache: &Cache, narrate: &mut dyn FnMut(&str)) -> Result<Self, String> {
        if !is_installed("apt-get") || !Path::new(APT_HELPER).is_file() {
            return Err("Debian's apt is not installed, and Debian sources are fetched with it".to_owned());
        }
        let repositories = derived::derive(&configured::read()?, Path::exists);
        if repositories.is_empty() {
            return Err("apt is configured for no mirror of Debian's".to_owned());
        }
        let configuration = set_up(cache, &repositories).map_err(|error| error.to_string())?;
        let downloads = cache.directory("downloads").map_err(|error| error.to_string())?;
        let mut apt =
            Self { configuration, downloads, indexes: Vec::new(), unreached: Vec::new(), complaint: None };
        apt.refresh(&repositories, narrate)?;
        apt.load_indexes(&repositories)?;
        if apt.indexes.is_empty() {
            return Err(format!("no Debian source can be reached: {}", apt.unreached()));
        }
        if !apt.unreached.is_empty() {
            narrate(&format!("not reached: {}", apt.unreached()));
        }
        Ok(apt)
    }

    /// One that has these indexes, each a suite, its mirror and a file, and asks for no others.
    #[cfg(test)]
    pub(crate) fn with_indexes(cache: &Cache, indexes: &[(&str, &str, &Path)]) -> Self {
        let index = |(suite, base, file): &(&str, &str, &Path)| Index {
            suite: (*suite).to_owned(),
            base: (*base).to_owned(),
            file: (*file).to_owned(),
        };
        Self {
            configuration: set_up(cache, &[]).unwrap(),
            downloads: cache.directory("downloads").unwrap(),
            indexes: indexes.iter().map(index).collect(),
            unreached: Vec::new(),
            complaint: None,
        }
    }

    /// What there is no index of, by mirror, and why; empty when nothing is missing.
    pub(crate) fn unreached(&self) -> String {
        let mut mirrors: Vec<(&str, Vec<&str>)> = Vec::new();
        for repository in &self.unreached {
            match mirrors.iter_mut().find(|(uri, _)| *uri == repository.uri) {
                Some((_, suites)) => suites.push(repository.suite),
                None => mirrors.push((&repository.uri, vec![repository.suite])),
            }
        }
        let mirrors: Vec<_> =
            mirrors.iter().map(|(uri, suites)| format!("{uri} ({})", suites.join(", "))).collect();
        match &self.complaint {
            Some(complaint) if !mirrors.is_empty() => format!("{}: {complaint}", mirrors.join(", ")),
            _ => mirrors.join(", "),
        }
    }

    /// Brings the indexes up to date, unless they were a short while ago. What cannot be had stays as it was.
    fn refresh(&mut self, repositories: &[Repository], narrate: &mut dyn FnMut(&str)) -> Result<(), String> {
        let stamp = self.configuration.with_file_name("refreshed");
        let current = derived::to_deb822(repositories);
        if is_fresh(&stamp, &current) {
            return Ok(());
        }
        narrate(&format!("asking for the source indexes of {} Debian suites", repositories.len()));
        let update = run(self.command("apt-get").arg("update"))?;
        if !update.status.success() {
            self.complaint = Some(why_not_fetched(&failure(&update)));
            return Ok(());
        }
        fs::write(&stamp, &current).map_err(|cause| Error::file("write", &stamp)(cause).to_string())
    }

    /// The source packages called `name` with this upstream version, newest revision first.
    pub(crate) fn sources(&self, name: &str, upstream: &str) -> Result<Vec<SourcePackage>, String> {
        let mut found = Vec::new();
        for index in &self.indexes {
            let text = output_of(self.command(APT_HELPER).arg("cat-file").arg(&index.file))?;
            for package in index::packages(&text, name, &index.base, &index.suite) {
                // Testing and unstable list the same files at the same place.
                let listed =
                    |known: &SourcePackage| known.files == package.files && known.address == package.address;
                if package.upstream() == upstream && !found.iter().any(listed) {
                    found.push(package);
                }
            }
        }
        found.sort_by(|one, other| compare_versions(&other.version, &one.version));
        Ok(found)
    }

    /// One file of a source package, from the cache or the mirror; what comes back has the hash of the signed index.
    pub(crate) fn fetch(&self, package: &SourcePackage, file: &IndexedFile) -> Result<PathBuf, String> {
        // By hash: two mirrors may have different files of one name.
        let directory = self.downloads.join(&file.sha256);
        let path = directory.join(&file.name);
        if sha256_of(&path).is_ok_and(|sha256| sha256 == file.sha256) {
            return Ok(path);
        }
        fs::create_dir_all(&directory)
            .map_err(|cause| Error::file("create", &directory)(cause).to_string())?;
        let address = format!("{}/{}", package.address, file.name.replace('+', "%2b").replace('~', "%7e"));
        let fetched = run(self.command(APT_HELPER).arg("download-file").args([
            &address,
            &path.display().to_string(),
            &format!("SHA256:{}", file.sha256),
        ]))?;
        keep(&path).map_err(|cause| Error::file("keep", &path)(cause).to_string())?;
        match sha256_of(&path) {
            Ok(sha256) if sha256 == file.sha256 => Ok(path),
            Ok(sha256) => {
                // Never to be taken for the real one.
                let _ = fs::remove_file(&path);
                Err(format!(
                    "{}: SHA-256 is {sha256}, not {} as its signed index says",
                    file.name, file.sha256
                ))
            }
            Err(_) => Err(format!("{}: {}", file.name, why_not_fetched(&failure(&fetched)))),
        }
    }

    fn load_indexes(&mut self, repositories: &[Repository]) -> Result<(), String> {
        let format = "$(CREATED_BY)|$(ORIGIN)|$(TRUSTED)|$(RELEASE)|$(SITE)|$(FILENAME)";
        let targets = output_of(self.command("apt-get").args(["indextargets", "--format", format]))?;
        for repository in repositories {
            let index = targets.lines().find_map(|line| {
                let fields: Vec<_> = line.split('|').collect();
                let ["Sources", "Debian", "yes", release, site, file] = fields.as_slice() else {
                    return None;
                };
                let same = *release == repository.suite && site.trim_end_matches('/') == repository.uri;
                let file = PathBuf::from(file);
                (same && file.is_file()).then(|| Index {
                    suite: repository.suite.to_owned(),
                    base: repository.uri.clone(),
                    file,
                })
            });
            match index {
                Some(index) => self.indexes.push(index),
                None => self.unreached.push(repository.clone()),
            }
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = command(program);
        command.arg("-c").arg(&self.configuration);
        command
    }
}

/// Writes the sources and the configuration; returns the latter's path.
fn set_up(cache: &Cache, repositories: &[Repository]) -> Result<PathBuf, Error> {
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(Error::file("write", path));
    let directory = cache.directory("apt")?;
    for below in ["apt/lists/partial", "apt/archives/partial", "apt/parts"] {
        cache.directory(below)?;
    }
    write(&directory.join("parts/mcrx.sources"), &derived::to_deb822(repositories))?;
    // What is installed here is of no interest to it.
    write(&directory.join("status"), "")?;
    let place = directory.display();
    let configuration = directory.join("apt.conf");
    // Read after the machine's own configuration, whose hooks delete from the machine's own caches.
    write(
        &configuration,
        &format!(
            "#clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n\
             #clear APT::Update::Pre-Invoke;\n\
             Dir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{place}/parts\";\n\
             Dir::State \"{place}\";\n\
             Dir::State::lists \"{place}/lists\";\n\
             Dir::State::status \"{place}/status\";\n\
             Dir::Cache \"{place}\";\n\
             Dir::Cache::archives \"{place}/archives\";\n\
             Dir::Cache::pkgcache \"\";\n\
             Dir::Cache::srcpkgcache \"\";\n\
             // apt's own user may not enter a home directory.\n\
             APT::Sandbox::User \"\";\n\
             APT::Get::AllowUnauthenticated \"false\";\n\
             Acquire::AllowInsecureRepositories \"false\";\n\
             Acquire::AllowWeakRepositories \"false\";\n\
             Acquire::AllowDowngradeToInsecureRepositories \"false\";\n\
             // Otherwise an index that cannot be had is only warned of.\n\
             APT::Update::Error-Mode \"any\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::IndexTargets::deb-src::Contents-deb::DefaultEnabled \"false\";\n\
             Acquire::Retries \"1\";\n\
             Acquire::http::Timeout \"20\";\n\
             Acquire::https::Timeout \"20\";\n"
        ),
    )?;
    Ok(configuration)
}

/// Of a mirror in the file system apt gives a link, which would end with the mirror.
fn keep(path: &Path) -> io::Result<()> {
    if !path.is_symlink() {
        return Ok(());
    }
    let contents = fs::read(path)?;
    fs::remove_file(path)?;
    fs::write(path, contents)
}

fn is_fresh(stamp: &Path, current: &str) -> bool {
    let age = fs::metadata(stamp)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age < FRESH) && fs::read_to_string(stamp).is_ok_and(|written| written == current)
}

/// apt's `E: Failed to fetch ADDRESS  404  Not Found [IP: ...]` without what the reader knows or need not know.
fn why_not_fetched(said: &str) -> String {
    let reason = said
        .strip_prefix("E: Failed to fetch ")
        .and_then(|rest| rest.split_once(' '))
        .map_or(said, |(_, why)| why);
    let reason = reason.split("[IP:").next().unwrap_or(reason);
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn compare_versions(one: &str, other: &str) -> std::cmp::Ordering {
    let holds = |relation: &str| {
        output_of(command("dpkg").args(["--compare-versions", one, relation, other])).is_ok()
    };
    match (holds("lt"), holds("gt")) {
        (true, _) => std::cmp::Ordering::Less,
        (_, true) => std::cmp::Ordering::Greater,
        _ => std::cmp::Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_in_three_words() {
        let said = "E: Failed to fetch http://m.test/nginx_1.18.0-6.1%2bdeb11u8.dsc  404  Not Found [IP: 192.0.2.1 80]";
        assert_eq!(why_not_fetched(said), "404 Not Found");
        assert_eq!(why_not_fetched("E: Could not resolve"), "E: Could not resolve");
    }

    #[test]
    fn revisions_are_ordered_as_dpkg_orders_them() {
        assert!(compare_versions("1.22.1-9+deb12u9", "1.22.1-9+deb12u11").is_lt());
        assert!(compare_versions("2.4.68-1~deb12u1", "2.4.68-1").is_lt());
        assert!(compare_versions("5:7.0.15-1", "5:7.0.15-1").is_eq());
    }

    #[test]
    fn indexes_are_asked_for_again_when_the_configured_mirrors_change() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = directory.path().join("refreshed");
        assert!(!is_fresh(&stamp, "one mirror"), "never asked for");
        fs::write(&stamp, "one mirror").unwrap();
        assert!(is_fresh(&stamp, "one mirror"));
        assert!(!is_fresh(&stamp, "another mirror"));
    }

    #[test]
    fn a_mirror_that_cannot_be_reached_is_named_and_no_package_is_made_up() {
        // An address that is nobody's, in the file system: no network is asked.
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        let repository = Repository {
            uri: format!("file:{}/mirror/debian", directory.path().display()),
            suite: "bookworm",
            signed_by: None,
            check_valid_until: None,
        };
        let mut apt = PrivateApt::with_indexes(&cache, &[]);
        set_up(&cache, std::slice::from_ref(&repository)).unwrap();
        let mut narrated = Vec::new();
        apt.refresh(std::slice::from_ref(&repository), &mut |line| narrated.push(line.to_owned())).unwrap();
        assert_eq!(narrated.len(), 1, "{narrated:?}");
        apt.load_indexes(std::slice::from_ref(&repository)).unwrap();
        let unreached = apt.unreached();
        assert!(unreached.starts_with(&format!("{} (bookworm): ", repository.uri)), "{unreached}");
        assert!(!cache.directory("apt").unwrap().join("refreshed").exists(), "the next run asks again");
        assert_eq!(apt.sources("nginx", "1.22.1").unwrap(), []);
    }
}
