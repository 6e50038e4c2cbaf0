"""Who may do what, how often, and what was done: rates, the audit log, sessions of the web page."""
