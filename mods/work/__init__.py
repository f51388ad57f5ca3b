"""Work on rows: through a cache, by an executor, with progress and costs."""
