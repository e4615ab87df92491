//! System calls that held threads make.

use super::{check, server, with_hands};
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_harness::{Context, Explain as _, Result, ensure};
use mcrx_live::hold::{Code, HandsError, Registers};
use mcrx_live::process::{maps, status};
use nix::errno::Errno;
use nix::libc;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

pub(crate) fn calls_are_made_and_leave_no_trace(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "interrupted"])?;
    let process = program.pid();
    let before = maps::read(process)?;
    let code = Code::find(process, &before).context("no instructions")?;
    for round in 0..40 {
        let (time, held) = with_hands(process, |held, hands| {
            hands.know(process, &code);
            let start = Instant::now();
            for thread in &held.processes[0].threads {
                let id = u64::from(thread.id.as_raw().unsigned_abs());
                let (scratch, len) = hands.scratch(thread.id)?;
                ensure!(len >= 4096 && scratch < thread.stack_pointer - 128);
                hands.memory(process)?.write(Address(scratch), &[round; 4096])?;
                ensure!(hands.system_call(thread.id, libc::SYS_gettid, [0; 6])? == id);
                ensure!(hands.system_call(thread.id, libc::SYS_uname, [scratch, 0, 0, 0, 0, 0])? == 0);
                let mut name = [0; 5];
                hands.memory(process)?.read(Address(scratch), &mut name)?;
                ensure!(&name == b"Linux", "{name:?}");
                let own = hands.registers(thread.id)?;
                ensure!(own.rsp == thread.stack_pointer && own.rip == thread.instruction_pointer);
            }
            Ok(start.elapsed())
        })?;
        if round == 39 {
            eprintln!("{} threads: {time:.1?} of {held:.1?}", status::threads(process).len());
        }
        check(&mut program)?;
    }
    ensure!(maps::read(process)?.len() == before.len());
    Ok(())
}

pub(crate) fn an_error_of_a_call_is_told(test: &Context) -> Result<()> {
    let mut program = server(test, &[])?;
    let process = program.pid();
    with_hands(process, |_, hands| {
        let outcome = hands.system_call(process, libc::SYS_close, [999, 0, 0, 0, 0, 0]);
        let expected = HandsError::Call { thread: process, call: 3, errno: Errno::EBADF };
        ensure!(outcome == Err(expected), "{outcome:?}");
        Ok(())
    })?;
    check(&mut program)
}

/// Where a function of our own C library is in a process that has the same.
pub(crate) fn address_in(process: mcrx_harness::Pid, function: usize) -> Result<u64> {
    let libc = |pid| -> Result<u64> {
        let of_libc = |mapping: &&maps::Mapping| {
            mapping.path().is_some_and(|path| path.file_name().is_some_and(|name| name == "libc.so.6"))
        };
        Ok(maps::read(pid)?.iter().find(of_libc).context("no C library")?.range.start)
    };
    Ok(function as u64 - libc(mcrx_harness::Pid::this())? + libc(process)?)
}

pub(crate) fn a_function_is_called_and_what_it_returns_comes_back(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "interrupted"])?;
    let process = program.pid();
    let negated = address_in(process, libc::labs as *const () as usize)?;
    for round in 0..20u64 {
        with_hands(process, |held, hands| {
            for thread in &held.processes[0].threads {
                let own = hands.registers(thread.id)?;
                let with = Registers { rsp: own.rsp - 10_000, ..own };
                let minus = 0u64.wrapping_sub(round + 5);
                let result = hands.call(thread.id, &with, negated, &[minus], Duration::from_secs(5))?;
                ensure!(result == round + 5, "labs({}) is {result}", minus.cast_signed());
                ensure!(hands.system_call(thread.id, libc::SYS_getpid, [0; 6]).is_ok());
            }
            Ok(())
        })?;
        check(&mut program)?;
    }
    Ok(())
}

