//! Source packages in a Sources index: Debian policy manual, section 5.4, as repositories list them.

use std::collections::BTreeMap;

/// One source package of one suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourcePackage {
    /// For example `nginx`.
    pub name: String,
    /// Debian's version, for example `1.22.1-9+deb12u9`.
    pub version: String,
    /// Where the files are, as an address without a slash at its end.
    pub address: String,
    /// The suite, for messages.
    pub suite: String,
    /// The `.dsc`, the archives and their signatures.
    pub files: Vec<IndexedFile>,
}

/// A file as the signed index describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedFile {
    pub name: String,
    pub sha256: String,
}

impl SourcePackage {
    /// The upstream version: without epoch, Debian revision, and mark of a repacked tarball.
    pub(crate) fn upstream(&self) -> &str {
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, rest)| rest);
        let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
        let repacked = ["+dfsg", "+ds", "~dfsg", "~ds"].iter().filter_map(|mark| version.find(mark)).min();
        &version[..repacked.unwrap_or(version.len())]
    }

    /// The file that describes the others.
    pub(crate) fn dsc(&self) -> Option<&IndexedFile> {
        self.files.iter().find(|file| file.name.ends_with(".dsc"))
    }

    /// The upstream tarball.
    pub(crate) fn orig(&self) -> Option<&IndexedFile> {
        self.files.iter().find(|file| file.name.contains(".orig.tar.") && !file.name.ends_with(".asc"))
    }
}

/// The packages called `name` in an index of the repository at `base`.
pub(crate) fn packages(index: &str, name: &str, base: &str, suite: &str) -> Vec<SourcePackage> {
    let stanzas = index.split("\n\n");
    stanzas.filter_map(|stanza| package(stanza, name, base, suite)).collect()
}

fn package(stanza: &str, name: &str, base: &str, suite: &str) -> Option<SourcePackage> {
    // Thirty thousand stanzas, one or two of which matter: look before reading.
    stanza.lines().find(|line| line.strip_prefix("Package:").is_some_and(|rest| rest.trim() == name))?;
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut field = "";
    for line in stanza.lines() {
        if line.starts_with([' ', '\t']) {
            fields.entry(field).or_default().push(line.trim());
        } else if let Some((start, value)) = line.split_once(':') {
            field = start;
            fields.entry(field).or_default().push(value.trim());
        }
    }
    let value = |field: &str| fields.get(field).and_then(|lines| lines.first()).copied();
    let files = fields.get("Checksums-Sha256")?.iter().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (sha256, _size, file) = (words.next()?, words.next()?, words.next()?);
        Some(IndexedFile { name: plain_name(file)?, sha256: sha256.to_owned() })
    });
    Some(SourcePackage {
        name: name.to_owned(),
        version: value("Version")?.to_owned(),
        address: format!("{}/{}", base.trim_end_matches('/'), value("Directory")?),
        suite: suite.to_owned(),
        files: files.collect(),
    })
}

/// A file name that names no other directory.
fn plain_name(name: &str) -> Option<String> {
    (!name.contains('/') && !name.starts_with('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Package: apache
Version: 1.0-1
Directory: pool/main/a/apache
Checksums-Sha256:
 00 1 apache_1.0-1.dsc

Package: apache2
Binary: apache2, apache2-bin
Version: 2.4.67-1~deb11u3
Checksums-Sha256:
 ba1d 3578 apache2_2.4.67-1~deb11u3.dsc
 10a5 9714011 apache2_2.4.67.orig.tar.gz
 d8a6 870 apache2_2.4.67.orig.tar.gz.asc
 1b1f 834564 apache2_2.4.67-1~deb11u3.debian.tar.xz
 ffff 1 ../../etc/passwd
Homepage: https://example.test/
Package-List: 
 apache2 deb httpd optional arch=any
Directory: pool/updates/main/a/apache2
";

    fn versioned(version: &str) -> SourcePackage {
        SourcePackage {
            name: String::new(),
            version: version.to_owned(),
            address: String::new(),
            suite: String::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_package_is_found_by_its_whole_name_with_its_files_and_address() {
        let found = packages(INDEX, "apache2", "http://m.test/debian-security/", "bullseye-security");
        let [package] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(package.address, "http://m.test/debian-security/pool/updates/main/a/apache2");
        assert_eq!(package.upstream(), "2.4.67");
        assert_eq!(package.dsc().unwrap().sha256, "ba1d");
        assert_eq!(package.orig().unwrap().name, "apache2_2.4.67.orig.tar.gz");
    }

    #[test]
    fn a_file_name_that_leaves_its_directory_is_left_out() {
        let found = packages(INDEX, "apache2", "http://m.test/d", "s");
        assert_eq!(found[0].files.len(), 4);
    }

    #[test]
    fn the_upstream_version_is_what_is_left_without_debians_marks() {
        for (version, upstream) in [
            ("1:9.2p1-2+deb12u10", "9.2p1"),
            ("5:7.0.15-1~deb12u10", "7.0.15"),
            ("1.6.9+dfsg-1+deb11u1", "1.6.9"),
            ("3.0.5-0.2", "3.0.5"),
            ("4.2", "4.2"),
        ] {
            assert_eq!(versioned(version).upstream(), upstream);
        }
    }
}
