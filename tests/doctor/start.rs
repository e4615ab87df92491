//! Files that the loader does not load the library into.

use crate::build::Folder;
use crate::{codes, facts, message, text};
use mcrx_harness::is_root;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[test]
fn static_programs_are_found() {
    let folder = Folder::new();
    assert_eq!(codes(&folder.program("static", &["-static"])), ["error static"]);
    assert_eq!(codes(&folder.program("static-pie", &["-static-pie"])), ["error static"]);
}

#[test]
fn programs_with_more_rights_than_their_users_are_found() {
    let folder = Folder::new();
    for (mode, want) in [(0o4755, "setuid"), (0o2755, "setgid"), (0o644, "not-executable")] {
        let program = folder.program(want, &[]);
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(codes(&program), [format!("error {want}")]);
    }
    let both = folder.program("both", &[]);
    fs::set_permissions(&both, fs::Permissions::from_mode(0o6755)).unwrap();
    assert_eq!(codes(&both), ["error setuid", "error setgid"]);
}

#[test]
fn programs_with_file_capabilities_are_found() {
    // Only root can give them.
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let program = folder.program("capable", &[]);
    // Version 2, effective: CAP_NET_BIND_SERVICE (vfs_cap_data in linux/capability.h).
    let mut value = [0u8; 20];
    value[..4].copy_from_slice(&0x0200_0001u32.to_le_bytes());
    value[4..8].copy_from_slice(&(1u32 << 10).to_le_bytes());
    let set = rustix::fs::setxattr(&program, "security.capability", &value, rustix::fs::XattrFlags::empty());
    set.expect("root can set capabilities");
    assert_eq!(codes(&program), ["error capabilities"]);
}

