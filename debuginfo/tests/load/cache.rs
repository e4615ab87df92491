//! The cache of tables.

use crate::workshop::{Workshop, open};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::{Binary, DebugFile, Search};
use mcrx_harness::{Context, Explain, Result, anyhow, ensure};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const SOURCE: &str =
    "struct node { struct node *next; int n; }; struct node *head; int main(void) { return !head; }";

fn program(workshop: &Workshop<'_>, name: &str, more: &str) -> Result<PathBuf> {
    workshop.build("gcc", name, &[("source", &format!("{SOURCE}\n{more}"))], &["-g"])
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}

fn knows_node(table: &mcrx_debuginfo::table::Table) -> bool {
    table.types_named("node").next().and_then(|node| node.size()) == Some(16)
}

pub(crate) fn a_table_is_kept_and_mapped(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let folder = workshop.folder().join("cache/below");
    let (binary, cache) = (open(&program(&workshop, "program", "")?)?, Cache::at(&folder));
    let made = cache.table(&binary)?;
    let [file] = &files(&folder)?[..] else { return Err(anyhow!("{:?}", files(&folder)?)) };
    let mode = |path: &Path| fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
    ensure!(mode(file)? == 0o600 && mode(&folder)? == 0o700);
    let build_id = binary.build_id().context("no build-id")?.to_string();
    ensure!(file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&build_id)));
    ensure!(fs::read(file)? == made.as_bytes());
    // What is in the file is what comes out, not what would be loaded: a table of another version of this program.
    let other = open(&program(&workshop, "other", "int more;")?)?;
    let newer = mcrx_debuginfo::load::load(&other)?.as_bytes().to_vec();
    fs::write(file, &newer)?;
    ensure!(cache.table(&binary)?.as_bytes() == made.as_bytes(), "a table of another build-id was taken");
    let written = fs::metadata(file)?.modified()?;
    ensure!(cache.table(&binary)?.as_bytes() == made.as_bytes());
    ensure!(fs::metadata(file)?.modified()? == written && files(&folder)?.len() == 1, "it was loaded again");
    Ok(())
}

pub(crate) fn what_is_damaged_or_foreign_is_replaced(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let folder = workshop.folder().join("cache");
    let (binary, cache) = (open(&program(&workshop, "program", "")?)?, Cache::at(&folder));
    let made = cache.table(&binary)?.as_bytes().to_vec();
    let file = files(&folder)?.remove(0);
    let flipped = |place: usize| {
        let mut bytes = made.clone();
        bytes[place] ^= 4;
        bytes
    };
    let damages = [
        Vec::new(),
        b"short".to_vec(),
        vec![0; 4096],
        made[..made.len() / 2].to_vec(),
        made[..made.len() - 8].to_vec(),
        flipped(9),
        flipped(20),
        flipped(made.len() / 2),
        flipped(made.len() - 1),
    ];
    for (index, damage) in damages.iter().enumerate() {
        fs::write(&file, damage)?;
        ensure!(cache.table(&binary)?.as_bytes() == made, "damage {index}");
        ensure!(fs::read(&file)? == made, "damage {index} is still there");
    }
    Ok(())
}

pub(crate) fn a_folder_that_cannot_be_used_stops_nothing(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let binary = open(&program(&workshop, "program", "")?)?;
    // A file is in the way; the parent does not exist and cannot be made; the folder is full of air.
    let file = workshop.folder().join("file");
    fs::write(&file, "")?;
    for folder in
        [file.clone(), file.join("below"), PathBuf::from("/proc/nothing"), PathBuf::from("/dev/full")]
    {
        ensure!(knows_node(&Cache::at(folder).table(&binary)?));
    }
    // Others could have written into it.
    let open_to_all = workshop.folder().join("open");
    fs::create_dir(&open_to_all)?;
    fs::set_permissions(&open_to_all, Permissions::from_mode(0o777))?;
    ensure!(knows_node(&Cache::at(&open_to_all).table(&binary)?) && files(&open_to_all)?.is_empty());
    Ok(())
}

