"""Leaderboards as pages for a browser: files in a folder, without a server, a network, or anything from elsewhere."""

from aecbench.leaderboard.site.pages import CSP, build

__all__ = ["CSP", "build"]
