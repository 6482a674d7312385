"""AWS CodePipeline, played: the synthesised pipeline's actions in their order, against the emulator."""
