"""Chat formats: conversations rendered by templates of strangers, and turned into tokens."""
