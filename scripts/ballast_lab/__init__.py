"""The lab: clients, a router, a director and real servers in network namespaces.

Used by scripts/lab, scripts/demo and the end-to-end tests. Standard library only.
"""
