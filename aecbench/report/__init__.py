"""What the command line prints, a file per purpose: tables and lines for people, facts for programs."""
