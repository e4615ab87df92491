//! Debian source packages: upstream's tarball alone, or with Debian's patches where a server is of no use without them.
//!
//! The patches change with every security update, and a mirror drops those of the revision before, or lists some that it does not have
//! yet: which structures of a server they have changed would depend on the day. The tarball of an upstream version stays what it is, whichever
//! revision it is fetched for.

use super::{Fetched, Form};
use crate::apt::{PrivateApt, SourcePackage};
use crate::error::Refusal;
use crate::key::SourceFile;
use std::fs;
use std::path::PathBuf;

/// Fetches one upstream version of a source package. `patched`: with Debian's patches.
pub(crate) fn fetch(
    apt: &PrivateApt,
    package: &str,
    upstream: &str,
    patched: bool,
    narrate: &mut dyn FnMut(&str),
) -> Result<Fetched, Refusal> {
    let revisions = apt.sources(package, upstream).map_err(Refusal::Unreachable)?;
    if revisions.is_empty() {
        let unreached = match apt.unreached() {
            none if none.is_empty() => none,
            some => format!(" (not reached: {some})"),
        };
        return Err(Refusal::Unreachable(format!("no Debian suite lists {package} {upstream}{unreached}")));
    }
    let mut missing = Vec::new();
    let take = if patched { whole_package } else { tarball };
    for revision in &revisions {
        match take(apt, revision) {
            Ok(fetched) => return Ok(fetched),
            Err(reason) => {
                let (version, suite) = (&revision.version, &revision.suite);
                narrate(&format!("{package} {version} is listed in {suite} but {reason}"));
                missing.push(reason);
            }
        }
    }
    missing.dedup();
    Err(Refusal::Unreachable(format!(
        "{package} {upstream} is listed but cannot be fetched: {}",
        missing.join("; ")
    )))
}

fn tarball(apt: &PrivateApt, revision: &SourcePackage) -> Result<Fetched, String> {
    let orig = revision.orig().ok_or("has no tarball of upstream's")?;
    let path = apt.fetch(revision, orig)?;
    let files = vec![SourceFile { name: orig.name.clone(), sha256: orig.sha256.clone() }];
    Ok(Fetched { files, notes: Vec::new(), form: Form::Tarball(path) })
}

