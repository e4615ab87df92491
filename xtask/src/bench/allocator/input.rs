//! Inputs that are too large to be kept: a C file for the compiler, a history for git. The same bytes in every run.

use super::workshop::run;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A linear congruential generator (Knuth's MMIX constants): what is drawn must not depend on a library's version.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A preprocessed C file with so many functions, each with loops, branches and calls enough to keep the optimiser busy.
pub(super) fn c_file(directory: &Path, functions: u64) -> Result<PathBuf> {
    let path = directory.join(format!("generated-{functions}.i"));
    fs::write(&path, c_text(functions)).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

fn c_text(functions: u64) -> String {
    let mut draw = Draw(1);
    let mut text = String::from("typedef struct node { struct node *next; int key; long value[4]; } node;\n");
    for function in 0..functions {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "long f{function}(node *list, int n, long *out) {{\n  long sum = 0, carry = n;");
        for _ in 0..2 + draw.below(4) {
            let (a, b, slot) = (draw.below(90) + 2, draw.below(60) + 1, draw.below(4));
            let _ = match draw.below(5) {
                0 => writeln!(
                    text,
                    "  for (int i = 0; i < n % {a}; i++) sum += out[i & 7] * {b} + (carry >> (i & 3));"
                ),
                1 => writeln!(
                    text,
                    "  for (node *p = list; p; p = p->next) if (p->key % {a} == {b} % {a}) carry ^= p->value[{slot}]; \
                     else sum -= p->key;"
                ),
                2 => writeln!(
                    text,
                    "  switch ((sum + n) % 5) {{ case 0: carry += {a}; break; case 1: sum = carry * {b}; case 2: carry--; \
                     break; case 3: out[{slot}] = sum; break; default: sum ^= {a}; }}"
                ),
                3 => writeln!(
                    text,
                    "  while (carry > {a} && sum < {b}00000) {{ carry -= {b}; sum += carry & {a}; out[sum & 7] = carry; }}"
                ),
                _ => writeln!(
                    text,
                    "  if (n > {b}) sum += f{}(list ? list->next : list, n - {a}, out);",
                    draw.below(function + 1)
                ),
            };
        }
        text += "  return sum + carry;\n}\n";
    }
    text
}

/// A git repository with so many commits to a few hundred files, packed as `git fast-import` leaves it.
pub(super) fn repository(directory: &Path, git: &Path, commits: u64) -> Result<PathBuf> {
    let repository = directory.join(format!("history-{commits}.git"));
    if repository.exists() {
        return Ok(repository);
    }
    let stream = directory.join("stream");
    fs::write(&stream, history(commits))
        .with_context(|| format!("{} cannot be written", stream.display()))?;
    // Of nobody's configuration.
    let git = || {
        let mut command = Command::new(git);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").stdin(Stdio::null());
        command
    };
    run(git().args(["init", "--quiet", "--bare"]).arg(&repository))?;
    run(git()
        .arg("-C")
        .arg(&repository)
        .args(["fast-import", "--quiet"])
        .stdin(File::open(&stream).with_context(|| format!("{} cannot be read", stream.display()))?))?;
    fs::remove_file(&stream)?;
    Ok(repository)
}

/// What `git fast-import` reads (its manual page gives the grammar).
fn history(commits: u64) -> String {
    const FILES: usize = 240;
    let mut draw = Draw(2);
    let mut files: Vec<Vec<String>> =
        (0..FILES).map(|_| (0..120).map(|_| line(&mut draw)).collect()).collect();
    let mut stream = String::new();
    for commit in 0..commits {
        let _ = writeln!(
            stream,
            "commit refs/heads/main\ncommitter A U Thor <author@example.com> {} +0000",
            1_600_000_000 + commit * 3600
        );
        let message = format!("Change {commit}: {}\n", line(&mut draw));
        let _ = write!(stream, "data {}\n{message}", message.len());
        for _ in 0..1 + draw.below(4) {
            let index = usize::try_from(draw.below(240)).unwrap_or(0);
            let file = &mut files[index];
            for _ in 0..1 + draw.below(6) {
                let at = usize::try_from(draw.below(100)).unwrap_or(0);
                match draw.below(3) {
                    0 => file.insert(at, line(&mut draw)),
                    1 if file.len() > 110 => drop(file.remove(at)),
                    _ => file[at] = line(&mut draw),
                }
            }
            let content = file.concat();
            let _ = write!(
                stream,
                "M 100644 inline module{}/part{}/file{index}.c\ndata {}\n{content}\n",
                index % 8,
                index % 5,
                content.len()
            );
        }
    }
    stream
}

/// One that looks like code.
fn line(draw: &mut Draw) -> String {
    let indent = usize::try_from(draw.below(4)).unwrap_or(0);
    format!(
        "{}value_{} = call_{}(argument_{}, {});\n",
        "    ".repeat(indent),
        draw.below(500),
        draw.below(300),
        draw.below(900),
        draw.below(100_000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_the_same_in_every_run() {
        assert_eq!(c_text(30), c_text(30));
        assert_eq!(history(30), history(30));
    }

    #[test]
    fn a_functions_calls_go_to_itself_or_to_those_before() {
        // Otherwise the file would not compile.
        for (number, function) in c_text(200).split("\nlong f").skip(1).enumerate() {
            for call in function.split("sum += f").skip(1) {
                let called: usize = call.split('(').next().unwrap().parse().unwrap();
                assert!(called <= number, "f{number} calls f{called}");
            }
        }
    }

    #[test]
    fn a_history_announces_the_length_of_each_piece_of_data() {
        let stream = history(5);
        let mut rest = stream.as_str();
        let mut pieces = 0;
        while let Some((_, data)) = rest.split_once("\ndata ") {
            let (length, data) = data.split_once('\n').unwrap();
            rest = &data[length.parse::<usize>().unwrap() - 1..];
            assert!(rest.starts_with('\n'), "{rest:.40}");
            pieces += 1;
        }
        assert!(pieces >= 10);
    }
}
