/** The simulator's public face: in this process `Simulator`, in another one `createControl`. */

export type { AddedMedium, MediumSpec } from './add-medium.ts'
export { type SimulateOptions, simulate } from './cli.ts'
export { type Control, createControl } from './control/client.ts'
export { BadInput } from './control/input.ts'
export type { Act, Cut, FaultSpec, ScriptedFault } from './faults.ts'
export type { CallEntry, CallFilter, CallPredicate, WaitOptions } from './log.ts'
export { type App, defaultApp, type SimulatorOptions, type Switches } from './options.ts'
export { seededBytes } from './seeded-bytes.ts'
export type { ClockReading, SettableClock } from './settable-clock.ts'
export { type ClockChange, type Invalidation, Simulator } from './simulator.ts'
