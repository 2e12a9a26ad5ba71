"""The configuration: a verb each at the top (run, simulate, train, evaluate, demo), a folder for each kind of part.

A new part is one YAML file in its folder; `_target_` names the class, the other keys are exactly its arguments.
"""
