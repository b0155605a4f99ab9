"""Who runs the cells of a plan: this process, others on this machine, a Dask cluster, a Slurm cluster."""
