"""Events: what dips, surges, grows, moves and fades. `grid` is the movie in small squares, `measure` says what an event is like."""
