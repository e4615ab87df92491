//! What must be installed before a recipe can be built: Debian packages, installed when we may, named when not.

use crate::command::{command, is_installed, output_of};
use crate::recipe::Recipe;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

/// What every recipe needs.
const BASE: &[&str] = &["dpkg-dev", "gcc", "libc6-dev", "make", "patch", "pkg-config", "xz-utils"];

/// Sees to it that a recipe's packages are installed.
pub(crate) fn provide(recipe: &Recipe, narrate: &mut dyn FnMut(&str)) -> Result<(), String> {
    provide_all(recipe.packages, narrate)
}

/// Sees to it that there is a compiler.
pub(crate) fn provide_compiler(narrate: &mut dyn FnMut(&str)) -> Result<(), String> {
    provide_all(&[], narrate)
}

fn provide_all(packages: &[&str], narrate: &mut dyn FnMut(&str)) -> Result<(), String> {
    if !is_installed("dpkg-query") || !is_installed("apt-get") {
        return Err(format!(
            "servers are built on Debian and its kin; wanted here: {}",
            wanted(packages).join(" ")
        ));
    }
    let missing = missing_of(&wanted(packages), &installed(packages)?);
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !is_root() {
        return Err(format!("packages are missing; as root: {line}"));
    }
    narrate(&format!("installing {}", missing.join(" ")));
    // The lists may be old or not there at all; somebody else's repository may be out of order.
    if install(&missing).is_ok() {
        return Ok(());
    }
    let updated = output_of(command("apt-get").args(["-o", "DPkg::Lock::Timeout=600", "update"]));
    install(&missing).map_err(|reason| match updated {
        Ok(_) => format!("{line}: {reason}"),
        Err(update) => format!("{line}: {reason} (and {update})"),
    })
}

fn wanted<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    BASE.iter().chain(packages).copied().collect()
}

/// Which of them dpkg has, by name without architecture.
fn installed(packages: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut query = command("dpkg-query");
    query
        .args(["--show", "--showformat", "${db:Status-Status} ${Package} ${Provides}\n"])
        .args(wanted(packages));
    // It fails when one is not known at all, and lists the others all the same.
    let output = crate::command::run(&mut query)?;
    Ok(parse_installed(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_installed(listing: &str) -> BTreeSet<String> {
    let lines = listing.lines().filter_map(|line| line.strip_prefix("installed "));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn missing_of<'a>(wanted: &[&'a str], installed: &BTreeSet<String>) -> Vec<&'a str> {
    wanted.iter().copied().filter(|package| !installed.contains(*package)).collect()
}

fn install(packages: &[&str]) -> Result<(), String> {
    let mut install = command("apt-get");
    install
        .args(["-o", "DPkg::Lock::Timeout=600", "install", "--yes", "--no-install-recommends"])
        .args(packages);
    output_of(&mut install).map(drop)
}

/// Whether this process acts as root: /proc/self belongs to its effective user.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_or_never_known_is_missing() {
        let listing = "installed gcc c-compiler\nconfig-files libevent-dev \ninstalled libssl-dev \n";
        let missing =
            missing_of(&["gcc", "libevent-dev", "libpcre2-dev", "libssl-dev"], &parse_installed(listing));
        assert_eq!(missing, ["libevent-dev", "libpcre2-dev"]);
    }
}
