"""Pictures of all that the simulator can make, as a folder to look through.

`gallery` is the whole: it asks a `catalogue` for options, draws them and writes the index (`page`, `captions`). A kind of page each:
`matrix` (shapes under PSFs), `kernels` (PSFs; `measure` takes their widths), `traces` (trace models), `variations` (other parts),
`movies` (scenes and experiments; `watch` looks at every frame once). `style` is how they look.
"""
