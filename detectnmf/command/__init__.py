"""What `cli` and `tasks` are made of: words to Hydra (`words`), its errors to one line (`explain`, `suggest`), settings checked
(`settings`), the parts that there are (`parts`), where results go (`folder`), what a job says (`joblog`, `summary`), where a result
comes from (`provenance`)."""
