//! What valgrind's memcheck says of a program.

use super::counts::{Class, Counts, LIBRARY};
use super::program::Program;
use mcrx_harness::{Context, Explain, Result, bail, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// What is lost, with these heuristics of its own.
pub(super) fn run(test: &Context, valgrind: &Path, program: &Program, heuristics: &str) -> Result<Counts> {
    // One file for each process: of those that fork, the one that looks says something.
    let reports = test.scratch().fresh("memcheck");
    std::fs::create_dir(&reports)?;
    let output = Command::new(valgrind)
        // The program says when to look. Nothing is looked for once more when it ends.
        .args([
            "--leak-check=no",
            "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=none",
        ])
        // Blocks lie higher than any number that is no pointer: ld.so keeps how many cycles it has taken, some tens of millions here.
        .arg("--aspace-minaddr=0x100000000")
        .args([&format!("--leak-check-heuristics={heuristics}"), "--leak-resolution=high", "--xml=yes"])
        .arg(format!("--xml-file={}/%p", reports.display()))
        .arg(&program.path)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.code().is_some(), "{output:?}");
    let mut counts = Counts::default();
    let mut finished = 0;
    for report in std::fs::read_dir(&reports)? {
        let report = std::fs::read_to_string(report?.path())?;
        // What comes after is what it finds when it looks once more, after the program's end.
        let Some((report, _)) = report.split_once("<state>FINISHED</state>") else { continue };
        finished += 1;
        for error in elements(report, "error") {
            add(&mut counts, error, program)?;
        }
    }
    ensure!(finished > 0, "valgrind did not finish: {}", String::from_utf8_lossy(&output.stderr));
    Ok(counts)
}

/// A record of losses.
fn add(counts: &mut Counts, error: &str, program: &Program) -> Result<()> {
    let class = match element(error, "kind")? {
        "Leak_DefinitelyLost" => Class::Direct,
        "Leak_IndirectlyLost" => Class::Indirect,
        "Leak_PossiblyLost" => Class::Possibly,
        // It may complain of something else.
        kind => bail!("{}: {kind}", program.file),
    };
    // "107 (100 direct, 7 indirect) bytes in 1 blocks are definitely lost": the indirect ones have a record of their own.
    let text = element(error, "text")?.replace(',', "");
    let words: Vec<&str> = text.split([' ', '(']).filter(|word| !word.is_empty()).collect();
    let before = |word: &str| {
        let at = words.iter().position(|found| *found == word).and_then(|at| at.checked_sub(1));
        at.and_then(|at| words.get(at)).and_then(|number| number.parse::<u64>().ok())
    };
    let bytes = before("direct").or_else(|| before("bytes")).with_context(|| text.clone())?;
    let blocks = before("blocks").with_context(|| text.clone())?;
    counts.add(&maker(error, program)?, class, blocks, bytes);
    Ok(())
}

/// The function that called the first of valgrind's own.
fn maker(error: &str, program: &Program) -> Result<String> {
    for frame in elements(error, "frame") {
        let object = Path::new(element(frame, "obj").unwrap_or_default());
        if object == program.path {
            let function = element(frame, "fn")?;
            return Ok(function.split('(').next().unwrap_or(function).to_owned());
        }
        let name = object.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("vgpreload_") {
            break;
        }
    }
    Ok(LIBRARY.to_owned())
}

/// What is in the elements of a name: valgrind's do not nest, and have no attributes.
fn elements<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(start.as_str()).skip(1).filter_map(|rest| rest.split(end.as_str()).next()).collect()
}

fn element<'x>(xml: &'x str, name: &str) -> Result<&'x str> {
    elements(xml, name).first().copied().with_context(|| format!("no {name} in {xml}"))
}
