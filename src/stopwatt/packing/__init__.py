"""One file that holds a converted model and everything that is needed to trust and serve it: `stopwatt pack`."""
