"""The digits demo."""
