"""Finding models by words and names among a million of them."""
