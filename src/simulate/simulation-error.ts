// What ends a simulation because of what it was given, not because of a fault of ours.

/** The message is for people, and says what to do where something can be done. */
export class SimulationError extends Error {}
