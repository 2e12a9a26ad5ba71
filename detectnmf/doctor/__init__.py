"""`detectnmf doctor`: what a movie is like, what is wrong with it, and what a run will take, within half a minute.

Map: `sample` reads; one file for each thing looked at (`orientation`, `values`, `frames`, `bleaching`, `noise`, `motion`, `look`, and on a
piece of the movie `trial`, `rate`, `cost`), each giving a `Finding`; `checkup` puts them together; `text` and `page` show them.
"""
