"""The composition root: the only place that knows concrete classes and lifetimes, a module for each job."""
