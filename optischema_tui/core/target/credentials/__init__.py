"""Where a password comes from. `order.find` asks the places one after the other; the first that has one wins."""
