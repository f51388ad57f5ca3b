"""Chat servers that speak OpenAI's protocol: asking them, rendering, reading. No hooks."""
