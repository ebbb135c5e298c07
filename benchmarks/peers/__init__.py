"""One file a peer: what it does of the workloads as its documentation says to, and why not the rest."""
