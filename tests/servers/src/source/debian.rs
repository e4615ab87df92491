//! Debian source packages, with Debian's patches where they are to be had.
//!
//! A mirror may list a package whose files it no longer has. Then the next revision with the same upstream version is
//! tried, and at last the upstream tarball alone of any of them: the same server, without Debian's patches.

use super::{Fetched, Form};
use crate::apt::{PrivateApt, SourcePackage};
use crate::error::Refusal;
use crate::key::SourceFile;
use std::fs;
use std::path::PathBuf;

/// Fetches one upstream version of a source package.
pub(crate) fn fetch(
    apt: &PrivateApt,
    package: &str,
    upstream: &str,
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
    for revision in &revisions {
        match whole_package(apt, revision) {
            Ok(fetched) => return Ok(fetched),
            Err(reason) => {
                narrate(&format!(
                    "{package} {} is listed in {} but {reason}",
                    revision.version, revision.suite
                ));
                missing.push(reason);
            }
        }
    }
    for revision in &revisions {
        let Some(orig) = revision.orig() else { continue };
        match apt.fetch(revision, orig) {
            Ok(path) => {
                let note = format!("{} alone, without Debian's patches: {}", orig.name, missing.join("; "));
                narrate(&format!("{package} {upstream}: taking {}", orig.name));
                let files = vec![SourceFile { name: orig.name.clone(), sha256: orig.sha256.clone() }];
                return Ok(Fetched { files, notes: vec![note], form: Form::Tarball(path) });
            }
            Err(reason) => missing.push(reason),
        }
    }
    missing.dedup();
    Err(Refusal::Unreachable(format!(
        "{package} {upstream} is listed but cannot be fetched: {}",
        missing.join("; ")
    )))
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
