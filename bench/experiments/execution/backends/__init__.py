"""Back ends that run the cells of a plan: this process, others on this machine, a Dask cluster, a Slurm cluster."""
