//! From what the machine is configured for to the source repositories we want: the same archives, other suites.
//!
//! Trust is never widened: a derived repository is checked against the keys its entry names, or the machine's own when
//! it names none; `trusted=yes` is not taken over. The one exception is an entry that names the keyring of one Debian
//! release: other suites are signed with the keys of others, so the whole Debian keyring beside it is named.

use super::configured::Entry;
use std::fmt::Write as _;
use std::path::Path;

/// Releases of Debian and the names they go by; to know Debian's suites from those of others.
const RELEASES: &[&str] = &[
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// The suites we want sources of, from the main archive.
const ARCHIVE_SUITES: &[&str] = &["bullseye", "bookworm", "trixie", "forky", "sid"];

/// And from the security archive.
const SECURITY_SUITES: &[&str] = &["bullseye-security", "bookworm-security", "trixie-security"];

/// One suite of one mirror, for `deb-src`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub uri: String,
    pub suite: &'static str,
    pub signed_by: Option<String>,
    pub check_valid_until: Option<String>,
}

/// Debian keeps two archives, each with its own suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Archive {
    Main,
    Security,
}

/// Every suite we want from every mirror of Debian's that the machine knows, each once.
pub(crate) fn derive(entries: &[Entry], exists: impl Fn(&Path) -> bool) -> Vec<Repository> {
    let mut repositories: Vec<Repository> = Vec::new();
    for entry in entries {
        for archive in [Archive::Main, Archive::Security] {
            for uri in entry.uris.iter().filter(|uri| is_debian(entry, uri, archive)) {
                let suites = match archive {
                    Archive::Main => ARCHIVE_SUITES,
                    Archive::Security => SECURITY_SUITES,
                };
                for suite in suites {
                    let uri = uri.trim_end_matches('/').to_owned();
                    if repositories.iter().any(|known| known.uri == uri && known.suite == *suite) {
                        continue;
                    }
                    repositories.push(Repository {
                        uri,
                        suite,
                        signed_by: entry.signed_by.as_deref().map(|keys| any_release(keys, &exists)),
                        check_valid_until: entry.check_valid_until.clone(),
                    });
                }
            }
        }
    }
    repositories
}

/// What apt is to read: one deb822 stanza per repository.
pub(crate) fn to_deb822(repositories: &[Repository]) -> String {
    let mut text = String::new();
    for repository in repositories {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Types: deb-src\nURIs: {}\nSuites: {}\nComponents: main",
            repository.uri, repository.suite
        );
        if let Some(keys) = &repository.signed_by {
            let _ = writeln!(text, "Signed-By: {keys}");
        }
        if let Some(check) = &repository.check_valid_until {
            let _ = writeln!(text, "Check-Valid-Until: {check}");
        }
        text.push('\n');
    }
    text
}

/// Whether an entry is for this archive of Debian's. Others use the same suite names (and some, `debian` in their path),
/// so an entry with keys of its own must look like a mirror in every way. What slips through is caught later: an index
/// counts only if its signed Release file says that Debian made it.
fn is_debian(entry: &Entry, uri: &str, archive: Archive) -> bool {
    let suites: Vec<_> = entry.suites.iter().filter_map(|suite| archive_of(suite)).collect();
    if uri.starts_with("cdrom:")
        || !suites.contains(&archive)
        || !entry.components.iter().any(|one| one == "main")
    {
        return false;
    }
    match entry.signed_by.as_deref() {
        None => true,
        Some(keys) if keys.contains("debian-archive-") => true,
        Some(_) => matches!(uri.trim_end_matches('/').rsplit('/').next(), Some("debian" | "debian-security")),
    }
}

/// `bookworm`, `bookworm-updates` -> main; `bookworm-security`, `buster/updates` -> security; others -> none.
fn archive_of(suite: &str) -> Option<Archive> {
    let suite = suite.trim_end_matches('/');
    let (release, pocket) = match suite.find(['-', '/']) {
        Some(at) => suite.split_at(at),
        None => (suite, ""),
    };
    if !RELEASES.contains(&release) {
        return None;
    }
    match pocket {
        "" | "-updates" | "-backports" | "-proposed-updates" => Some(Archive::Main),
        "-security" | "/updates" => Some(Archive::Security),
        _ => None,
    }
}

