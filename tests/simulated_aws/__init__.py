"""A simulated AWS for whole rollouts: boto3's clients in memory, on one clock, with faults at any call.

A whole rollout on it, with the engine's own adapters and handlers, killed at its 40th call:

    world = SimulatedAws(seed=1, disturbances=Disturbances(propagation=(0, 60), stale_reads=5))
    target = OneTarget(world, steps=(Step(10, timedelta(minutes=5)),), rate=200)
    target.change(guardrails=(ErrorComparison(),))
    world.release_is("2", Behaviour(errors=0.05))
    invariants = Invariants(target)
    engine = RealEngine(world)
    machine = engine.machine()
    world.faults.at(40, Fault.KILL_AFTER)
    execution = machine.begin("r1", {"target": target.name, "release": {"name": "2"}})
    machine.run()
    invariants.check_nothing_lost()
    invariants.check_end()
    assert execution.output["outcome"] == "ROLLED_BACK"

Two workers at once: `world.interrupt(40, machine.deliver_again)`. An abort at any point: `world.interrupt(40, lambda:
world.run("cli", lambda: engine.abort(target.settings)))`. The table down: `world.faults.outage("dynamodb")`. A stack
update: `target.change(…)`, or other handlers in `machine.handlers`. How many calls there are: `world.number`.
"""
