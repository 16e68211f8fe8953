import Spawning
