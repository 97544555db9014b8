"""Learning a scorecard: from a customer's own history to integer points that a human reads before they count.

Nothing here puts anything in force. It needs the optional packages of `nurture[learn]`, so no other package imports it, and
commands import it only inside their functions.
"""
