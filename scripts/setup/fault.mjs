/** A failure whose message is all that the reader gets: what, where, what to do. Anything else is a mistake of ours. */
export class SetupFault extends Error {
  constructor (message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}
