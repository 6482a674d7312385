"""The headers by which a load asks the played load balancer which target group answered; AWS has neither.

An application that says nothing of sides can be judged by them: who answered, and who failed, is known of each request.
"""

ASKS_HEADER = "X-Rehearsal-Asks"
"""A request with it (whatever its value) is told; the target does not get to see it."""

GROUP_HEADER = "X-Rehearsal-Group"
"""The answer's: the ARN of the target group that was chosen, also when the load balancer had to answer in its place."""
