"""The parts of the scorer `coherence`: its features, broken responses, and the fit. No hooks."""
