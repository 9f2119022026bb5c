"""Telling people: messages, their delivery, channels."""
