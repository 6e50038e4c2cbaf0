"""The central server, the only code that opens its database: routes translate, services decide."""