pub(crate) fn many_at_once_all_get_the_whole_table(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let (path, folder) = (program(&workshop, "program", "")?, workshop.folder().join("cache"));
    let expected = mcrx_debuginfo::load::load(&open(&path)?)?.as_bytes().to_vec();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..8)
            .map(|worker: usize| {
                let (path, folder, expected) = (&path, &folder, &expected);
                scope.spawn(move || -> Result<()> {
                    for round in 0..40_usize {
                        // Some damage or remove what the others are about to read.
                        if (worker + round).is_multiple_of(5)
                            && let Ok(files) = files(folder)
                            && let Some(file) = files.iter().find(|file| file.extension().is_none())
                        {
                            let other = file.with_extension(format!("{worker}.tmp"));
                            let _ = fs::write(&other, "damaged").and_then(|()| fs::rename(&other, file));
                        }
                        let table = Cache::at(folder).table(&open(path)?)?;
                        ensure!(table.as_bytes() == expected, "worker {worker}, round {round}");
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a worker has panicked"))??;
        }
        Ok(())
    })?;
    let left: Vec<_> =
        files(&folder)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "new")).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

pub(crate) fn a_debug_file_of_later_is_noticed(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let (path, folder) = (program(&workshop, "program", "")?, workshop.folder().join("cache"));
    let debug = workshop.folder().join("away.debug");
    workshop.run("objcopy", &["--only-keep-debug", "program", "program.debug"])?;
    workshop.run("strip", &["program"])?;
    workshop.run("objcopy", &["--add-gnu-debuglink=program.debug", "program"])?;
    fs::rename(workshop.folder().join("program.debug"), &debug)?;
    let search = Search { debug_roots: Vec::new(), debuginfod_cache: None, location: None };
    let cache = Cache::at(&folder);
    ensure!(cache.table(&Binary::open_with(&path, &search)?).is_err(), "a table of nothing");
    ensure!(!folder.exists() || files(&folder)?.is_empty());
    let beside = workshop.folder().join("program.debug");
    fs::rename(&debug, &beside)?;
    let binary = Binary::open_with(&path, &search)?;
    ensure!(matches!(binary.debug_file(), DebugFile::Separate(_)) && knows_node(&cache.table(&binary)?));
    ensure!(files(&folder)?.len() == 1);
    // Another debug file with the same build-id is another table.
    let later = SystemTime::now() + Duration::from_secs(100);
    fs::File::options().append(true).open(&beside)?.set_modified(later)?;
    ensure!(knows_node(&cache.table(&Binary::open_with(&path, &search)?)?) && files(&folder)?.len() == 2);
    Ok(())
}

pub(crate) fn the_oldest_tables_make_room(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let folder = workshop.folder().join("cache");
    let mut made = Vec::new();
    for index in 0..5 {
        let binary = open(&program(&workshop, &format!("program{index}"), &format!("int v{index};"))?)?;
        let before = if folder.exists() { files(&folder)? } else { Vec::new() };
        let length = Cache::at(&folder).table(&binary)?.as_bytes().len();
        let file = files(&folder)?.into_iter().find(|file| !before.contains(file)).context("not kept")?;
        let used = SystemTime::now() - Duration::from_secs(10_000 - index);
        fs::File::options().append(true).open(&file)?.set_modified(used)?;
        made.push((file, binary, u64::try_from(length)?));
    }
    // The first is used again, so that the second is the oldest.
    let _ = Cache::at(&folder).table(&made[0].1)?;
    let abandoned = folder.join("x.1-1.new");
    fs::write(&abandoned, "left by a crash")?;
    fs::File::options()
        .append(true)
        .open(&abandoned)?
        .set_modified(SystemTime::now() - Duration::from_secs(200_000))?;
    // The newest one is a little longer than each.
    let room = made.iter().map(|(.., length)| length).sum::<u64>() + 500;
    let newest = open(&program(&workshop, "newest", "int newest;")?)?;
    let _ = Cache::at(&folder).with_limit(room).table(&newest)?;
    let left = files(&folder)?;
    let is_left: Vec<bool> = made.iter().map(|(file, ..)| left.contains(file)).collect();
    ensure!(is_left == [true, false, true, true, true], "{is_left:?}");
    ensure!(left.len() == 5 && !abandoned.exists());
    // What is larger than all the room is not kept at all.
    let small = workshop.folder().join("small");
    let _ = Cache::at(&small).with_limit(100).table(&newest)?;
    ensure!(!small.exists() || files(&small)?.is_empty());
    Ok(())
}

pub(crate) fn without_build_id_nothing_is_kept(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    fs::write(workshop.folder().join("source.c"), SOURCE)?;
    workshop.run("gcc", &["-g", "-Wl,--build-id=none", "source.c", "-o", "program"])?;
    let folder = workshop.folder().join("cache");
    ensure!(knows_node(&Cache::at(&folder).table(&open(&workshop.folder().join("program"))?)?));
    ensure!(!folder.exists());
    Ok(())
}
