"""One knob, many values: how much is found at each, and how much of that would be found in nothing."""
