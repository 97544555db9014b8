"""Cases tried on the simulator: played, judged, told; and written down from what really happened."""
