"""Output of lbcli about the director, as the tests and the demo need it. Mixed into Lab."""


def _with_endpoint(row):
    port = f":{row['port']}" if row["port"] else ""  # one that keeps the client's port has none
    return row | {"endpoint": row["address"] + port}


class Views:
    """Needs `show(*arguments)`: the JSON of `lbcli show`."""

    def service(self, name):
        """One service with its counters."""
        return next(row for row in self.show("stats")["services"] if row["name"] == name)

    def real_servers(self):
        """Every real server of every service; `endpoint` is "10.0.0.11:80"."""
        return [_with_endpoint(row) for row in self.show("rs")["real_servers"]]

    def connections(self, *filters):
        return self.show("conn", *filters)

    def connection_count(self):
        return self.show("service")["connections"]

    def port(self, name):
        return next(row for row in self.show("port")["ports"] if row["name"] == name)

    def generation(self):
        """Number of the snapshot that the data plane forwards by."""
        return self.show("service")["generation"]

    def drops(self):
        """{reason: packets} of every reason."""
        return {row["reason"]: row["packets"] for row in self.show("drops")["drops"]}

    def roles(self):
        """{instance: "MASTER", "BACKUP" or "FAULT"}."""
        return {row["name"]: row["state"] for row in self.show("ha")["instances"]}
