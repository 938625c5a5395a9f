"""What lbcli tells about the director, as the tests and the demo need it. Mixed into Lab."""


class Views:
    """Needs `show(*arguments)`: the JSON of `lbcli show`."""

    def services(self):
        return self.show("service")["services"]

    def service(self, name):
        return next(each for each in self.services() if each["name"] == name)

    def real_servers(self):
        """Every real server of every service; `address` is "10.0.0.11:80"."""
        return self.show("rs")["real_servers"]

    def connections(self, *filters):
        return self.show("conn", *filters)["connections"]

    def port(self, name):
        return next(each for each in self.show("port")["ports"] if each["name"] == name)

    def stats(self):
        return self.show("stats")

    def drops(self):
        """{reason: packets} of every reason."""
        return {each["reason"]: each["packets"] for each in self.show("drops")["drops"]}
