"""The parts of the side-by-side: the peers' environment, what is run, what each tool offers, the page."""
