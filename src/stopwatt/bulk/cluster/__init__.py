"""A bulk run on the nodes of a Ray cluster: the pipeline of one machine on each, fed and heard by one driver."""
