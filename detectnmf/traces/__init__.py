"""What a trace says: its noise and the level at which it rests, when the cell is active, and how strongly.

Map: `base` the contract, `oasis` the default and its knobs, `none`. `project` traces from the movie's own evidence; `levels`, `baseline`
where they rest; `spectrum` noise and autoregressive coefficients, `decay` how fast transients decay; `rest` puts these together;
`deconvolve` spikes, by `pools` (order 1) or `pivot` (any order), both exact.
"""
