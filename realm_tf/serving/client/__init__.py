"""The client of a server, on tensorflow-serving-api."""
