"""What a process that sees passwords leaves behind when it dies. No Django here: agents use this too."""

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4  # linux/prctl.h


def keep_out_of_core_dumps() -> None:
    """Let no crash write this process's memory to a file, nor another process of the same user read it.

    The limit alone does not stop a kernel that pipes core dumps into a program (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
