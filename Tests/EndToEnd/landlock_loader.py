#!/usr/bin/env python3
# Loads a Landlock ruleset from JSON in the form of the Landlock project's configuration files, and runs a program
# under it. Usage: landlock_loader.py RULESET COMMAND...; exit code 77 where the kernel has no Landlock (landlock(7)).

import ctypes
import json
import os
import stat
import struct
import sys

CREATE, ADD, RESTRICT = 444, 445, 446
FILES = [
    "execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char", "make_dir", "make_reg",
    "make_sock", "make_fifo", "make_block", "make_sym", "refer", "truncate", "ioctl_dev",
]
FOR_FILES = {"execute", "write_file", "read_file", "truncate", "ioctl_dev"}
PORTS = ["bind_tcp", "connect_tcp"]
# How many accesses each ABI knows.
FILES_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock call {number}")
    return result


def bits(names, known):
    return sum(1 << known.index(name) for name in names if name in known)


def main():
    abi = libc.syscall(CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        sys.exit(77)
    files = FILES[:FILES_OF_ABI.get(abi, len(FILES))]
    ports = PORTS if abi >= 4 else []
    rules = json.load(open(sys.argv[1]))
    held = {}
    for part in rules["ruleset"]:
        held.update(part)
    attribute = struct.pack("QQ", bits(held["handledAccessFs"], files), bits(held.get("handledAccessNet", []), ports))
    attribute = attribute[: 16 if abi >= 4 else 8]
    ruleset = call(CREATE, attribute, ctypes.c_size_t(len(attribute)), 0)
    for rule in rules["pathBeneath"]:
        for path in rule["parent"]:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            names = rule["allowedAccess"]
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                names = [name for name in names if name in FOR_FILES]
            if bits(names, files):
                call(ADD, ruleset, 1, struct.pack("=Qi", bits(names, files), place), 0)
    for rule in rules.get("netPort", []) if ports else []:
        for port in rule["port"]:
            call(ADD, ruleset, 2, struct.pack("QQ", bits(rule["allowedAccess"], ports), port), 0)
    libc.prctl(38, 1, 0, 0, 0)
    call(RESTRICT, ruleset, 0)
    os.execvp(sys.argv[2], sys.argv[2:])


main()
