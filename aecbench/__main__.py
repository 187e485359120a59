"""The command line, run as `python -m aecbench`."""

from aecbench.cli import main

if __name__ == "__main__":
    main(prog_name="aecbench")
