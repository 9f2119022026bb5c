"""The kinds of directory that passwords are written to. No Django at or below this package: agents use it too."""
