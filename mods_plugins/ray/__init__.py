"""What plug-ins share of Ray: the connection, and k-center over shards."""
