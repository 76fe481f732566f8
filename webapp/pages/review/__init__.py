"""The review desk: what waits, the talk beside its feedback, and the decision."""
