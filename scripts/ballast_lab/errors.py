"""What goes wrong in a lab."""


class LabError(Exception):
    """Something an operator can mend; the message says what."""