#[test]
fn programs_of_another_c_library_or_without_a_loader_are_found() {
    let folder = Folder::new();
    let musl = folder.program("musl", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    assert_eq!(codes(&musl), ["error musl"]);
    let nowhere = folder.program("nowhere", &["-Wl,--dynamic-linker=/nowhere/ld.so"]);
    assert_eq!(codes(&nowhere), ["error no-loader"]);
    assert!(message(&nowhere, "no-loader").contains("/nowhere/ld.so"));
}

#[test]
fn a_missing_library_is_named_with_who_needs_it() {
    let folder = Folder::new();
    let library = folder.compile("libgone.so", "int gone(void) { return 1; }\n", &["-shared", "-fPIC"]);
    let source = "int gone(void); int main(void) { return gone(); }\n";
    let program = folder.compile("program", source, &[library.to_str().unwrap()]);
    fs::remove_file(library).unwrap();
    assert_eq!(codes(&program), ["error missing-library"]);
    // Linked by path, it is looked for by path.
    assert!(message(&program, "missing-library").contains("libgone.so"));
}

#[test]
fn libraries_are_found_where_the_program_says() {
    let folder = Folder::new();
    let parts = folder.path("parts");
    fs::create_dir(&parts).unwrap();
    let shared = &["-shared", "-fPIC"];
    folder.compile("parts/libinner.so", "int inner(void) { return 1; }\n", shared);
    let directory = format!("-L{}", parts.display());
    folder.compile(
        "parts/libouter.so",
        "int inner(void); int outer(void) { return inner(); }\n",
        &["-shared", "-fPIC", &directory, "-linner"],
    );
    let source = "int outer(void); int main(void) { return outer(); }\n";
    let link = |name: &str, path: &str| {
        let rpath_link = format!("-Wl,-rpath-link,{}", parts.display());
        folder.compile(name, source, &[&directory, "-louter", &rpath_link, path])
    };
    // DT_RPATH counts for the libraries of its libraries; DT_RUNPATH does not.
    let by_rpath = link("by-rpath", "-Wl,--disable-new-dtags,-rpath,$ORIGIN/parts");
    assert_eq!(codes(&by_rpath), Vec::<String>::new());
    let found = facts(&by_rpath);
    let libraries: Vec<&str> =
        found["libraries"].as_array().unwrap().iter().map(|l| text(l, "name")).collect();
    assert_eq!(libraries, ["libouter.so", "libc.so.6", "libinner.so", "ld-linux-x86-64.so.2"]);
    let by_runpath = link("by-runpath", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/parts");
    assert_eq!(codes(&by_runpath), ["error missing-library"]);
    assert!(message(&by_runpath, "missing-library").contains("libouter.so needs libinner.so"));
}

#[test]
fn files_that_are_no_programs_are_found() {
    let folder = Folder::new();
    assert_eq!(codes(&folder.write("text", "hello\n")), ["error no-program"]);
    assert_eq!(codes(&folder.write("empty", "")), ["error no-program"]);
    assert_eq!(codes(&folder.program("object", &["-c"])), ["error no-program"]);
    let library = folder.compile("library.so", "int f(void) { return 1; }\n", &["-shared", "-fPIC"]);
    assert_eq!(codes(&library), ["error library"]);
}

#[test]
fn scripts_lead_to_their_interpreters() {
    let folder = Folder::new();
    for (line, interpreter) in [("#!/bin/sh", "/bin/sh"), ("#!/usr/bin/env python3", "python3")] {
        let script = folder.write("script", format!("{line}\ntrue\n"));
        assert_eq!(codes(&script), ["error script"]);
        assert_eq!(
            facts(&script)["findings"][0]["help"],
            format!("ask about that: mcrx doctor {interpreter}")
        );
    }
}

#[test]
fn programs_of_other_machines_are_found() {
    let folder = Folder::new();
    let mut elf = fs::read(folder.program("x86-64", &[])).unwrap();
    elf[18] = 183;
    assert!(message(&folder.write("arm", &elf), "machine").contains("64-bit ARM"));
    elf[4] = 1;
    elf[18] = 3;
    assert!(message(&folder.write("i386", &elf), "machine").contains("32-bit x86"));
}

#[test]
fn a_damaged_program_is_a_finding_wherever_it_is_cut_or_changed() {
    let folder = Folder::new();
    let whole = fs::read(folder.program("whole", &[])).unwrap();
    for len in [20, 63, 64, 100, 1000, whole.len() / 2, whole.len() - 1] {
        let cut = folder.write("cut", &whole[..len]);
        assert!(!codes(&cut).is_empty(), "cut to {len}");
    }
    // Any byte of the header and of the program headers: it may become fine or not, but never the end of us.
    for at in 16..400 {
        let mut changed = whole.clone();
        changed[at] ^= 0xFF;
        codes(&folder.write("changed", &changed));
    }
}

#[test]
fn a_file_whose_name_is_no_text_is_looked_at_like_any_other() {
    let folder = Folder::new();
    let program = folder.program("plain", &[]);
    let odd = folder.path("").join(OsStr::from_bytes(b"\xFF"));
    fs::rename(program, &odd).unwrap();
    for arguments in [&[][..], &["--json"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcrx"))
            .arg("doctor")
            .args(arguments)
            .arg(&odd)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn debians_own_programs_are_seen_for_what_they_are() {
    for (program, want) in [("/sbin/ldconfig", "error static"), ("/usr/bin/ldd", "error script")] {
        if Path::new(program).exists() {
            assert_eq!(codes(Path::new(program))[0], want, "{program}");
        }
    }
    for program in ["/usr/bin/passwd", "/usr/bin/su", "/usr/bin/mount"] {
        let Ok(metadata) = fs::metadata(program) else { continue };
        let setuid = metadata.permissions().mode() & 0o4000 != 0;
        assert_eq!(codes(Path::new(program)).contains(&"error setuid".to_owned()), setuid, "{program}");
    }
    let shell = Command::new("sh").args(["-c", "readlink -f /proc/$$/exe"]).output().unwrap();
    let shell = String::from_utf8(shell.stdout).unwrap();
    assert!(codes(Path::new(shell.trim())).iter().all(|code| code.starts_with("warning")), "{shell}");
}
