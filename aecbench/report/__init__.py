"""The output of the command line, one file per purpose: tables and lines for readers, facts for programs."""
