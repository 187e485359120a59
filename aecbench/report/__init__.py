"""The output of the command line, a file per purpose: tables and lines for people, facts for programs."""
