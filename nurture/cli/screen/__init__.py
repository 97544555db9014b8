"""The screen of `nurture top`: a frame of text made from facts, and the live screen around it."""
