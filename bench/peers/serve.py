"""Runs a peer's script again and again in one process: every line on standard
input is a command line, and every answer one line of JSON.

    python bench/peers/serve.py blas_gemm.py
    -m 1024 -n 1024 -k 1024 --threads 2

Importing PyTorch takes seconds; a process that stays saves them. It computes
nothing while it waits. Peak memory is measured otherwise, in processes of their
own.
"""

import gc
import importlib
import json
import shlex
import sys
import traceback

import common


def main():
    script = sys.argv[1]
    module = importlib.import_module(script.removesuffix(".py"))
    answer = []
    # report is in the script's own names, too, if it was imported from common
    module.report = common.report = lambda result, as_json, line: answer.append(result)
    for request in sys.stdin:
        answer.clear()
        sys.argv = [script, *shlex.split(request), "--json"]
        try:
            module.main()
            out = answer[0]
        except BaseException as e:  # argparse ends by SystemExit
            traceback.print_exc()
            out = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(out), flush=True)
        if "torch._dynamo" in sys.modules:
            sys.modules["torch._dynamo"].reset()  # else, after some models, nothing is compiled any more
        gc.collect()


if __name__ == "__main__":
    main()
