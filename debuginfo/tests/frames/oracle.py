# What gdb sees of a stopped process, as JSON: the frames of every thread, and the variables in each.
#
#   gdb -batch -nx -x oracle.py ...
#
# MCRX_ORACLE names the file to write. Then a line "ready" is written to standard output, and the process stays as it is until standard
# input ends. With MCRX_ORACLE_BREAK (a function), the program given to gdb is run to there first.

import gdb
import json
import os
import sys

ELEMENTS_MAX = 8
FRAMES_MAX = 400
REGISTERS = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
KEPT = "rbx rbp r12 r13 r14 r15".split()
NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_PTR)


def number(value, size):
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        value = value.cast(gdb.lookup_type("unsigned long"))
    return str(int(value) & ((1 << (8 * size)) - 1))


def leaves(value, offset, found):
    """The numbers that a value consists of: offset, size, number; None in place of one that was left out."""
    kind = value.type.strip_typedefs()
    if kind.code in NUMBERS:
        left_out = value.is_optimized_out
        found.append([offset, kind.sizeof, None if left_out else number(value, kind.sizeof)])
    elif kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        for field in kind.fields():
            if hasattr(field, "bitpos") and not field.bitsize and not field.is_base_class:
                leaves(value[field], offset + field.bitpos // 8, found)
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        low, high = kind.range()
        size = kind.target().strip_typedefs().sizeof
        for index in range(low, min(high, low + ELEMENTS_MAX - 1) + 1):
            leaves(value[index], offset + (index - low) * size, found)
    return found


def variable(frame, block, symbol):
    described = {"name": symbol.name, "line": symbol.line, "argument": symbol.is_argument}
    try:
        value = frame.read_var(symbol, block)
        described["size"] = value.type.strip_typedefs().sizeof
        described["type"] = str(symbol.type)
        if value.is_optimized_out:
            described["state"] = "optimized out"
        elif value.address is not None:
            described["state"] = "memory"
            described["address"] = str(int(value.address.cast(gdb.lookup_type("unsigned long"))))
        else:
            described["leaves"] = leaves(value, 0, [])
            described["state"] = "value"
    except Exception:
        described["state"] = "error"
    return described


def is_enumerator(symbol):
    kind = symbol.type.strip_typedefs()
    return kind.code == gdb.TYPE_CODE_ENUM and symbol.name in (field.name for field in kind.fields())


def variables(frame):
    try:
        block = frame.block()
    except RuntimeError:
        return None
    found = []
    while block is not None and not block.is_global and not block.is_static:
        for symbol in block:
            # Labels that were left out are variables to gdb.
            if str(symbol.type) == "__CORE_ADDR":
                continue
            if symbol.is_variable or symbol.is_argument or symbol.is_constant and not is_enumerator(symbol):
                found.append(variable(frame, block, symbol))
        if block.function is not None:
            break
        block = block.superblock
    return found


def registers(frame, names):
    found = {}
    for name in names:
        try:
            found[name] = str(int(frame.read_register(name)) & ((1 << 64) - 1))
        except Exception:
            pass
    return found


KINDS = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inline", gdb.SIGTRAMP_FRAME: "signal",
         gdb.TAILCALL_FRAME: "tail call"}


def thread_of(thread):
    thread.switch()
    frame = gdb.newest_frame()
    described = {"tid": thread.ptid[1], "registers": registers(frame, REGISTERS), "frames": []}
    while frame is not None and frame.is_valid() and len(described["frames"]) < FRAMES_MAX:
        frame.select()
        shown = gdb.execute("info frame", to_string=True)
        described["frames"].append({
            "name": frame.name(),
            "kind": KINDS.get(frame.type(), "other"),
            "pc": str(frame.pc()),
            "cfa": str(int(shown.split("frame at ")[1].split(":")[0].split()[0], 16)),
            "registers": registers(frame, KEPT),
            "variables": variables(frame),
        })
        frame = frame.older()
    described["end"] = str(gdb.frame_stop_reason_string(gdb.newest_frame().unwind_stop_reason()))
    return described


def main():
    for setting in ("pagination off", "confirm off", "debuginfod enabled off", "print frame-arguments none",
                    "backtrace past-main on", "backtrace past-entry on", "print entry-values no"):
        gdb.execute("set " + setting)
    stop = os.environ.get("MCRX_ORACLE_BREAK")
    if stop:
        gdb.execute("handle SIGUSR1 nostop noprint pass", to_string=True)
        gdb.execute("break " + stop, to_string=True)
        gdb.execute("run", to_string=True)
    inferior = gdb.selected_inferior()
    threads = sorted(inferior.threads(), key=lambda thread: thread.ptid[1])
    seen = {"pid": inferior.pid, "threads": [thread_of(thread) for thread in threads]}
    with open(os.environ["MCRX_ORACLE"], "w") as file:
        json.dump(seen, file)
    # Standard output is the program's, too.
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    os.read(0, 1)


try:
    main()
except Exception as error:
    sys.stderr.write("failed: %r\n" % error)
    sys.stderr.flush()
gdb.execute("set confirm off")
