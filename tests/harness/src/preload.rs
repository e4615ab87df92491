//! `libmcrx.so` as users get it, for tests that start programs under it.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the library is. The first call in a process has cargo build it, which takes no time when nothing has changed.
///
/// By a build of its own: in a build of the whole workspace it would share features with programs that use parts of it
/// which the library leaves out.
pub fn preload() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("libmcrx.so cannot be built: {error}"))
}

fn build() -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "mcrx-preload", "--profile", "preload"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout)?;
    library_in(&messages).context("cargo does not say where it is")
}

/// Where the messages of a build say that the library is.
fn library_in(messages: &str) -> Option<PathBuf> {
    let of_library =
        |message: &Value| message["target"]["kind"][0] == "cdylib" && message["target"]["name"] == "mcrx";
    let artifact = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).find(of_library)?;
    Some(PathBuf::from(artifact["filenames"][0].as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_among_the_messages_of_a_build() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"mcrx_allocator"},"filenames":["/t/libmcrx_allocator.rlib"]}
{"reason":"compiler-artifact","target":{"kind":["cdylib"],"name":"mcrx"},"filenames":["/t/preload/libmcrx.so"]}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(library_in(messages), Some(PathBuf::from("/t/preload/libmcrx.so")));
        assert_eq!(library_in("{}\nno json\n"), None);
    }
}
