"""Server programs on this machine: started, waited for and stopped, whatever happens. No hooks."""
