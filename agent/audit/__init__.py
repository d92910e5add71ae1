"""The attack test: published attacks run against what would be published, and against two trackers without Fairhaul.

An attacker here knows all that leaves and when it arrives, the agreement, and when each shift began and ended. What
is to stay hidden comes from the simulator's truth, or from a file. Every attack that should fail on Fairhaul is run
on two baselines too, on which it must succeed: one that fails everywhere is broken.
"""
