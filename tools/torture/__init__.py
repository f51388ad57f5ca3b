"""What a bad day does to runs: experiments, and the table of what held."""
