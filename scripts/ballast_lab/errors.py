"""What goes wrong in a lab."""


class LabError(Exception):
    """An error that an operator can fix; the message says how."""
