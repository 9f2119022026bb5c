"""The console: one admin site for all parts, and the pages that join several of them."""
