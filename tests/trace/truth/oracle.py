# What gdb says of expressions in a process that it holds.
#
#   gdb -batch -nx -p PID -x oracle.py
#
# It writes a core file of the process (MCRX_CORE), and says "ready" on standard error. Then it reads questions, as lines of JSON, until
# its input ends, answers each by a line of JSON in the file MCRX_ANSWERS, and lets the process go.
#
#   {"expression": "server.port", "tid": 4711, "function": "main"}    the last two: in this frame of this thread
#   {"tid": 4711, "locals": true}                                     all variables of all frames of a thread

import gdb
import json
import os
import sys

FRAMES_MAX = 200
WORD = (1 << 64) - 1


class Refused(Exception):
    pass


def plain(kind):
    """Without typedefs and qualifiers around it."""
    while True:
        stripped = kind.unqualified().strip_typedefs().unqualified()
        if str(stripped) == str(kind):
            return stripped
        kind = stripped


def address_of(value):
    # A bit-field has none, and neither has what is in a register.
    try:
        return None if value.address is None else str(int(value.address.cast(gdb.lookup_type("unsigned long"))))
    except gdb.error:
        return None


def of_memory(value):
    """What is too large for gdb to compute with."""
    memory = gdb.selected_inferior().read_memory(int(value.address), value.type.sizeof)
    return int.from_bytes(memory.tobytes(), "little", signed="unsigned" not in str(plain(value.type)))


def described(value):
    kind = plain(value.type)
    found = {"type": str(kind), "size": kind.sizeof, "address": address_of(value)}
    if value.is_optimized_out:
        found["state"] = "optimized out"
        return found
    code = kind.code
    if code == gdb.TYPE_CODE_PTR:
        if "(synthetic pointer)" in value.format_string():
            found["state"] = "left out, but what it points to is described"
            return found
        found["number"] = str(int(value.cast(gdb.lookup_type("unsigned long"))) & WORD)
        if plain(kind.target()).code == gdb.TYPE_CODE_FUNC:
            found["text"] = value.format_string(symbols=True)
    elif code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM):
        found["number"] = str(int(value) if kind.sizeof <= 8 else of_memory(value))
        if code == gdb.TYPE_CODE_ENUM:
            found["text"] = value.format_string()
    elif code == gdb.TYPE_CODE_FLT and kind.sizeof <= 8:
        found["float"] = float(value).hex()
    else:
        # Its parts are asked for one by one; but that it can be read at all is said here.
        value.fetch_lazy()
    return found


def frame_of(tid, function):
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == tid:
            thread.switch()
            break
    else:
        raise Refused("no such thread")
    frame = gdb.newest_frame()
    frame.select()
    if function is None:
        return
    found = []
    while frame is not None and len(found) < FRAMES_MAX:
        if frame.name() == function:
            found.append(frame)
        frame = frame.older()
    if len(found) != 1:
        raise Refused("%d frames of %s" % (len(found), function))
    found[0].select()


def is_variable(symbol):
    # Labels that were left out are variables to gdb.
    if str(symbol.type) == "__CORE_ADDR":
        return False
    if symbol.is_constant and symbol.type.strip_typedefs().code == gdb.TYPE_CODE_ENUM:
        # Constants of an enumeration that is declared in the function are no variables, but its variables may be constant.
        return symbol.name not in (field.name for field in symbol.type.strip_typedefs().fields())
    return symbol.is_variable or symbol.is_argument or symbol.is_constant


def locals_of_frame(frame):
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None and not block.is_global and not block.is_static:
        for symbol in block:
            if is_variable(symbol):
                try:
                    value = described(frame.read_var(symbol, block))
                except Exception as error:
                    value = {"error": str(error)}
                value.update(name=symbol.name, function=frame.name())
                yield value
        if block.function is not None:
            return
        block = block.superblock


def locals_of_thread():
    frame, found = gdb.newest_frame(), []
    while frame is not None and frame.is_valid() and len(found) < 4096:
        found.extend(locals_of_frame(frame))
        frame = frame.older()
    return found


def answer(question):
    try:
        if "tid" in question:
            frame_of(question["tid"], question.get("function"))
        if question.get("locals"):
            return {"locals": locals_of_thread()}
        return described(gdb.parse_and_eval(question["expression"]))
    except Refused as refused:
        return {"refused": str(refused)}
    except Exception as error:
        return {"error": str(error)}


def main():
    # Else it goes by the frame that is selected, and system calls are assembly.
    for setting in ("language c", "pagination off", "confirm off", "debuginfod enabled off", "print entry-values no",
                    "backtrace past-main on", "backtrace past-entry on", "max-value-size unlimited"):
        gdb.execute("set " + setting)
    gdb.execute("gcore " + os.environ["MCRX_CORE"], to_string=True)
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    with open(os.environ["MCRX_ANSWERS"], "w") as answers:
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line))) + "\n")


try:
    main()
except Exception as error:
    sys.stderr.write("failed: %r\n" % error)
    sys.stderr.flush()
