//! Where the kernel believes the parts of a program's memory to be: what `PR_SET_MM_MAP` sets (prctl(2)).

/// Fields of `struct prctl_mm_map`, but for the executable's descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The program's code.
    pub start_code: u64,
    /// Its end.
    pub end_code: u64,
    /// The program's initialised variables.
    pub start_data: u64,
    /// Their end.
    pub end_data: u64,
    /// Where the heap that `brk(2)` moves begins.
    pub start_brk: u64,
    /// Where that ends now.
    pub brk: u64,
    /// The bottom of the main thread's stack.
    pub start_stack: u64,
    /// The command line's text.
    pub arg_start: u64,
    /// Its end.
    pub arg_end: u64,
    /// The environment's text.
    pub env_start: u64,
    /// Its end.
    pub env_end: u64,
    /// The auxiliary vector: pairs of words, with the last one of type `AT_NULL`, as `/proc/PID/auxv` has it.
    pub auxv: Vec<u64>,
}

impl Layout {
    /// From `/proc/PID/stat` (proc_pid_stat(5)), `/proc/PID/auxv`, and what `brk(2)` says.
    pub(super) fn parse(stat: &str, auxv: &[u8], brk: u64) -> Option<Layout> {
        // The name may have anything in it. What follows begins with the third field.
        let (_, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        let words = auxv.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_le_bytes));
        Some(Layout {
            start_code: field(26)?,
            end_code: field(27)?,
            start_data: field(45)?,
            end_data: field(46)?,
            start_brk: field(47)?,
            brk,
            start_stack: field(28)?,
            arg_start: field(48)?,
            arg_end: field(49)?,
            env_start: field(50)?,
            env_end: field(51)?,
            auxv: words.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_s_layout_is_read() {
        let stat = crate::process::read_text("/proc/self/stat").unwrap();
        let auxv = crate::process::read("/proc/self/auxv").unwrap();
        let layout = Layout::parse(&stat, &auxv, 77).unwrap();
        let maps = crate::process::maps::read(nix::unistd::Pid::this()).unwrap();
        let at = |address| crate::process::maps::holding(&maps, address).unwrap();
        assert!(at(layout.start_code).path().is_some() && at(layout.start_stack).is("stack"));
        assert!(at(layout.arg_start).is("stack") && layout.env_start >= layout.arg_end);
        assert_eq!((layout.brk, layout.auxv.len() % 2), (77, 0));
    }

    #[test]
    fn a_name_with_brackets_does_not_confuse_it() {
        let numbers: Vec<String> = (4..=52).map(|number| number.to_string()).collect();
        let stat = format!("17 (a) b (c)) S {}", numbers.join(" "));
        let layout = Layout::parse(&stat, &[], 0).unwrap();
        assert_eq!((layout.start_code, layout.env_end), (26, 51));
    }
}
