"""TensorBoard that ends when its standard input does: with whoever started it, however that ends. Its folder for
temporary files is its own and goes with it."""
import os
import shutil
import signal
import sys
import threading

from tensorboard.main import run_main


def end_with_input():
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    # From a thread, past the server's own loop. TensorBoard's data server watches its input in the same way.
    os._exit(0)


# Ctrl-C in a terminal is for whoever started it, whose end is seen: where there are no groups of processes.
signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=end_with_input, daemon=True).start()
run_main()
