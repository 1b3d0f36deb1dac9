"""Development tools: comparison of results between two versions, and measurement of the structure of the source."""
