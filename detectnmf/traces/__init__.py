"""What a trace says: its noise and the level at which it rests."""
