"""`nurture demo`: a made-up crowd reads a made-up blog, against the real engine, in compressed time."""