/// `.../debian-archive-bookworm-stable.gpg` -> `.../debian-archive-keyring.gpg`, if that is there.
fn any_release(keys: &str, exists: impl Fn(&Path) -> bool) -> String {
    let whole = |key: &str| {
        let path = Path::new(key);
        let of_one_release = path.file_name()?.to_str()?.starts_with("debian-archive-");
        let keyring = path.with_file_name("debian-archive-keyring.gpg");
        (path.is_absolute() && of_one_release && exists(&keyring))
            .then(|| keyring.to_str().map(str::to_owned))?
    };
    keys.split_whitespace().find_map(whole).unwrap_or_else(|| keys.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::configured::{parse_deb822, parse_one_line};
    use super::*;

    const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

    fn derived(entries: &[Entry]) -> Vec<Repository> {
        derive(entries, |path| path == Path::new(KEYRING))
    }

    fn uris_and_suites(repositories: &[Repository]) -> Vec<(&str, &str)> {
        repositories.iter().map(|one| (one.uri.as_str(), one.suite)).collect()
    }

    fn all_suites<'a>(main: &'a str, security: &'a str) -> Vec<(&'a str, &'static str)> {
        let of = |uri: &'a str, suites: &[&'static str]| {
            suites.iter().map(|suite| (uri, *suite)).collect::<Vec<_>>()
        };
        [of(main, ARCHIVE_SUITES), of(security, SECURITY_SUITES)].concat()
    }

    #[test]
    fn a_container_images_deb822_file_leads_to_every_suite_with_the_same_keys() {
        let entries = parse_deb822(&format!(
            "Types: deb\nURIs: http://m.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: {KEYRING}\n\n\
             Types: deb\nURIs: http://m.test/debian-security\nSuites: bookworm-security\nComponents: main\nSigned-By: {KEYRING}\n"
        ));
        let repositories = derived(&entries);
        assert_eq!(
            uris_and_suites(&repositories),
            all_suites("http://m.test/debian", "http://m.test/debian-security")
        );
        assert!(repositories.iter().all(|one| one.signed_by.as_deref() == Some(KEYRING)));
    }

    #[test]
    fn one_line_entries_for_packages_and_sources_lead_to_each_suite_once() {
        let entries = parse_one_line(
            "deb cdrom:[Debian GNU/Linux 12 amd64]/ bookworm main\n\
             deb http://m.test/debian/ bookworm main non-free-firmware\n\
             deb-src http://m.test/debian bookworm main\n\
             deb http://m.test/debian bookworm-backports main\n\
             deb http://s.test/ bookworm-security main\n",
        );
        let repositories = derived(&entries);
        assert_eq!(uris_and_suites(&repositories), all_suites("http://m.test/debian", "http://s.test"));
        assert!(repositories.iter().all(|one| one.signed_by.is_none()));
    }

    #[test]
    fn mirrors_in_odd_places_are_kept_as_they_are() {
        for uri in [
            "http://proxy.test:3142/ftp.m.test/pub/debian",
            "mirror+file:/etc/apt/mirrors/debian.list",
            "https://user@artifacts.test/api/debian-remote",
            "file:/srv/mirror/debian",
            "http://snapshot.test/archive/debian/20260101T000000Z",
        ] {
            let entries = parse_one_line(&format!("deb {uri} bookworm main"));
            let expected: Vec<_> = ARCHIVE_SUITES.iter().map(|suite| (uri, *suite)).collect();
            assert_eq!(uris_and_suites(&derived(&entries)), expected);
        }
    }

    #[test]
    fn an_archive_of_past_days_keeps_its_word_on_expiry() {
        let entries =
            parse_one_line("deb [check-valid-until=no] http://m.test/debian/20260101T000000Z/ bookworm main");
        let text = to_deb822(&derived(&entries));
        assert!(text.contains("Check-Valid-Until: no\n"), "{text}");
    }

    #[test]
    fn other_peoples_repositories_are_not_taken_for_debians() {
        for line in [
            "deb https://nodes.test/node_20.x nodistro main",
            "deb https://cloud.test/apt cloud-sdk-bookworm main",
            "deb [signed-by=/k/docker.gpg] https://docker.test/linux/debian bookworm stable",
            "deb [signed-by=/k/ms.gpg] https://ms.test/debian/12/prod bookworm main",
            "deb [signed-by=/k/php.gpg] https://php.test/php bookworm main",
            "deb [signed-by=/k/pg.gpg] https://pg.test/apt bookworm-pgdg main",
            "deb http://ubuntu.test/ubuntu noble main",
            "deb http://m.test/debian ./",
        ] {
            assert_eq!(derived(&parse_one_line(line)), [], "{line}");
        }
    }

    #[test]
    fn a_mirror_with_keys_of_its_own_is_taken_when_it_looks_like_one() {
        let entries = parse_one_line("deb [signed-by=/k/corp.gpg] https://corp.test/debian bookworm main");
        let repositories = derived(&entries);
        assert_eq!(repositories.len(), ARCHIVE_SUITES.len());
        assert_eq!(repositories[0].signed_by.as_deref(), Some("/k/corp.gpg"));
    }

    #[test]
    fn blind_trust_is_not_taken_over() {
        let entries =
            parse_one_line("deb [trusted=yes allow-insecure=yes] http://m.test/debian bookworm main");
        let text = to_deb822(&derived(&entries)).to_lowercase();
        assert!(!text.contains("trusted") && !text.contains("insecure"), "{text}");
    }

    #[test]
    fn the_keyring_of_one_release_becomes_the_keyring_of_all() {
        let line = "deb [signed-by=/usr/share/keyrings/debian-archive-bookworm-stable.gpg] http://m.test/debian bookworm main";
        assert_eq!(derived(&parse_one_line(line))[0].signed_by.as_deref(), Some(KEYRING));
        let without = derive(&parse_one_line(line), |_| false);
        assert!(
            without[0].signed_by.as_deref().unwrap().ends_with("bookworm-stable.gpg"),
            "there is no other"
        );
    }

    #[test]
    fn an_embedded_key_is_written_back_as_it_was() {
        let key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----";
        let entries = parse_deb822(&format!(
            "Types: deb\nURIs: http://corp.test/debian\nSuites: bookworm\nComponents: main\nSigned-By:{key}\n"
        ));
        let text = to_deb822(&derived(&entries));
        assert_eq!(parse_deb822(&text)[0].signed_by.as_deref(), Some(key), "{text}");
    }
}
