"""Jobs over many planes: generators that yield progress."""
