"""The store of pushed models, what serves from it, and the Pusher."""
