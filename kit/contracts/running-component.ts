/** What every component's composition root returns: something that runs until it is told to stop. */
export interface RunningComponent {
  /** Releases sockets, timers and children. Safe to call more than once. */
  stop(): Promise<void>
}
