//! Sites that were found once are taken from the cache, and only while they are what would be found.

use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::{self, Options, Sites, Verdict};
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Context, Explain, Result, Suite, anyhow, ensure, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Servers whose sites are found anew and taken from the cache: small ones, since other tests find those of all.
const SERVERS: [&str; 3] = ["nginx", "memcached", "vsftpd"];

pub(crate) fn tests(suite: Suite) -> Suite {
    let gcc = [program("gcc")];
    let suite = SERVERS
        .into_iter()
        .fold(suite, |suite, name| suite.each(name, [], sites_from_the_cache_are_those_that_are_found));
    suite
        .test(gcc.clone(), damaged_sites_are_found_anew)
        .test(gcc.clone(), sites_of_another_build_are_not_taken)
        .test(gcc.clone(), sites_of_another_question_are_not_taken)
        .test(gcc, sites_of_a_source_that_has_changed_are_found_anew)
}

const SOURCE: &str = "
#include <stdlib.h>
struct node { struct node *next; int n; } *head;
void *pool(size_t size) { return malloc(size); }
int main(void) {
    head = malloc(sizeof(struct node));
    head->next = malloc(sizeof(struct node));
    char *name = pool(7);
    return !name;
}
";

fn found(binary: &Binary, table: &Table, options: &Options) -> Result<Sites> {
    Ok(sites::find(binary, table, Some(&binary.dwarf()?), options))
}

fn sites_from_the_cache_are_those_that_are_found(test: &Context) -> Result<()> {
    let server = test.first_server()?;
    let binary = Binary::open(&server.path)?;
    let cache = Cache::at(test.scratch().fresh("cache"));
    let table = cache.table(&binary)?;
    let options = Options::default();
    let expected = found(&binary, &table, &options)?;
    ensure!(cache.sites(&binary, &table, &options).as_bytes() == expected.as_bytes());
    // The same from a table that was mapped.
    let again = Binary::open(&server.path)?;
    let sites = cache.sites(&again, &cache.table(&again)?, &options);
    ensure!(sites.as_bytes() == expected.as_bytes() && sites.iter().len() > 20);
    Ok(())
}

/// A small program, its table and a cache with its sites.
struct Kept {
    folder: PathBuf,
    binary: Binary,
    cache: Cache,
    table: Table,
}

impl Kept {
    fn new(test: &Context) -> Result<Kept> {
        let folder = test.scratch().fresh("program");
        fs::create_dir_all(&folder)?;
        let binary = Binary::open(&compiled(test, &folder, "program", SOURCE)?)?;
        let cache = Cache::at(folder.join("cache"));
        let table = cache.table(&binary)?;
        let kept = Kept { folder, binary, cache, table };
        ensure!(kept.sites(&Options::default()).iter().len() == 4 && kept.files()?.len() == 1);
        Ok(kept)
    }

    fn sites(&self, options: &Options) -> Sites {
        self.cache.sites(&self.binary, &self.table, options)
    }

    /// Those that have sites.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.folder.join("cache"))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
        files.retain(|file| file.extension().is_some_and(|end| end == "sites"));
        Ok(files)
    }

    fn file(&self) -> Result<PathBuf> {
        self.files()?.pop().context("nothing is kept")
    }
}

fn compiled(test: &Context, folder: &Path, name: &str, source: &str) -> Result<PathBuf> {
    fs::write(folder.join(format!("{name}.c")), source)?;
    let mut command = Command::new(test.program("gcc")?);
    command.args(["-g", "-O1", "-Wl,--build-id", &format!("{name}.c"), "-o", name]).current_dir(folder);
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(folder.join(name))
}

fn damaged_sites_are_found_anew(test: &Context) -> Result<()> {
    let kept = Kept::new(test)?;
    let (file, options) = (kept.file()?, Options::default());
    let made = fs::read(&file)?;
    let cut = (0..made.len()).step_by(61).map(|len| made[..len].to_vec());
    let flipped = (0..made.len()).step_by(31).map(|place| {
        let mut bytes = made.clone();
        bytes[place] ^= 1 << (place % 8);
        bytes
    });
    for (index, damage) in cut.chain(flipped).enumerate() {
        fs::write(&file, damage)?;
        ensure!(kept.sites(&options).as_bytes() == made, "damage {index} was taken");
        ensure!(fs::read(&file)? == made, "damage {index} is still there");
    }
    Ok(())
}

fn sites_of_another_build_are_not_taken(test: &Context) -> Result<()> {
    let kept = Kept::new(test)?;
    let options = Options::default();
    let source = SOURCE.replace("int n;", "int n; long more;");
    let other = Binary::open(&compiled(test, &kept.folder, "other", &source)?)?;
    let table = kept.cache.table(&other)?;
    let expected = found(&other, &table, &options)?;
    ensure!(kept.cache.sites(&other, &table, &options).as_bytes() == expected.as_bytes());
    // Nor under the name of the first.
    let [first, second] = &kept.files()?[..] else { return Err(anyhow!("{:?}", kept.files())) };
    let (one, two) = (fs::read(first)?, fs::read(second)?);
    fs::write(first, &two)?;
    fs::write(second, &one)?;
    ensure!(kept.cache.sites(&other, &table, &options).as_bytes() == expected.as_bytes());
    let own = found(&kept.binary, &kept.table, &options)?;
    ensure!(kept.sites(&options).as_bytes() == own.as_bytes());
    Ok(())
}

fn sites_of_another_question_are_not_taken(test: &Context) -> Result<()> {
    let kept = Kept::new(test)?;
    let binary_only = Options { binary_only: true, ..Options::default() };
    let extra = Options { extra: vec!["keep".to_owned()], ..Options::default() };
    for options in [&binary_only, &extra] {
        let expected = found(&kept.binary, &kept.table, options)?;
        ensure!(kept.sites(options).as_bytes() == expected.as_bytes());
    }
    ensure!(kept.files()?.len() == 3, "{:?}", kept.files()?);
    Ok(())
}

fn sites_of_a_source_that_has_changed_are_found_anew(test: &Context) -> Result<()> {
    let kept = Kept::new(test)?;
    let (options, source) = (Options::default(), kept.folder.join("program.c"));
    let typed =
        |sites: &Sites| sites.iter().filter(|site| matches!(site.verdict(), Verdict::Typed { .. })).count();
    let before = typed(&kept.sites(&options));
    ensure!(before > 0, "none is typed");
    // What the source says now goes against what the binary says.
    fs::write(&source, SOURCE.replace("sizeof(struct node)", "sizeof(int) * 4"))?;
    let changed = kept.sites(&options);
    ensure!(changed.as_bytes() == found(&kept.binary, &kept.table, &options)?.as_bytes());
    ensure!(typed(&changed) < before, "the source was not looked at");
    // One that is gone is no source, and one that comes back is noticed.
    fs::remove_file(&source)?;
    ensure!(typed(&kept.sites(&options)) == before);
    fs::write(&source, SOURCE)?;
    let file = kept.file()?;
    let written = fs::metadata(&file)?.modified()?;
    fs::File::options().append(true).open(&file)?.set_modified(SystemTime::UNIX_EPOCH)?;
    ensure!(typed(&kept.sites(&options)) == before);
    ensure!(fs::metadata(&file)?.modified()? >= written, "it was not found anew");
    Ok(())
}
