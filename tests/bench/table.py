"""The table that a benchmark prints: what was measured, its value, the goal, and whether it was met."""


class Table:
    """Rows in the order in which they were added."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, goal="", met=None):
        """`met` is None where there is no goal."""
        self.rows.append((what, value, goal, "" if met is None else "met" if met else "MISSED"))

    def at_most(self, what, value, most, unit, digits=1):
        """A value that is to stay at or below a bound."""
        tail = f" {unit}" if unit else ""
        self.add(what, f"{value:.{digits}f}{tail}", f"<= {most:g}{tail}", value <= most)

    def show(self):
        width = max(len(what) for what, *_ in self.rows)
        print(f"{'measured':<{width}} {'value':>12}  {'goal':>11}  verdict")
        for what, value, goal, verdict in self.rows:
            print(f"{what:<{width}} {value:>12}  {goal:>11}  {verdict}".rstrip())
