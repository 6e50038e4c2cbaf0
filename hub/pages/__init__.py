"""The hub's web page: server-rendered, readable without JavaScript."""