pub(crate) fn a_function_that_fails_or_hangs_is_left_and_its_thread_goes_on(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "interrupted"])?;
    let process = program.pid();
    let waits = address_in(process, libc::pause as *const () as usize)?;
    for _ in 0..10 {
        with_hands(process, |_, hands| {
            let own = hands.registers(process)?;
            let outcome = hands.call(process, &own, 8, &[], Duration::from_secs(5));
            ensure!(
                outcome == Err(HandsError::Crashed { thread: process, signal: libc::SIGSEGV }),
                "{outcome:?}"
            );
            let outcome = hands.call(process, &own, waits, &[], Duration::from_millis(3));
            ensure!(outcome == Err(HandsError::TooLong(process)), "{outcome:?}");
            let id = u64::from(process.as_raw().unsigned_abs());
            ensure!(hands.system_call(process, libc::SYS_getpid, [0; 6])? == id);
            Ok(())
        })?;
        check(&mut program)?;
    }
    Ok(())
}

pub(crate) fn descriptors_go_in_and_come_out(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4"])?;
    let process = program.pid();
    let files: Vec<tempfile::NamedTempFile> =
        (0..300).map(|_| tempfile::NamedTempFile::new()).collect::<std::io::Result<_>>()?;
    let listed = || std::fs::read_dir(format!("/proc/{process}/fd")).map(|all| all.count());
    let before = listed()?;
    with_hands(process, |_, hands| {
        let borrowed: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let numbers = hands.pass(process, &borrowed)?;
        ensure!(numbers.len() == files.len() && listed()? == before + files.len(), "{numbers:?}");
        for (number, file) in numbers.iter().zip(&files) {
            let link = std::fs::read_link(format!("/proc/{process}/fd/{number}"))?;
            ensure!(link == file.path(), "{link:?} is not {file:?}");
            let back = std::fs::File::from(hands.take(process, *number)?);
            let (one, other) = (back.metadata()?, file.as_file().metadata()?);
            ensure!(one.ino() == other.ino());
            hands.close(process, *number)?;
        }
        Ok(())
    })?;
    ensure!(listed()? == before, "{} were {before}", listed()?);
    check(&mut program)
}

pub(crate) fn many_calls_of_all_threads_are_made_at_once(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "interrupted"])?;
    let process = program.pid();
    let code = Code::find(process, &maps::read(process)?).context("no instructions")?;
    for round in 0..40 {
        let (time, _) = with_hands(process, |held, hands| {
            hands.know(process, &code);
            let start = Instant::now();
            let threads = &held.processes[0].threads;
            let extended = hands.extended_registers(process)?;
            let wanted = threads.iter().map(|thread| {
                let calls = [libc::SYS_gettid, libc::SYS_close, libc::SYS_getpid]
                    .map(|call| (call, [999, 0, 0, 0, 0, 0]));
                (thread.id, calls.repeat(8))
            });
            let results = hands.system_calls(&wanted.collect::<Vec<_>>())?;
            let id = |pid: mcrx_harness::Pid| u64::from(pid.as_raw().unsigned_abs());
            for (thread, results) in threads.iter().zip(results) {
                let expected = [Ok(id(thread.id)), Err(Errno::EBADF), Ok(id(process))].repeat(8);
                ensure!(results == expected, "{results:?}");
            }
            ensure!(hands.system_call(process, libc::SYS_getpid, [0; 6])? == id(process));
            ensure!(hands.extended_registers(process)? == extended);
            Ok(start.elapsed())
        })?;
        if round == 39 {
            eprintln!("{} threads, 24 calls each: {time:.1?}", status::threads(process).len());
        }
        check(&mut program)?;
    }
    Ok(())
}

/// Root may suspend its filter; whoever may not is told so, and the process is as it was.
pub(crate) fn a_filtered_process_makes_calls_where_its_filter_can_be_suspended(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "filter"])?;
    let process = program.pid();
    let outcome = with_hands(process, |_, hands| {
        let calls = [libc::SYS_getpid, libc::SYS_socketpair].map(|call| (call, [0; 6])).to_vec();
        let one = hands.system_call(process, libc::SYS_sched_yield, [0; 6])?;
        Ok((one, hands.system_calls(&[(process, calls)])?))
    });
    match outcome {
        Ok(((one, many), _)) => {
            let id = u64::from(process.as_raw().unsigned_abs());
            ensure!(
                one == 0 && many[0][0] == Ok(id) && many[0][1].is_err_and(|errno| errno != Errno::EPERM),
                "{many:?}"
            );
        }
        Err(error) => ensure!(
            !nix::unistd::geteuid().is_root()
                && matches!(error.downcast_ref(), Some(HandsError::Filtered { .. })),
            "{error:#}"
        ),
    }
    check(&mut program)
}
