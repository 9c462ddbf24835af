"""The models of the seeds, each a file of pure functions on frozen parameters."""