fn whole_package(apt: &PrivateApt, revision: &SourcePackage) -> Result<Fetched, String> {
    // The description first: it is small, and what a mirror drops first.
    let dsc = revision.dsc().ok_or("has no .dsc")?;
    let dsc_path = apt.fetch(revision, dsc)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for file in revision.files.iter().filter(|file| *file != dsc) {
        paths.push(apt.fetch(revision, file)?);
    }
    // Downloads lie in directories of their own, dpkg-source wants them side by side.
    for path in paths {
        let Some((place, name)) = dsc_path.parent().zip(path.file_name()) else { continue };
        let beside = place.join(name);
        let _ = fs::remove_file(&beside);
        fs::hard_link(&path, &beside)
            .or_else(|_| fs::copy(&path, &beside).map(drop))
            .map_err(|cause| cause.to_string())?;
    }
    let files =
        revision.files.iter().map(|file| SourceFile { name: file.name.clone(), sha256: file.sha256.clone() });
    Ok(Fetched { files: files.collect(), notes: Vec::new(), form: Form::Package(dsc_path) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use crate::key::sha256_of;

    /// A mirror in the file system, and an apt that knows its index: nothing of this asks the network.
    struct Mirror {
        directory: tempfile::TempDir,
        apt: PrivateApt,
    }

    /// Lists one package of three files, and has them.
    fn mirror() -> Mirror {
        let directory = tempfile::tempdir().unwrap();
        let pool = directory.path().join("debian/pool");
        fs::create_dir_all(&pool).unwrap();
        let mut index =
            "Package: tiny\nVersion: 1.0-1+deb12u1\nDirectory: pool\nChecksums-Sha256:\n".to_owned();
        for name in ["tiny_1.0-1+deb12u1.dsc", "tiny_1.0.orig.tar.gz", "tiny_1.0-1+deb12u1.debian.tar.xz"] {
            fs::write(pool.join(name), name).unwrap();
            index += &format!(" {} 1 {name}\n", sha256_of(&pool.join(name)).unwrap());
        }
        let file = directory.path().join("Sources");
        fs::write(&file, index).unwrap();
        let cache = Cache::at(&directory.path().join("cache"));
        let base = format!("file:{}/debian", directory.path().display());
        let apt = PrivateApt::with_indexes(&cache, &[("bookworm", &base, &file)]);
        Mirror { directory, apt }
    }

    impl Mirror {
        fn pool(&self, name: &str) -> PathBuf {
            self.directory.path().join("debian/pool").join(name)
        }

        fn fetch(&self, upstream: &str) -> Result<Fetched, Refusal> {
            fetch(&self.apt, "tiny", upstream, true, &mut |_| {})
        }
    }

    fn names(fetched: &Fetched) -> Vec<&str> {
        fetched.files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn a_whole_package_is_fetched_with_its_files_side_by_side() {
        let mirror = mirror();
        let fetched = mirror.fetch("1.0").unwrap();
        let Form::Package(dsc) = &fetched.form else { panic!("the whole package is there") };
        for name in names(&fetched) {
            assert!(dsc.with_file_name(name).is_file(), "{name}");
        }
        assert_eq!((fetched.files.len(), fetched.notes.len()), (3, 0));
    }

    #[test]
    fn what_was_fetched_before_is_not_asked_for_again() {
        let mirror = mirror();
        let first = mirror.fetch("1.0").unwrap();
        fs::remove_dir_all(mirror.directory.path().join("debian")).unwrap();
        assert_eq!(mirror.fetch("1.0").unwrap().files, first.files);
    }

    #[test]
    fn a_tarball_is_fetched_whatever_else_of_its_package_is_gone() {
        let mirror = mirror();
        for name in ["tiny_1.0-1+deb12u1.dsc", "tiny_1.0-1+deb12u1.debian.tar.xz"] {
            fs::remove_file(mirror.pool(name)).unwrap();
        }
        let fetched = fetch(&mirror.apt, "tiny", "1.0", false, &mut |_| {}).unwrap();
        assert!(matches!(&fetched.form, Form::Tarball(path) if path.is_file()), "{fetched:?}");
        assert_eq!(names(&fetched), ["tiny_1.0.orig.tar.gz"]);
        let refusal = mirror.fetch("1.0").unwrap_err();
        assert!(refusal.to_string().contains("cannot be fetched"), "{refusal}");
    }

    #[test]
    fn a_file_that_is_not_what_its_signed_index_says_is_refused_and_not_kept() {
        let mirror = mirror();
        for name in ["tiny_1.0-1+deb12u1.dsc", "tiny_1.0.orig.tar.gz"] {
            fs::write(mirror.pool(name), "something else").unwrap();
        }
        let refusal = mirror.fetch("1.0").unwrap_err();
        assert!(matches!(refusal, Refusal::Unreachable(_)));
        let kept = |name: &str| {
            let downloads = fs::read_dir(mirror.directory.path().join("cache/downloads")).unwrap();
            downloads.flatten().any(|directory| directory.path().join(name).exists())
        };
        assert!(!kept("tiny_1.0-1+deb12u1.dsc") && !kept("tiny_1.0.orig.tar.gz"));
    }

    #[test]
    fn a_download_that_was_tampered_with_since_is_fetched_again() {
        let mirror = mirror();
        let Form::Package(dsc) = mirror.fetch("1.0").unwrap().form else {
            panic!("the whole package is there")
        };
        fs::write(&dsc, "something else").unwrap();
        mirror.fetch("1.0").unwrap();
        assert_eq!(fs::read(&dsc).unwrap(), fs::read(mirror.pool("tiny_1.0-1+deb12u1.dsc")).unwrap());
    }

    #[test]
    fn a_version_that_no_suite_lists_is_told_as_that() {
        let message = mirror().fetch("2.0").unwrap_err().to_string();
        assert_eq!(message, "no Debian suite lists tiny 2.0");
    }
}
