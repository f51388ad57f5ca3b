"""The method, one file a stage of the paper (MoDS, arXiv 2311.15653); knows no disk, no picture."""
