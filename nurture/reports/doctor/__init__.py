"""`nurture doctor`: a look at everything an installation rests on. Each area has a module: facts are fetched, then judged by pure
functions; `examining` makes all checks side by side, `finding` says how findings are told.
"""
